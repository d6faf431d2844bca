//! Pure. What becomes of messages that have broken a sink before.

use bytes::Bytes;
use kafkasink_crds::runtime_config::MappingConfig;

use super::Mapper;
use crate::budget::Hold;
use crate::map::Rejection;
use crate::record::{
    Header, Headers, Life, Message, Offset, Partition, Record, SealedHeaders, Topic, TopicPartition,
};

const MAPPING: &str = "
entry: '{topic}/{partition}'
timestamp: {from: Message}
labels: {headers: {policy: All}, key: {label: kafka_key, encoding: Percent}, static: {site: north}}
contentType: {default: application/octet-stream, header: content-type}
";

fn map(message: &Message) -> Result<Record, Rejection> {
    let config: MappingConfig = serde_saphyr::from_str(MAPPING).unwrap();
    let partition = TopicPartition { topic: Topic::new("a.b"), partition: Partition(0) };
    Mapper::new(&config, 1).unwrap().partition(&partition, Life::FIRST, None).map(message)
}

fn message(headers: Vec<Header>) -> Message {
    Message {
        offset: Offset(7),
        timestamp_ms: Some(1_000),
        key: None,
        value: Some(Bytes::from_static(b"body")),
        headers: Headers::Readable(headers),
        hold: Hold::none(),
    }
}

fn header(name: &str, value: &[u8]) -> Header {
    Header { name: name.to_owned(), value: Some(Bytes::copy_from_slice(value)) }
}

fn label<'a>(record: &'a Record, name: &str) -> Option<&'a str> {
    record.labels.iter().find(|label| label.name == name).map(|label| label.value.as_str())
}

#[test]
fn label_name_that_would_end_the_store_is_rejected() {
    assert!(map(&message(vec![header(&"n".repeat(1_024), b"v")])).is_ok());
    let rejected = map(&message(vec![header(&"n".repeat(1_025), b"v")]));
    assert_eq!(rejected, Err(Rejection::LabelNameTooLong { bytes: 1_025, bytes_max: 1_024 }));
}

#[test]
fn tombstones_are_told_from_empty_values() {
    let empty = Message { value: Some(Bytes::new()), ..message(vec![]) };
    let tombstone = Message { value: None, ..message(vec![]) };
    assert_eq!(label(&map(&empty).unwrap(), "kafka_tombstone"), None);
    assert_eq!(label(&map(&tombstone).unwrap(), "kafka_tombstone"), Some("1"));
}

#[test]
fn content_type_that_the_store_cannot_hold_becomes_a_label() {
    let legal = map(&message(vec![header("content-type", b"image/png")])).unwrap();
    assert_eq!(&*legal.content_type, "image/png");
    let illegal = map(&message(vec![header("content-type", b"a\"b,c")])).unwrap();
    assert_eq!(&*illegal.content_type, "application/octet-stream");
    assert_eq!(label(&illegal, "content-type"), Some("a%22b%2Cc"));
}

#[test]
fn records_outside_their_own_millisecond_carry_their_source_time() {
    let labels = |record: &Record| record.all_labels().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
    let mut record = map(&message(vec![])).unwrap();
    assert!(!labels(&record).contains(&"kafka_timestamp".to_owned()));
    record.place = record.place.later(1_000);
    assert!(labels(&record).contains(&"kafka_timestamp".to_owned()));
    let timeless = map(&Message { timestamp_ms: Some(-1), ..message(vec![]) }).unwrap();
    assert!(labels(&timeless).contains(&"kafka_timestamp".to_owned()));
}

#[test]
fn messages_with_too_many_or_too_large_labels_are_rejected() {
    let many = (0..2_000).map(|index| header(&format!("h{index}"), b"1")).collect();
    assert!(matches!(map(&message(many)), Err(Rejection::LabelsTooMany { .. })));
    let large = vec![header("h", &[b'a'; 300_000])];
    assert!(matches!(map(&message(large)), Err(Rejection::LabelsTooLarge { .. })));
    let unreadable = Message { headers: Headers::Unreadable(SealedHeaders::new((), 0)), ..message(vec![]) };
    assert_eq!(map(&unreadable), Err(Rejection::HeaderNameUnreadable));
}
