//! Pure. The topics of a sink, with retention written as the configuration keys it stands for.

use std::collections::BTreeMap;

use kafkasink_crds::resource::DeadLetterSpec;
use kafkasink_crds::resource::{DeletionPolicy, ManagementPolicy, RetentionSpec, TopicSpec};

use crate::model::{Problem, ValidatedTopic};

/// Returns the consumed topics.
///
/// # Errors
/// There is none, or one is named twice.
pub(super) fn consumed(specs: &[TopicSpec]) -> Result<Vec<ValidatedTopic>, Problem> {
    if specs.is_empty() {
        return Err(Problem::invalid("topics must name at least one topic".to_owned()));
    }
    for (index, spec) in specs.iter().enumerate() {
        if specs.iter().take(index).any(|earlier| earlier.name == spec.name) {
            return Err(Problem::invalid(format!("topics must name {} only once", spec.name)));
        }
    }
    Ok(specs.iter().map(topic).collect())
}

/// Returns the dead-letter topic, which is looked after like any other.
pub(super) fn dead_letter(spec: &DeadLetterSpec) -> ValidatedTopic {
    ValidatedTopic {
        name: spec.topic.clone(),
        partitions: spec.partitions,
        replication_factor: spec.replication_factor,
        config: config(&BTreeMap::new(), spec.retention.as_ref()),
        management: ManagementPolicy::Enforce,
        deletion: DeletionPolicy::Retain,
    }
}

fn topic(spec: &TopicSpec) -> ValidatedTopic {
    ValidatedTopic {
        name: spec.name.clone(),
        partitions: spec.partitions,
        replication_factor: spec.replication_factor,
        config: config(&spec.config, spec.retention.as_ref()),
        management: spec.management_policy.unwrap_or(TopicSpec::MANAGEMENT_POLICY_DEFAULT),
        deletion: spec.deletion_policy.unwrap_or(TopicSpec::DELETION_POLICY_DEFAULT),
    }
}

fn config(named: &BTreeMap<String, String>, retention: Option<&RetentionSpec>) -> BTreeMap<String, String> {
    let mut config = named.clone();
    if let Some(time) = retention.and_then(|retention| retention.time) {
        config.insert("retention.ms".to_owned(), time.retention_ms().to_string());
    }
    if let Some(size) = retention.and_then(|retention| retention.bytes_per_partition) {
        config.insert("retention.bytes".to_owned(), size.bytes().to_string());
    }
    config
}
