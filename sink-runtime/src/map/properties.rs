//! Pure. What holds for any message and any mapping: a legal record whose values decode back, or a rejection.
//!
//! Legal is what the store itself makes of it: its own parser reads back what would be sent. The rules for names are
//! checked against the headers, not by the code that made them.

mod inputs;
mod places;

use std::collections::{BTreeMap, HashMap, HashSet};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use inputs::{any_mapping, any_message};
use kafkasink_crds::entry_name::EntryName;
use kafkasink_crds::runtime_config::{
    ContentTypeConfig, HeaderLabels, KeyEncoding, LabelsConfig, MappingConfig, TimestampConfig,
};
use proptest::prelude::{ProptestConfig, prop, proptest};
use proptest::sample::select;
use reduct_base::batch::v2::{encode_entry_name, parse_batched_headers};

use super::{Mapper, Rejection, decode};
use crate::budget::Hold;
use crate::record::{Header, Headers, Message, Offset, Partition, Record, Topic, TopicPartition};

/// Most labels that a reader can be sent.
const LABELS_MAX: usize = 1_010;

/// Most bytes of label names and values.
const LABEL_BYTES_MAX: usize = 200 * 1024;

fn map(mapping: &MappingConfig, message: &Message) -> Result<Record, Rejection> {
    let partition = TopicPartition { topic: Topic::new("a.b"), partition: Partition(3) };
    Mapper::new(mapping, 1).unwrap().partition(&partition, crate::record::Life::FIRST, None).map(message)
}

fn headers_of(message: &Message) -> &[Header] {
    match &message.headers {
        Headers::Readable(headers) => headers,
        Headers::Unreadable(_) => panic!("no such headers are made here"),
    }
}

fn labels_of(record: &Record) -> HashMap<String, String> {
    let labels: HashMap<String, String> =
        record.all_labels().map(|(name, value)| (name.to_owned(), value.into_owned())).collect();
    assert_eq!(labels.len(), record.all_labels().count(), "each name occurs once");
    labels
}

/// Reads the record's head as the store does when it arrives in a batch, and as a reader does who asks for it alone.
fn check_store_reads_it_back(record: &Record) {
    let labels = labels_of(record);
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let head = format!("{},{},{}", record.body.len(), record.content_type, pairs.join(","));
    let sent = [
        ("x-reduct-start-ts", record.place.0.to_string()),
        ("x-reduct-entries", encode_entry_name(record.entry.as_str())),
        ("x-reduct-0-0", head),
    ];
    let request: HeaderMap = sent
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(&value).unwrap()))
        .into_iter()
        .collect();
    let read = parse_batched_headers(&request).unwrap();
    assert_eq!(
        (read.len(), read[0].entry.as_str(), read[0].timestamp),
        (1, record.entry.as_str(), record.place.0)
    );
    assert_eq!(read[0].header.labels, labels);
    assert_eq!(read[0].header.content_type, *record.content_type);
    for (name, value) in &labels {
        let name = format!("x-reduct-label-{name}").parse::<HeaderName>().unwrap();
        assert_eq!(name.as_str(), name.as_str().to_lowercase());
        assert_eq!(HeaderValue::from_str(value).unwrap().to_str().unwrap().trim(), value);
    }
    EntryName::parse(record.entry.as_str()).unwrap();
}

/// Follows the headers in order and takes each one's label, or its name in a list, off what the record has.
fn check_labels_stand_for_headers(mapping: &MappingConfig, message: &Message, record: &Record) {
    let mut labels = labels_of(record);
    let (mut empty, mut null) = (list(&mut labels, "kafka_empty"), list(&mut labels, "kafka_null"));
    let mut in_order =
        record.labels.iter().map(|label| label.name.clone()).filter(|name| name != "kafka_offset");
    let mut taken = reserved(&mapping.labels);
    for header in headers_of(message).iter().filter(|header| is_kept(mapping, message, header)) {
        let name = match header.value.as_deref() {
            None => null.next().unwrap(),
            Some([]) => empty.next().unwrap(),
            Some(value) => {
                let name = in_order.next().unwrap();
                assert_eq!(decode(&labels.remove(&name).unwrap()), value, "{name}");
                name
            }
        };
        check_name(&mapping.labels, header, &name, &taken);
        assert!(taken.insert(name), "no name is given twice, in labels and lists together");
    }
    check_our_labels(mapping, message, &mut labels, empty);
    assert_eq!((labels, null.next()), (HashMap::new(), None), "nothing else is there");
}

