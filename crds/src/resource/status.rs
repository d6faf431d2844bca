//! Pure. `status`: what the operator has seen and done. Everything in it can be rebuilt by looking again.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::runtime_config::{LogLevel, OnRejected, StartFrom};

/// What the operator has seen and done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaSinkStatus {
    /// Generation of the resource that this status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What holds and why. `Ready` is the summary; its message names cause and remedy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Number of pods that exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Label selector of the pods, as text, for autoscalers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Topics that are as declared, of all. Example: `3/3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topics_ready: Option<String>,
    /// Pods that are ready, of those that should run. Example: `2/3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas_ready: Option<String>,
    /// Partitions of all topics together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partitions: Option<i32>,
    /// What works today and will do harm one day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub warnings: Vec<WarningStatus>,
    /// The topics as Kafka has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub topics: Vec<TopicStatus>,
    /// The consumer group as Kafka has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer_group: Option<ConsumerGroupStatus>,
    /// What the sink's offsets and records belong to; it changes only while the sink is paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding: Option<BindingStatus>,
    /// What holds where the resource says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective: Option<EffectiveSettings>,
    /// Reserved, empty in this version: the mappings that were in force, newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["fingerprint".into()]))]
    pub mappings: Vec<MappingStatus>,
    /// Messages that Kafka's retention deleted before they were stored, as the pods have reported them; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_to_retention: Option<LostStatus>,
}

/// What works today and will do harm one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WarningStatus {
    /// What kind of harm, in one word.
    pub reason: String,
    /// What it is about: `brokers`, `permissions`, `store`, `bucket`, `topic/` and its name, or a certificate or token as the
    /// metric of their ends calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// What would do harm, and what would be right.
    pub message: String,
}

/// A topic as Kafka has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopicStatus {
    /// Name of the topic.
    pub name: String,
    /// Kafka's id of the topic. A topic that is deleted and created again has another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// How many topics of that name there have been, this one included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub life: Option<i32>,
    /// Number of partitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partitions: Option<i32>,
    /// Number of replicas of each partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication_factor: Option<i32>,
    /// Whether this resource created the topic; only then can `deletionPolicy: Delete` delete it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<bool>,
    /// The older resource that decides about the topic's configuration, `namespace/name`. Absent: this one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configured_by: Option<String>,
}

impl TopicStatus {
    /// Returns the status of a topic of which nothing but the name is known.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            id: None,
            life: None,
            partitions: None,
            replication_factor: None,
            created: None,
            configured_by: None,
        }
    }
}

/// What the sink's offsets and records belong to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BindingStatus {
    /// The consumer group whose offsets tell how far the sink has come.
    pub group_id: String,
    /// Base URL of the store.
    pub url: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Addresses by which the Kafka cluster was reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub bootstrap_servers: Vec<String>,
    /// Id of the Kafka cluster. Another one behind the same addresses is not touched until that is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka_cluster_id: Option<String>,
}

/// The consumer group as Kafka has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConsumerGroupStatus {
    /// Name of the group.
    pub id: String,
    /// Members that have joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<i32>,
    /// Messages that are not yet stored, rounded to two digits; the metrics have it exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_messages: Option<i64>,
    /// Age in seconds of the oldest message that is not yet stored, rounded to two digits. Both numbers stay while this one is
    /// below 10, or changes by less than a fifth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_seconds: Option<i64>,
}

/// What holds where the resource says nothing: the defaults that people ask for, as they were resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EffectiveSettings {
    /// Number of pods that should run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Image of the runtime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The least severe log line that is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<LogLevel>,
    /// The consumer group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    /// Where a group without any offset begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_from: Option<StartFrom>,
    /// Template of the entry name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// Content type of records whose message names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Most records in one request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_max_records: Option<i32>,
    /// Most bytes of message values in one request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_max_bytes: Option<String>,
    /// Longest time that a record waits for others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_max_delay: Option<String>,
    /// Time between two commits of a partition's offset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit_delay: Option<String>,
    /// What happens to a message that can never be accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_rejected: Option<OnRejected>,
    /// Most records in one block of an entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_block_records: Option<i32>,
}

/// Messages that Kafka's retention deleted before they were stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LostStatus {
    /// Number of messages.
    pub messages: i64,
    /// When a pod last reported some.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "date_time")]
    pub last: Option<Time>,
    /// What was counted of each pod since it started, so that nothing is counted twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 512))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["run".into()]))]
    pub members: Vec<LostByMember>,
}

/// What was counted of one pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LostByMember {
    /// The pod's uid and how often it has restarted.
    pub run: String,
    /// Number of messages.
    pub messages: i64,
}

/// A mapping and packing, and from which offsets they hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct MappingStatus {
    /// Fingerprint of mapping and packing together, as committed offsets carry it.
    pub fingerprint: String,
    /// Template of the entry name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// Form of packed records; absent: one record per message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packing: Option<String>,
    /// From which offsets it holds; absent: from the first message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["topic".into()]))]
    pub from: Vec<MappingStart>,
}

/// From which offsets of a topic a mapping holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MappingStart {
    /// Name of the topic.
    pub topic: String,
    /// The first offset of each partition, in the order of partitions.
    #[schemars(length(max = 10_000))]
    pub offsets: Vec<i64>,
}

fn date_time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time", "nullable": true })
}

/// The shape of a condition as Kubernetes publishes it, with its bounds and without its long texts.
fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 32,
        "items": {
            "type": "object",
            "required": ["type", "status", "reason", "message", "lastTransitionTime"],
            "properties": {
                "type": { "type": "string", "maxLength": 316, "description": "What the condition speaks of." },
                "status": {
                    "type": "string",
                    "enum": ["True", "False", "Unknown"],
                    "description": "Whether it holds.",
                },
                "reason": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
                    "description": "Why, in one word out of a closed set.",
                },
                "message": { "type": "string", "maxLength": 32768, "description": "Why, for people." },
                "lastTransitionTime": {
                    "type": "string",
                    "format": "date-time",
                    "description": "When `status` changed last.",
                },
                "observedGeneration": {
                    "type": "integer",
                    "format": "int64",
                    "minimum": 0,
                    "description": "Generation of the resource that the condition speaks of.",
                },
            },
        },
    })
}
