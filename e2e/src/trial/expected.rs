//! Pure. What a stored record must look like, worked out from the produced message alone and not by the sink's code.

use std::collections::BTreeMap;

use super::messages::Produce;

/// Labels and content type that a message must have.
#[derive(Debug, PartialEq, Eq)]
pub struct Expected {
    /// All labels but `kafka_timestamp`, which depends on the place.
    pub labels: BTreeMap<String, String>,
    /// The content type.
    pub content_type: String,
}

/// Returns what the record of `message`, delivered at `offset`, must look like.
#[must_use]
pub fn expected(message: &Produce, offset: i64) -> Expected {
    let mut labels = BTreeMap::from([
        ("kafka_offset".to_owned(), offset.to_string()),
        ("site".to_owned(), "north".to_owned()),
    ]);
    let (mut empty, mut null) = (Vec::new(), Vec::new());
    let mut given: Vec<String> = Vec::new();
    for (name, value) in &message.headers {
        let name = label_name(name, &given);
        given.push(name.clone());
        match value.as_deref() {
            None => null.push(name),
            Some([]) => empty.push(name),
            Some(bytes) => drop(labels.insert(name, text(bytes))),
        }
    }
    match message.key.as_deref() {
        None => {}
        Some([]) => empty.push("kafka_key".to_owned()),
        Some(key) => drop(labels.insert("kafka_key".to_owned(), text(key))),
    }
    if !empty.is_empty() {
        labels.insert("kafka_empty".to_owned(), empty.join(";"));
    }
    if !null.is_empty() {
        labels.insert("kafka_null".to_owned(), null.join(";"));
    }
    if message.value.is_none() {
        labels.insert("kafka_tombstone".to_owned(), "1".to_owned());
    }
    let named = message
        .headers
        .iter()
        .find(|(name, _)| name == "content-type")
        .and_then(|(_, value)| value.as_deref());
    let content_type = match named {
        Some(b"image/png") => "image/png",
        _ => "application/octet-stream",
    };
    Expected { labels, content_type: content_type.to_owned() }
}

fn label_name(header: &str, given: &[String]) -> String {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.-".contains(c);
    let mut name: String =
        header.chars().map(|c| c.to_ascii_lowercase()).map(|c| if legal(c) { c } else { '_' }).collect();
    if name.chars().all(|c| c.is_ascii_digit()) {
        name = format!("_{name}");
    }
    if name.starts_with("kafka_") || name == "site" {
        name = format!("header_{name}");
    }
    let mut free = name.clone();
    for count in 2.. {
        if !given.contains(&free) {
            break;
        }
        free = format!("{name}.{count}");
    }
    free
}

fn text(bytes: &[u8]) -> String {
    let first = bytes.iter().position(|byte| *byte != b' ').unwrap_or(bytes.len());
    let last = bytes.iter().rposition(|byte| *byte != b' ').map_or(0, |index| index + 1);
    let encode = |(index, byte): (usize, &u8)| {
        let is_edge = index < first || index >= last;
        let is_plain = (0x20..=0x7E).contains(byte) && !b"%,\"".contains(byte) && !is_edge;
        if is_plain { char::from(*byte).to_string() } else { format!("%{byte:02X}") }
    };
    bytes.iter().enumerate().map(encode).collect()
}