fn list(labels: &mut HashMap<String, String>, label: &str) -> impl Iterator<Item = String> + use<> {
    let names = labels.remove(label).unwrap_or_default();
    names.split(';').map(str::to_owned).filter(|name| !name.is_empty()).collect::<Vec<_>>().into_iter()
}

fn check_our_labels(
    mapping: &MappingConfig,
    message: &Message,
    labels: &mut HashMap<String, String>,
    mut empty: impl Iterator<Item = String>,
) {
    assert_eq!(labels.remove("kafka_offset"), Some(message.offset.0.to_string()));
    assert_eq!(labels.remove("kafka_tombstone").as_deref(), message.value.is_none().then_some("1"));
    labels.remove("kafka_timestamp");
    for (name, value) in &mapping.labels.fixed {
        assert_eq!(labels.remove(name).as_ref(), Some(value));
    }
    match (&mapping.labels.key, message.key.as_deref()) {
        (Some(rule), Some([])) => assert_eq!(empty.next().as_ref(), Some(&rule.label)),
        (Some(rule), Some(key)) => {
            let text = labels.remove(&rule.label).unwrap();
            let bytes = match rule.encoding {
                KeyEncoding::Percent => decode(&text),
                KeyEncoding::Base64 => BASE64_STANDARD.decode(text).unwrap(),
                KeyEncoding::Hex => (0..text.len())
                    .step_by(2)
                    .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
                    .collect(),
            };
            assert_eq!(bytes, key);
        }
        (None, _) | (_, None) => {}
    }
    assert_eq!(empty.next(), None);
}

fn reserved(labels: &LabelsConfig) -> HashSet<String> {
    labels.fixed.keys().cloned().chain(labels.key.iter().map(|key| key.label.clone())).collect()
}

/// Tells whether the header becomes a label: by the policy, or because it names a content type that is none.
fn is_kept(mapping: &MappingConfig, message: &Message, header: &Header) -> bool {
    let first = |name: &String| headers_of(message).iter().find(|h| h.name == *name);
    let named = mapping.content_type.header.as_ref().and_then(first);
    let is_illegal =
        named.is_some_and(|named| named.name == header.name && legal_content_type(named).is_none());
    is_illegal
        || match &mapping.labels.headers {
            HeaderLabels::All { exclude } => !exclude.contains(&header.name),
            HeaderLabels::None => false,
            HeaderLabels::Listed { items } => items.iter().any(|item| item.name == header.name),
        }
}

fn legal_content_type(header: &Header) -> Option<&str> {
    let text = std::str::from_utf8(header.value.as_deref()?).ok()?;
    let is_visible = text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && !b",\"".contains(&byte));
    (is_visible && !text.is_empty() && text.len() <= 255 && text.trim() == text).then_some(text)
}

/// The name is the one that the rule gives, or has the first free number where that is taken.
fn check_name(labels: &LabelsConfig, header: &Header, name: &str, taken: &HashSet<String>) {
    let listed = match &labels.headers {
        HeaderLabels::Listed { items } => items.iter().find(|item| item.name == header.name),
        HeaderLabels::All { .. } | HeaderLabels::None => None,
    };
    let plain =
        listed.map_or_else(|| named_by_rule(&header.name, &reserved(labels)), |item| item.label.clone());
    let numbered = (2..).map(|number| format!("{plain}.{number}"));
    let free = std::iter::once(plain.clone()).chain(numbered).find(|free| !taken.contains(free));
    assert_eq!(Some(name), free.as_deref(), "{header:?}");
}

fn named_by_rule(header: &str, reserved: &HashSet<String>) -> String {
    let kept = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '_' | '.' | '-');
    let mut name: String =
        header.to_ascii_lowercase().chars().map(|c| if kept(c) { c } else { '_' }).collect();
    if name.parse::<u128>().is_ok() || name.is_empty() || name.chars().all(|c| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    if name.starts_with("kafka_") || reserved.contains(&name) { format!("header_{name}") } else { name }
}

