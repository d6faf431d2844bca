//! Pure. What labels a message gets.

use std::collections::BTreeMap;

use bytes::Bytes;
use kafkasink_crds::runtime_config::{HeaderLabel, HeaderLabels, KeyEncoding, KeyLabel, LabelsConfig};

use super::{LabelParts, LabelRules, hexadecimal};
use crate::record::{Header, Identity, Life, Offset};

fn config(headers: HeaderLabels) -> LabelsConfig {
    LabelsConfig { headers, key: None, fixed: BTreeMap::from([("site".to_owned(), "north".to_owned())]) }
}

fn with_key(encoding: KeyEncoding) -> LabelsConfig {
    let key = KeyLabel { label: "kafka_key".to_owned(), encoding };
    LabelsConfig { headers: HeaderLabels::None, key: Some(key), fixed: BTreeMap::new() }
}

fn check(
    config: &LabelsConfig,
    key: Option<&str>,
    headers: &[(&str, Option<&str>)],
    expected: &[(&str, &str)],
) {
    let headers: Vec<Header> = headers
        .iter()
        .map(|(name, value)| Header {
            name: (*name).to_owned(),
            value: value.map(|value| Bytes::copy_from_slice(value.as_bytes())),
        })
        .collect();
    let key = key.map(|key| Bytes::copy_from_slice(key.as_bytes()));
    let parts = LabelParts {
        identity: Identity { life: Life::FIRST, offset: Offset(7) },
        key: key.as_ref(),
        headers: &headers,
        is_tombstone: false,
        always: None,
    };
    let labels = LabelRules::new(config).labels(parts);
    let mut labels: Vec<(&str, &str)> = labels.iter().map(|l| (l.name.as_str(), l.value.as_str())).collect();
    labels.retain(|(name, _)| *name != "kafka_offset" && *name != "site");
    assert_eq!(labels, expected);
}

#[test]
fn all_headers_but_the_excluded_become_labels() {
    let all = config(HeaderLabels::All { exclude: vec!["traceparent".to_owned()] });
    check(
        &all,
        None,
        &[("Size", Some("12")), ("traceparent", Some("00-1")), ("site", Some("x")), ("note", Some("a,b"))],
        &[("size", "12"), ("header_site", "x"), ("note", "a%2Cb")],
    );
}

#[test]
fn headers_without_a_value_are_listed_by_name() {
    let all = config(HeaderLabels::All { exclude: vec![] });
    check(
        &all,
        None,
        &[("a", Some("")), ("b", None), ("a", Some("1")), ("c", Some("")), ("kafka_null", None)],
        &[("a.2", "1"), ("kafka_empty", "a;c"), ("kafka_null", "b;header_kafka_null")],
    );
}

#[test]
fn only_listed_headers_become_labels_under_their_given_names() {
    let item = HeaderLabel { name: "Size".to_owned(), label: "bytes".to_owned() };
    let listed = config(HeaderLabels::Listed { items: vec![item] });
    check(
        &listed,
        None,
        &[("Size", Some("1")), ("size", Some("2")), ("Size", Some("3"))],
        &[("bytes", "1"), ("bytes.2", "3")],
    );
}

#[test]
fn keys_are_kept_in_the_chosen_encoding() {
    check(&with_key(KeyEncoding::Percent), Some("k 1,"), &[], &[("kafka_key", "k 1%2C")]);
    check(&with_key(KeyEncoding::Hex), Some("k1"), &[], &[("kafka_key", "6b31")]);
    check(&with_key(KeyEncoding::Base64), Some("k1"), &[], &[("kafka_key", "azE=")]);
    check(&with_key(KeyEncoding::Base64), Some(""), &[], &[("kafka_empty", "kafka_key")]);
    check(&with_key(KeyEncoding::Base64), None, &[], &[]);
}

#[test]
fn hexadecimal_has_two_digits_per_byte() {
    assert_eq!(hexadecimal(&[0, 15, 255]), "000fff");
}
