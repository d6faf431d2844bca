//! Pure. Holds what the store returned against what was produced.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::workload::{Message, Sent, Workload};

/// One record as the store returned it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Microseconds since 1970-01-01 UTC.
    pub timestamp_us: u64,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// The content type.
    pub content_type: String,
    /// The body.
    pub body: Bytes,
}

/// Which message was delivered to which (partition, offset).
pub type Produced = BTreeMap<(i32, i64), Sent>;

/// The verdict on one workload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Messages that were produced.
    pub produced: u64,
    /// Messages that were found at least once, equal in every byte and label.
    pub stored: u64,
    /// Messages without any record.
    pub missing: u64,
    /// Records beyond the first one of their message, and records of no message.
    pub duplicates: u64,
    /// What differs, in words, for the first few records that are not as produced.
    pub differences: Vec<String>,
    /// Payload bytes of the equal records.
    pub bytes: u64,
}

impl Verdict {
    /// True if every message is in the store exactly once and as produced.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.stored == self.produced
            && self.missing == 0
            && self.duplicates == 0
            && self.differences.is_empty()
    }
}

/// Differences that are kept in words; there may be thousands of one kind.
const DIFFERENCES_MAX: usize = 10;

/// Takes one record after the other, so that not all payloads are in memory at once.
pub struct Comparison<'a> {
    workload: &'a Workload,
    produced: &'a Produced,
    seen: BTreeMap<(i32, i64), u64>,
    verdict: Verdict,
}

impl<'a> Comparison<'a> {
    /// Begins to compare `workload`.
    #[must_use]
    pub fn new(workload: &'a Workload, produced: &'a Produced) -> Self {
        Self { workload, produced, seen: BTreeMap::new(), verdict: Verdict::default() }
    }

    /// Takes one record that was found in the entry of `partition`.
    pub fn take(&mut self, partition: i32, stored: &Stored) {
        let offset = stored.labels.get("kafka_offset").and_then(|text| text.parse().ok());
        let place = offset.map(|offset| (partition, offset));
        let Some((place, sent)) = place.and_then(|at| self.produced.get(&at).map(|sent| (at, *sent))) else {
            self.verdict.duplicates += 1;
            return self.differs(format!("partition {partition}, {}: of no message", stored.timestamp_us));
        };
        let times = self.seen.entry(place).or_default();
        *times += 1;
        if *times > 1 {
            self.verdict.duplicates += 1;
        }
        match difference(&self.workload.message(sent), stored) {
            Some(what) => self.differs(format!("partition {partition}, offset {}: {what}", place.1)),
            None if self.seen.get(&place) == Some(&1) => {
                self.verdict.stored += 1;
                self.verdict.bytes += stored.body.len() as u64;
            }
            None => {}
        }
    }

    /// Ends the comparison: what was not seen by now is missing.
    #[must_use]
    pub fn finish(mut self) -> Verdict {
        self.verdict.produced = self.produced.len() as u64;
        self.verdict.missing =
            self.produced.keys().filter(|place| !self.seen.contains_key(place)).count() as u64;
        self.verdict
    }

    fn differs(&mut self, what: String) {
        if self.verdict.differences.len() < DIFFERENCES_MAX {
            self.verdict.differences.push(what);
        }
    }
}

/// What is wrong with the record of `message`, if anything.
fn difference(message: &Message, stored: &Stored) -> Option<String> {
    if stored.body != message.value {
        return Some(format!("body of {} bytes differs from {}", stored.body.len(), message.value.len()));
    }
    let moved = stored.labels.contains_key("kafka_timestamp");
    if !moved && stored.timestamp_us / 1_000 != message.timestamp_ms {
        return Some(format!(
            "stored at {} µs, produced at {} ms",
            stored.timestamp_us, message.timestamp_ms
        ));
    }
    let own = |name: &str| name.starts_with("kafka_");
    let labels: BTreeMap<_, _> =
        stored.labels.iter().filter(|(name, _)| !own(name)).map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let record = &message.record;
    let expected: BTreeMap<_, _> =
        record.labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
    if labels != expected {
        return Some(format!("labels {labels:?}, expected {expected:?}"));
    }
    let (actual, promised) = (&stored.content_type, record.content_type);
    (actual != promised).then(|| format!("content type {actual:?}, expected {promised:?}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::workload::{Sent, WORKLOADS};
    use super::{Comparison, Produced, Stored, Verdict};

    fn sent(index: u64) -> Sent {
        Sent { index, timestamp_ms: 1_000 + index }
    }

    fn stored(index: u64, offset: i64) -> Stored {
        let message = WORKLOADS[1].message(sent(index));
        let mut labels: BTreeMap<_, _> =
            message.record.labels.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        labels.insert("kafka_offset".into(), offset.to_string());
        let content_type = "application/json".into();
        Stored { timestamp_us: message.timestamp_ms * 1_000 + 3, labels, content_type, body: message.value }
    }

    fn check(records: &[Stored], expected: impl Fn(&Verdict) -> bool) {
        let produced: Produced = [((0, 0), sent(0)), ((0, 1), sent(4))].into();
        let mut comparison = Comparison::new(&WORKLOADS[1], &produced);
        for record in records {
            comparison.take(0, record);
        }
        let verdict = comparison.finish();
        assert!(expected(&verdict), "{verdict:?}");
    }

    #[test]
    fn everything_once_is_clean() {
        check(&[stored(0, 0), stored(4, 1)], Verdict::is_clean);
    }

    #[test]
    fn an_absent_record_is_missing() {
        check(&[stored(0, 0)], |verdict| verdict.missing == 1 && !verdict.is_clean());
    }

    #[test]
    fn a_second_record_of_one_message_is_a_duplicate() {
        check(&[stored(0, 0), stored(4, 1), stored(4, 1)], |verdict| {
            verdict.duplicates == 1 && verdict.stored == 2
        });
    }

    #[test]
    fn a_record_of_no_message_is_a_duplicate() {
        check(&[stored(0, 0), stored(4, 1), stored(8, 2)], |verdict| verdict.duplicates == 1);
    }

    #[test]
    fn a_changed_byte_label_time_or_content_type_is_a_difference() {
        let mut body = stored(4, 1);
        body.body = "x".into();
        let mut label = stored(4, 1);
        label.labels.insert("size".into(), "9".into());
        let mut time = stored(4, 1);
        time.timestamp_us += 5_000;
        let mut content_type = stored(4, 1);
        content_type.content_type = "text/plain".into();
        for wrong in [body, label, time, content_type] {
            check(&[stored(0, 0), wrong], |verdict| verdict.stored == 1 && verdict.differences.len() == 1);
        }
    }
}
