//! Pure. Messages of any bytes, and mappings of every kind that the configuration allows.

use bytes::Bytes;
use kafkasink_crds::runtime_config::{
    ContentTypeConfig, HeaderLabel, HeaderLabels, KeyEncoding, KeyLabel, LabelsConfig, MappingConfig,
    OnMissing, TimestampConfig, TimestampUnit,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;

use crate::budget::Hold;
use crate::record::{Header, Headers, Message, Offset};

fn header(name: impl Into<String>, value: Option<impl Into<Bytes>>) -> Header {
    Header { name: name.into(), value: value.map(Into::into) }
}

const UNITS: [TimestampUnit; 4] = [
    TimestampUnit::Milliseconds,
    TimestampUnit::Microseconds,
    TimestampUnit::Nanoseconds,
    TimestampUnit::Rfc3339,
];

/// Names that meet each other, our own names, and the rules for digits, dots and upper case.
const NAMES: [&str; 33] = [
    "a",
    "A",
    "a.2",
    "a.3",
    "A.2",
    "site",
    "SITE",
    "header_site",
    "header_a",
    "kafka_offset",
    "Kafka offset",
    "kafka_key",
    "kafka_empty",
    "kafka_",
    "header_kafka_offset",
    "42",
    "_42",
    "4.2",
    "",
    "_",
    "content-type",
    "stamp",
    "key",
    "ü",
    "é",
    "a b",
    "a=b",
    "@a",
    "\"",
    "a,b",
    "..",
    "-",
    "tab\there",
];

fn pooled_name() -> impl Strategy<Value = String> {
    select(NAMES.as_slice()).prop_map(str::to_owned)
}

/// No name has a NUL: the Kafka client ends a name at it.
fn any_name() -> impl Strategy<Value = String> {
    let free = any::<String>().prop_map(|name| name.replace('\0', "0"));
    prop_oneof![6 => pooled_name(), 3 => free, 1 => (1_000..1_100_usize).prop_map(|length| "n".repeat(length))]
}

fn any_value() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop_oneof![
        1 => Just(None),
        1 => Just(Some(Vec::new())),
        4 => vec(any::<u8>(), 1..60).prop_map(Some),
        2 => vec(select(b" ,\"%=;\t1a~".as_slice()), 1..12).prop_map(Some),
        1 => "[0-9]{1,20}".prop_map(|text| Some(text.into_bytes())),
        1 => select(["image/png", "text/plain; charset=utf-8", "a,b", "\"", ""].as_slice()).prop_map(|t| Some(t.as_bytes().to_vec())),
    ]
}

fn any_header() -> impl Strategy<Value = Header> {
    (any_name(), any_value()).prop_map(|(name, value)| header(name, value))
}

/// Now and then so many or so large that no label could hold them.
fn any_headers() -> impl Strategy<Value = Vec<Header>> {
    let many =
        (pooled_name(), 900_usize..1_200).prop_map(|(name, count)| vec![header(name, Some("1")); count]);
    let large =
        (pooled_name(), 1_usize..300_000).prop_map(|(name, size)| vec![header(name, Some(vec![b'%'; size]))]);
    prop_oneof![200 => vec(any_header(), 0..16), 1 => many, 1 => large]
}

fn any_timestamp_ms() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![1 => any::<Option<i64>>(), 1 => Just(Some(-1)), 3 => (0..4_102_444_800_000_i64).prop_map(Some)]
}

pub(super) fn any_message() -> impl Strategy<Value = Message> {
    let segment =
        (select(b"aZ0_-".as_slice()), 1..260_usize).prop_map(|(byte, length)| Some(vec![byte; length]));
    let any_key = prop_oneof![2 => any_value(), 1 => segment];
    let parts = (any::<u32>(), any_timestamp_ms(), any_key, any_value(), any_headers());
    parts.prop_map(|(offset, timestamp_ms, key, value, headers)| Message {
        offset: Offset(i64::from(offset)),
        timestamp_ms,
        key: key.map(Bytes::from),
        value: value.map(Bytes::from),
        headers: Headers::Readable(headers),
        hold: Hold::none(),
    })
}

fn any_labels() -> impl Strategy<Value = LabelsConfig> {
    let exclude = vec(pooled_name(), 0..3).prop_map(|exclude| HeaderLabels::All { exclude });
    let item = |label: &'static str| {
        pooled_name().prop_map(move |name| HeaderLabel { name, label: label.to_owned() })
    };
    let items = (item("a"), item("a.2"), item("bytes"), item("header_a"));
    let listed = items.prop_map(|(a, b, c, d)| HeaderLabels::Listed { items: vec![a, b, c, d] });
    let encoding = select([KeyEncoding::Percent, KeyEncoding::Hex, KeyEncoding::Base64].as_slice());
    let key = (select(["kafka_key", "key", "k.1"].as_slice()), encoding)
        .prop_map(|(label, encoding)| KeyLabel { label: label.to_owned(), encoding });
    let fixed = btree_map(select(["site", "header_site", "42a"].as_slice()), "[a-z]{1,3}", 0..3)
        .prop_map(|fixed| fixed.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
    let headers = prop_oneof![3 => exclude, 1 => Just(HeaderLabels::None), 1 => listed];
    (headers, option::of(key), fixed).prop_map(|(headers, key, fixed)| LabelsConfig { headers, key, fixed })
}

pub(super) fn any_mapping() -> impl Strategy<Value = MappingConfig> {
    let entry = select(
        [
            "{topic}/{partition}",
            "p/{partition}/{key}",
            "{header:a}/{partition}",
            "{date}/{topic}/{partition}/x-{date}",
            "{key}/{key}/{key}/{key}/{key}/{key}/{key}/{key}/{key}/{partition}",
        ]
        .as_slice(),
    );
    let from_header =
        (select(UNITS.as_slice()), select([OnMissing::UseMessage, OnMissing::Reject].as_slice())).prop_map(
            |(unit, on_missing)| TimestampConfig::Header { name: "stamp".to_owned(), unit, on_missing },
        );
    let timestamp = prop_oneof![2 => Just(TimestampConfig::Message), 1 => from_header];
    let named = option::of(select(["content-type", "a"].as_slice()));
    let content_type = named.prop_map(|name| ContentTypeConfig {
        default: "application/octet-stream".to_owned(),
        header: name.map(str::to_owned),
    });
    (entry, timestamp, any_labels(), content_type).prop_map(|(entry, timestamp, labels, content_type)| {
        MappingConfig { entry: entry.to_owned(), timestamp, labels, content_type }
    })
}
