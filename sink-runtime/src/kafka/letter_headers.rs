//! Pure. The headers of a dead letter: the message's own, as they were, then ours that say what happened to it.

use std::fmt::Display;

use rdkafka::message::{Header as KafkaHeader, OwnedHeaders};

use crate::dead_letter::{Letter, letter_id};
use crate::record::Headers;

/// Beginning of the names of our headers.
const PREFIX: &str = "sink.error.";

/// Returns the headers of a letter that the consumer group `group` rejected.
pub(super) fn letter_headers(letter: &Letter, group: &str) -> OwnedHeaders {
    let message = &letter.message;
    let mut headers = originals(&message.headers);
    headers = text(headers, "id", letter_id(&letter.from, message.offset));
    headers = text(headers, "topic", &letter.from.topic);
    headers = text(headers, "partition", letter.from.partition);
    headers = text(headers, "offset", message.offset);
    if let Some(timestamp_ms) = message.timestamp_ms {
        headers = text(headers, "timestamp", timestamp_ms);
    }
    headers = text(headers, "stage", letter.reason.stage());
    headers = text(headers, "reason", &letter.reason);
    if let Some(status) = letter.reason.http_status() {
        headers = text(headers, "http.status", status);
    }
    headers = text(headers, "attempts", letter.attempts.saturating_add(1));
    headers = text(headers, "group", group);
    text(headers, "version", env!("CARGO_PKG_VERSION"))
}

fn originals(headers: &Headers) -> OwnedHeaders {
    match headers {
        Headers::Readable(headers) => headers.iter().fold(OwnedHeaders::new(), |originals, header| {
            originals.insert(KafkaHeader { key: &header.name, value: header.value.as_deref() })
        }),
        Headers::Unreadable(sealed) => {
            let originals: Option<&OwnedHeaders> = sealed.content();
            originals.cloned().expect("headers are sealed only by the consumer, as its own type")
        }
    }
}

fn text(headers: OwnedHeaders, name: &str, value: impl Display) -> OwnedHeaders {
    headers.insert(KafkaHeader { key: &format!("{PREFIX}{name}"), value: Some(&value.to_string()) })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use rdkafka::message::Headers as _;

    use super::letter_headers;
    use crate::budget::Hold;
    use crate::dead_letter::Letter;
    use crate::map::Rejection;
    use crate::record::{Header, Headers, Message, Offset, Partition, Topic, TopicPartition};

    fn check(reason: Rejection, timestamp_ms: Option<i64>, expected: &[(&str, Option<&str>)]) {
        let own = [("a", Some("1")), ("a", None), ("b", Some(""))];
        let own = own.map(|(name, value)| Header {
            name: name.to_owned(),
            value: value.map(|value| Bytes::copy_from_slice(value.as_bytes())),
        });
        let message = Message {
            offset: Offset(17),
            timestamp_ms,
            key: None,
            value: None,
            headers: Headers::Readable(own.to_vec()),
            hold: Hold::none(),
        };
        let from = TopicPartition { topic: Topic::new("t"), partition: Partition(3) };
        let headers = letter_headers(
            &Letter { from, message: Arc::new(message), reason, attempts: 1 },
            "plant.cameras",
        );
        let as_text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
        let headers: Vec<(String, Option<String>)> =
            headers.iter().map(|header| (header.key.to_owned(), header.value.map(as_text))).collect();
        let headers: Vec<(&str, Option<&str>)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        assert_eq!(headers, expected);
    }

    #[test]
    fn own_headers_stay_and_ours_follow() {
        check(
            Rejection::KeyMissing,
            None,
            &[
                ("a", Some("1")),
                ("a", None),
                ("b", Some("")),
                ("sink.error.id", Some("t/3/17")),
                ("sink.error.topic", Some("t")),
                ("sink.error.partition", Some("3")),
                ("sink.error.offset", Some("17")),
                ("sink.error.stage", Some("map")),
                ("sink.error.reason", Some("the entry needs a key and the message has none")),
                ("sink.error.attempts", Some("2")),
                ("sink.error.group", Some("plant.cameras")),
                ("sink.error.version", Some(env!("CARGO_PKG_VERSION"))),
            ],
        );
    }

    #[test]
    fn refusal_of_the_store_is_told_with_its_status() {
        let refused = Rejection::Refused { offset: Offset(17), message: "no".to_owned(), status: 422 };
        check(
            refused,
            Some(-1),
            &[
                ("a", Some("1")),
                ("a", None),
                ("b", Some("")),
                ("sink.error.id", Some("t/3/17")),
                ("sink.error.topic", Some("t")),
                ("sink.error.partition", Some("3")),
                ("sink.error.offset", Some("17")),
                ("sink.error.timestamp", Some("-1")),
                ("sink.error.stage", Some("write")),
                ("sink.error.reason", Some("the store refuses the record at offset 17: no")),
                ("sink.error.http.status", Some("422")),
                ("sink.error.attempts", Some("2")),
                ("sink.error.group", Some("plant.cameras")),
                ("sink.error.version", Some(env!("CARGO_PKG_VERSION"))),
            ],
        );
    }
}
