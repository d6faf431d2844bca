//! Pure. `spec.topics[]`: the topics that are consumed and how much of them the sink looks after.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::text_schema::text_map;
use crate::byte_size::ByteSize;
use crate::duration_text::RetentionTime;
use crate::topic_name::TopicName;

/// A topic that the sink consumes. Only the name is required: what is absent is the broker's default and left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.retention) || !has(self.retention.time) || !has(self.config) || !('retention.ms' in self.config)")
        .message("retention.time must not be set together with config retention.ms"),
    validation = Rule::new("!has(self.retention) || !has(self.retention.bytesPerPartition) || !has(self.config) || !('retention.bytes' in self.config)")
        .message("retention.bytesPerPartition must not be set together with config retention.bytes")
)]
pub struct TopicSpec {
    /// Name of the topic: at most 249 letters, digits, `.`, `_` and `-`. Where several sinks name it on one cluster, the
    /// oldest decides about its configuration, and the others say so where they declare it differently.
    pub name: TopicName,
    /// Number of partitions. It can be raised; a lower number than the topic has is reported and changes nothing.
    /// Default: the broker's `num.partitions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub partitions: Option<u32>,
    /// Number of replicas of each partition, for a topic that is created. Another number than the topic has is reported
    /// and changes nothing. Default: the broker's `default.replication.factor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 128))]
    pub replication_factor: Option<u16>,
    /// How long, and how much of, the topic is kept by Kafka. It is the time that an outage of the store may last.
    /// Absent: left alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionSpec>,
    /// Further configuration of the topic, by Kafka's own names, at most 64. Example: `max.message.bytes: "2097152"`.
    /// Keys that are not listed are left alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "config")]
    pub config: BTreeMap<String, String>,
    /// Who decides about the topic: `Enforce` creates it and keeps it as declared, `CreateOnly` creates it and then
    /// leaves it alone, `Observe` never writes; these two report differences and keep nothing from being ready. Default:
    /// `Enforce`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub management_policy: Option<ManagementPolicy>,
    /// What happens to the topic when the resource is deleted: `Retain` keeps it, `Delete` deletes it if this resource
    /// created it, no other resource names it and every message is stored. Default: `Retain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
}

impl TopicSpec {
    /// Where `managementPolicy` is absent: a declared topic is meant to be as declared.
    pub const MANAGEMENT_POLICY_DEFAULT: ManagementPolicy = ManagementPolicy::Enforce;
    /// Where `deletionPolicy` is absent: data outlives what moves it.
    pub const DELETION_POLICY_DEFAULT: DeletionPolicy = DeletionPolicy::Retain;
}

/// How long, and how much of, a topic is kept by Kafka.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetentionSpec {
    /// Time that a message is kept at least: a number with `h`, `m` or `s`, or `Unlimited`. Example: `168h`.
    /// Default: the broker's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<RetentionTime>,
    /// Bytes beyond which the oldest messages of a partition are deleted. Example: `10Gi`. Default: the broker's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_partition: Option<ByteSize>,
}

/// Who decides about a topic or a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(description = "")]
pub enum ManagementPolicy {
    /// The resource: it is created and kept as declared.
    Enforce,
    /// The resource at creation, nobody afterwards.
    CreateOnly,
    /// Somebody else: nothing is written.
    Observe,
}

/// What happens to a topic when its resource is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(description = "")]
pub enum DeletionPolicy {
    /// It stays.
    Retain,
    /// It is deleted if this resource created it and every message is stored.
    Delete,
}

fn config(_: &mut SchemaGenerator) -> Schema {
    text_map(64, 4096)
}
