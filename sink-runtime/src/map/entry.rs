//! Pure. The entry of a record: the template filled in, constant parts once per partition.

use std::fmt::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kafkasink_crds::entry_name::{EntryName, check_segment, topic_path};
use kafkasink_crds::entry_template::{EntryTemplate, Piece, Segment};

use super::rejection::Rejection;
use crate::record::{Entry, Header, TimestampUs, TopicPartition};

/// What a template needs of one message.
#[derive(Clone, Copy, Debug)]
pub(super) struct EntryParts<'a> {
    pub(super) key: Option<&'a [u8]>,
    pub(super) headers: &'a [Header],
    pub(super) time: TimestampUs,
}

/// The names of one partition's entries.
#[derive(Debug)]
pub(super) struct EntryNames {
    template: EntryTemplate,
    partition: TopicPartition,
    /// The one name there is, where no piece depends on the message.
    constant: Option<Entry>,
    /// The name that was made last: messages of one entry tend to follow one another.
    latest: Option<Entry>,
}

impl EntryNames {
    pub(super) fn new(template: &EntryTemplate, partition: &TopicPartition) -> Self {
        let varies =
            template.needs_key() || template.needs_date() || template.header_names().next().is_some();
        let mut names =
            Self { template: template.clone(), partition: partition.clone(), constant: None, latest: None };
        if !varies {
            let nothing = EntryParts { key: None, headers: &[], time: TimestampUs(0) };
            names.constant = names.name(nothing).ok();
        }
        names
    }

    /// Returns the entry of a message.
    pub(super) fn name(&mut self, parts: EntryParts<'_>) -> Result<Entry, Rejection> {
        if let Some(entry) = &self.constant {
            return Ok(entry.clone());
        }
        let mut text = String::new();
        for (index, segment) in self.template.segments().iter().enumerate() {
            text.push_str(if index == 0 { "" } else { "/" });
            self.write_segment(&mut text, segment, parts)?;
        }
        if let Some(entry) = self.latest.as_ref().filter(|entry| entry.as_str() == text) {
            return Ok(entry.clone());
        }
        let name = EntryName::parse(&text).map_err(|_reason| Rejection::entry_illegal(&text))?;
        Ok(self.latest.insert(Entry::new(name.as_str())).clone())
    }

    fn write_segment(
        &self,
        text: &mut String,
        segment: &Segment,
        parts: EntryParts<'_>,
    ) -> Result<(), Rejection> {
        for piece in segment.pieces() {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Topic => text.push_str(&topic_path(self.partition.topic.as_str())),
                Piece::Partition => {
                    write!(text, "{}", self.partition.partition).expect("writing to a string cannot fail");
                }
                Piece::Key => text.push_str(&own_segment(parts.key.ok_or(Rejection::KeyMissing)?)?),
                Piece::Header(name) => text.push_str(&own_segment(header_value(parts.headers, name)?)?),
                Piece::Date => text.push_str(&utc_day(parts.time)?),
            }
        }
        Ok(())
    }
}

fn header_value<'a>(headers: &'a [Header], name: &str) -> Result<&'a [u8], Rejection> {
    headers
        .iter()
        .find(|header| header.name == name)
        .and_then(|header| header.value.as_deref())
        .ok_or_else(|| Rejection::EntryHeaderMissing(name.to_owned()))
}

/// Returns the value if it is one legal segment: data never adds a level to the path.
fn own_segment(value: &[u8]) -> Result<String, Rejection> {
    let text = String::from_utf8_lossy(value).into_owned();
    check_segment(&text).map_err(|_reason| Rejection::entry_illegal(&text))?;
    Ok(text)
}

fn utc_day(time: TimestampUs) -> Result<String, Rejection> {
    let beyond_calendar = || Rejection::EntryIllegal(format!("the day of {time} µs"));
    let microseconds = i64::try_from(time.0).map_err(|_too_large| beyond_calendar())?;
    let timestamp = Timestamp::from_microsecond(microseconds).map_err(|_too_large| beyond_calendar())?;
    Ok(timestamp.to_zoned(TimeZone::UTC).date().to_string())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kafkasink_crds::entry_template::EntryTemplate;

    use super::{EntryNames, EntryParts};
    use crate::map::Rejection;
    use crate::record::{Header, Partition, TimestampUs, Topic, TopicPartition};

    fn check(template: &str, key: Option<&[u8]>, expected: &Result<&str, Rejection>) {
        let template = EntryTemplate::parse(template, 1).unwrap();
        let partition = TopicPartition { topic: Topic::new("sensors.raw"), partition: Partition(3) };
        let header = Header { name: "line".to_owned(), value: Some(Bytes::from_static(b"L7")) };
        let parts = EntryParts { key, headers: &[header], time: TimestampUs(1_795_251_600_000_000) };
        let name = EntryNames::new(&template, &partition).name(parts);
        assert_eq!(name.as_ref().map(crate::record::Entry::as_str).map_err(Clone::clone), *expected);
    }

    #[test]
    fn placeholders_are_filled_in() {
        check("{topic}/{partition}", None, &Ok("sensors/raw/3"));
        check("{date}/{header:line}/{partition}", None, &Ok("2026-11-21/L7/3"));
        check("{key}/{partition}", Some(b"k_1"), &Ok("k_1/3"));
    }

    #[test]
    fn data_that_the_store_cannot_hold_is_rejected() {
        check("{key}/{partition}", None, &Err(Rejection::KeyMissing));
        check("{key}/{partition}", Some(b"a/b"), &Err(Rejection::EntryIllegal("a/b".to_owned())));
        let begun = "k".repeat(300);
        check("{key}/{partition}", Some(&[b'k'; 9_000]), &Err(Rejection::EntryIllegal(begun)));
        check("{key}/{partition}", Some(b""), &Err(Rejection::EntryIllegal(String::new())));
        check("{partition}/{key}", Some(b"q"), &Err(Rejection::EntryIllegal("3/q".to_owned())));
        check("{header:x}/{partition}", None, &Err(Rejection::EntryHeaderMissing("x".to_owned())));
    }
}
