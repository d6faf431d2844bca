//! Pure. The mapping part of a configuration, checked so that no record of any message can be illegal by it.

use std::collections::HashSet;

use kafkasink_crds::entry_template::EntryTemplate;
use kafkasink_crds::runtime_config::{
    HeaderLabels, LabelsConfig, MappingConfig, TimestampConfig, TopicConfig,
};

use super::error::{Problem, expect};
use crate::map::{is_legal_content_type, is_legal_label_name, is_plain};

/// Prefix of the labels that the sink keeps for itself.
const RESERVED_PREFIX: &str = "kafka_";

/// The one reserved name that a user may choose, for the label of the key.
const KEY_LABEL: &str = "kafka_key";

/// Checks the mapping of these topics.
pub(super) fn check_mapping(mapping: &MappingConfig, topics: &[TopicConfig]) -> Result<(), Problem> {
    check_entry(&mapping.entry, topics)?;
    if let TimestampConfig::Header { name, .. } = &mapping.timestamp {
        expect(!name.is_empty(), "mapping.timestamp.name", || "must not be empty".to_owned())?;
    }
    check_labels(&mapping.labels)?;
    let default = &mapping.content_type.default;
    expect(is_legal_content_type(default), "mapping.contentType.default", || {
        format!("must be printable ASCII without ',' and '\"', 1 to 255 bytes, is {default:?}")
    })
}

fn check_entry(entry: &str, topics: &[TopicConfig]) -> Result<(), Problem> {
    let problem = |reason: String| Problem::new("mapping.entry", reason);
    let template = EntryTemplate::parse(entry, topics.len()).map_err(|reason| problem(one_line(&reason)))?;
    for TopicConfig { name } in topics {
        let checked = template.check_topic(name);
        checked
            .map_err(|reason| problem(format!("cannot name an entry for the topic {name:?}: {reason}")))?;
    }
    Ok(())
}

fn check_labels(labels: &LabelsConfig) -> Result<(), Problem> {
    let mut taken = HashSet::new();
    if let Some(key) = &labels.key {
        let field = "mapping.labels.key.label";
        if key.label != KEY_LABEL {
            check_own_name(&key.label, field)?;
        }
        taken.insert(key.label.as_str());
    }
    for (name, value) in &labels.fixed {
        let field = "mapping.labels.static";
        check_own_name(name, field)?;
        expect(taken.insert(name), field, || format!("the label {name:?} is that of the key"))?;
        expect(is_plain(value), field, || {
            format!(
                "the value of {name} must be printable ASCII without ',', '\"' and edge spaces, is {value:?}"
            )
        })?;
    }
    match &labels.headers {
        HeaderLabels::All { .. } | HeaderLabels::None => Ok(()),
        HeaderLabels::Listed { items } => {
            for (index, item) in items.iter().enumerate() {
                let field = format!("mapping.labels.headers.items[{index}].label");
                check_own_name(&item.label, &field)?;
                let label = &item.label;
                expect(taken.insert(label), field, || format!("must be unique, {label:?} occurs twice"))?;
            }
            Ok(())
        }
    }
}

fn check_own_name(name: &str, field: &str) -> Result<(), Problem> {
    expect(is_legal_label_name(name), field, || {
        format!("a label must consist of a-z, 0-9, '_', '.', '-' and not of digits alone, is {name:?}")
    })?;
    expect(!name.starts_with(RESERVED_PREFIX), field, || {
        format!("labels that begin with {RESERVED_PREFIX:?} are the sink's own, is {name:?}")
    })
}

/// Returns an error with its causes in one line.
fn one_line(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