/// A rejection names something that is so.
fn check_rejection_is_just(mapping: &MappingConfig, message: &Message, rejection: &Rejection) {
    let headers = headers_of(message);
    let first = |name: &str| headers.iter().find(|header| header.name == name);
    match rejection {
        Rejection::KeyMissing => assert!(mapping.entry.contains("{key}") && message.key.is_none()),
        Rejection::EntryHeaderMissing(name) => {
            assert!(first(name).is_none_or(|header| header.value.is_none()));
        }
        Rejection::EntryIllegal(_) => assert_ne!(mapping.entry, "{topic}/{partition}"),
        Rejection::TimestampMissing(name) => assert!(first(name).is_none_or(|header| header.value.is_none())),
        Rejection::TimestampUnreadable(name) => {
            assert!(first(name).is_some_and(|header| header.value.is_some()));
        }
        Rejection::TimestampTooLarge(time) => assert!(*time > i128::from(u64::MAX - 3_600_000_000)),
        Rejection::LabelsTooLarge { bytes, .. } => assert!(*bytes > LABEL_BYTES_MAX),
        Rejection::LabelsTooMany { count, .. } => {
            assert!(*count > LABELS_MAX && headers.len() > LABELS_MAX - 10);
        }
        Rejection::LabelNameTooLong { bytes, .. } => assert!(*bytes > 1_024),
        Rejection::HeaderNameUnreadable | Rejection::Refused { .. } => panic!("{rejection}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn any_message_becomes_a_legal_record_or_is_rejected_for_a_reason(mapping in any_mapping(), message in any_message()) {
        match map(&mapping, &message) {
            Ok(record) => {
                check_store_reads_it_back(&record);
                check_labels_stand_for_headers(&mapping, &message, &record);
                assert_eq!(record.body, message.value.clone().unwrap_or_default());
                let named = mapping.content_type.header.as_deref();
                let named = named.and_then(|name| headers_of(&message).iter().find(|header| header.name == name));
                let expected = named.and_then(legal_content_type).unwrap_or("application/octet-stream");
                assert_eq!(&*record.content_type, expected);
                assert!(record.all_labels().count() <= LABELS_MAX + 1);
                let bytes: usize = record.labels.iter().map(|label| label.name.len() + label.value.len()).sum();
                assert!(bytes <= LABEL_BYTES_MAX && record.labels.iter().all(|label| label.name.len() <= 1_024));
            }
            Err(rejection) => check_rejection_is_just(&mapping, &message, &rejection),
        }
    }

    #[test]
    fn entries_of_different_partitions_never_meet(
        topics in prop::sample::subsequence(vec!["a", "a.b", "a.b.c", "b", "a_b", "a-b", "A"], 2),
        partitions in (0..12_i32, 0..12_i32),
        keys in (select(["a", "b", "0", "1", "c"].as_slice()), select(["a", "b", "0", "1", "c"].as_slice())),
        template in select(["{topic}/{partition}", "{key}/{topic}/{partition}", "{topic}/{partition}/{key}", "{partition}/{topic}/x-{date}/{key}"].as_slice()),
    ) {
        let mapping = MappingConfig {
            entry: template.to_owned(),
            timestamp: TimestampConfig::Message,
            labels: LabelsConfig { headers: HeaderLabels::None, key: None, fixed: BTreeMap::new() },
            content_type: ContentTypeConfig { default: "a/b".to_owned(), header: None },
        };
        let entry = |topic: &str, partition: i32, key: &'static str| {
            let message = Message {
                offset: Offset(0), timestamp_ms: Some(0), key: Some(Bytes::from(key)), value: None,
                headers: Headers::Readable(Vec::new()), hold: Hold::none(),
            };
            let at = TopicPartition { topic: Topic::new(topic), partition: Partition(partition) };
            Mapper::new(&mapping, 2).unwrap().partition(&at, crate::record::Life::FIRST, None).map(&message).unwrap().entry
        };
        let other = entry(topics[1], partitions.1, keys.1);
        assert_ne!(entry(topics[0], partitions.0, keys.0), other);
        if partitions.0 != partitions.1 {
            assert_ne!(entry(topics[1], partitions.0, keys.0), other);
        }
    }
}
