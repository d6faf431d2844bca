//! Pure. The labels of a record: what identifies it, the headers by their policy, the key, and the fixed ones.

use std::collections::HashSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use kafkasink_crds::runtime_config::{HeaderLabels, KeyEncoding, KeyLabel, LabelsConfig};

use super::header_names::HeaderNames;
use super::label_name::TakenNames;
use super::percent::encode;
use crate::record::{Header, Identity, LABEL_LIFE, LABEL_OFFSET, Label};

/// Label that lists the headers (and the key) that are there and empty.
const LABEL_EMPTY: &str = "kafka_empty";

/// Label that lists the headers that are there without a value.
const LABEL_NULL: &str = "kafka_null";

/// Label that tells a message without a value from one with an empty value.
const LABEL_TOMBSTONE: &str = "kafka_tombstone";

/// What the labels of one record are made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct LabelParts<'a> {
    pub(super) identity: Identity,
    pub(super) key: Option<&'a Bytes>,
    pub(super) headers: &'a [Header],
    pub(super) is_tombstone: bool,
    /// A header that becomes a label whatever the policy says.
    pub(super) always: Option<&'a str>,
}

/// The rules by which labels are made, prepared once.
#[derive(Debug)]
pub(super) struct LabelRules {
    config: LabelsConfig,
    /// Names of the key's label and the fixed ones, which no header gets.
    reserved: HashSet<String>,
}

impl LabelRules {
    pub(super) fn new(config: &LabelsConfig) -> Self {
        let key = config.key.as_ref().map(|key| key.label.clone());
        let reserved = config.fixed.keys().cloned().chain(key).collect();
        Self { config: config.clone(), reserved }
    }

    /// Returns the labels of a record, each name once; `learnt` takes the names of headers that no label can have.
    pub(super) fn labels(&self, parts: LabelParts<'_>, learnt: &mut HeaderNames) -> Vec<Label> {
        let mut made = Made::new(parts.headers.len() + self.config.fixed.len() + 2);
        made.add(LABEL_OFFSET.to_owned(), parts.identity.offset.to_string());
        if let Some(mark) = parts.identity.life.label() {
            made.add(LABEL_LIFE.to_owned(), mark);
        }
        let mut names = TakenNames::new(&self.reserved);
        for header in parts.headers {
            if let Some(name) = self.name_of(header, parts.always, &mut names) {
                learnt.learn(&name, &header.name);
                made.add_bytes(name, header.value.as_deref());
            }
        }
        if let (Some(rule), Some(key)) = (&self.config.key, parts.key) {
            made.add_key(rule, key);
        }
        for (name, value) in &self.config.fixed {
            made.add(name.clone(), value.clone());
        }
        if parts.is_tombstone {
            made.add(LABEL_TOMBSTONE.to_owned(), "1".to_owned());
        }
        made.finish()
    }

    fn name_of(&self, header: &Header, always: Option<&str>, names: &mut TakenNames<'_>) -> Option<String> {
        let is_forced = always == Some(header.name.as_str());
        match &self.config.headers {
            HeaderLabels::All { exclude } => {
                (is_forced || !exclude.contains(&header.name)).then(|| names.name_of_header(&header.name))
            }
            HeaderLabels::None => is_forced.then(|| names.name_of_header(&header.name)),
            HeaderLabels::Listed { items } => match items.iter().find(|item| item.name == header.name) {
                Some(item) => Some(names.claim(&item.label)),
                None => is_forced.then(|| names.name_of_header(&header.name)),
            },
        }
    }
}

/// The labels made so far.
struct Made {
    labels: Vec<Label>,
    empty: Vec<String>,
    null: Vec<String>,
}

impl Made {
    fn new(capacity: usize) -> Self {
        Self { labels: Vec::with_capacity(capacity), empty: Vec::new(), null: Vec::new() }
    }

    fn add(&mut self, name: String, value: String) {
        self.labels.push(Label { name, value });
    }

    /// The store drops labels without a value, so those are listed by name.
    fn add_bytes(&mut self, name: String, value: Option<&[u8]>) {
        match value {
            None => self.null.push(name),
            Some([]) => self.empty.push(name),
            Some(bytes) => self.add(name, encode(bytes)),
        }
    }

    fn add_key(&mut self, rule: &KeyLabel, key: &[u8]) {
        if key.is_empty() {
            self.empty.push(rule.label.clone());
            return;
        }
        let value = match rule.encoding {
            KeyEncoding::Percent => encode(key),
            KeyEncoding::Hex => hexadecimal(key),
            KeyEncoding::Base64 => BASE64_STANDARD.encode(key),
        };
        self.add(rule.label.clone(), value);
    }

    fn finish(mut self) -> Vec<Label> {
        for (name, list) in [(LABEL_EMPTY, self.empty), (LABEL_NULL, self.null)] {
            if !list.is_empty() {
                self.labels.push(Label { name: name.to_owned(), value: list.join(";") });
            }
        }
        self.labels
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).expect("four bits are one digit");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests;
