//! Pure. `KafkaSink`, the resource: Kafka topics on one side, a ReductStore bucket on the other.

use kube::core::Rule;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::delivery::DeliverySpec;
use super::kafka::KafkaSpec;
use super::mapping::MappingSpec;
use super::packing::PackingSpec;
use super::reduct_store::ReductStoreSpec;
use super::status::KafkaSinkStatus;
use super::topic::TopicSpec;
use super::workload::WorkloadSpec;

/// Longest name of a sink: what is made of it must fit into a label of 63 characters, with `-sink` and the eleven
/// characters that a `StatefulSet` adds.
pub const SINK_NAME_BYTES_MAX: usize = 47;

/// What a sink is to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "kafkasink.dev",
    version = "v1alpha1",
    kind = "KafkaSink",
    plural = "kafkasinks",
    shortname = "ksink",
    category = "reduct",
    namespaced,
    status = "KafkaSinkStatus",
    validation = name_rule(),
    derive = "PartialEq",
    doc = "Moves messages of Kafka topics into a bucket of a ReductStore. An offset \
           is committed only after every record below it was read back from the store; a message that is \
           read again is recognised and not stored twice. What a killed store has lost is written again.",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(
        name = "READY",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "REASON",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(name = "TOPICS", type_ = "string", json_path = ".status.topicsReady"),
    printcolumn(name = "REPLICAS", type_ = "string", json_path = ".status.replicasReady"),
    printcolumn(
        name = "LAG-S",
        type_ = "integer",
        json_path = ".status.consumerGroup.lagSeconds",
        description = "age in seconds of the oldest message that is not yet stored"
    ),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "LAG",
        type_ = "integer",
        json_path = ".status.consumerGroup.lagMessages",
        description = "messages that are not yet stored",
        priority = 1
    ),
    printcolumn(name = "PARTITIONS", type_ = "integer", json_path = ".status.partitions", priority = 1),
    printcolumn(
        name = "BUCKET",
        type_ = "string",
        json_path = ".spec.reductStore.bucket.name",
        priority = 1
    ),
    printcolumn(name = "GROUP", type_ = "string", json_path = ".status.consumerGroup.id", priority = 1),
    printcolumn(
        name = "MESSAGE",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    )
)]
#[x_kube(
    validation = Rule::new("self.topics.size() == 1 || !has(self.mapping) || !has(self.mapping.entry) || self.mapping.entry.matches('(^|/)[{]topic[}](/|$)')")
        .message("mapping.entry must contain {topic} as a whole segment where there is more than one topic"),
    validation = Rule::new("(has(self.mapping) && has(self.mapping.entry) && !self.mapping.entry.contains('{topic}')) || self.topics.all(t, !t.name.startsWith('.') && !t.name.endsWith('.') && !t.name.contains('..'))")
        .message("a topic that begins or ends with '.' or contains '..' makes no entry name: mapping.entry must do without {topic}"),
    validation = Rule::new("!has(self.delivery) || !has(self.delivery.deadLetter) || !self.topics.exists(t, t.name == self.delivery.deadLetter.topic)")
        .message("delivery.deadLetter.topic must not be one of the topics that are consumed")
)]
pub struct KafkaSinkSpec {
    /// The Kafka cluster and the consumer group.
    pub kafka: KafkaSpec,
    /// The topics that are consumed, 1 to 32, each name once.
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub topics: Vec<TopicSpec>,
    /// The store and the bucket that records go to.
    pub reduct_store: ReductStoreSpec,
    /// How a message becomes a record. Absent: one record per message in entry `{topic}/{partition}`, at the message's
    /// own time, with all headers as labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mapping: Option<MappingSpec>,
    /// Many messages in one record. Absent: one record per message. It does not work in this version: a sink that sets it
    /// is `Stalled` with reason `NotImplementedYet`, and no pod starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packing: Option<PackingSpec>,
    /// How records travel, and what happens to those that cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliverySpec>,
    /// Number of pods, 0 to 256. Pods beyond the number of partitions are not started. 0 stops the sink and keeps
    /// everything. `kubectl scale` and autoscalers set it.
    #[schemars(range(min = 0, max = 256))]
    pub replicas: u32,
    /// The pods that do the work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<WorkloadSpec>,
    /// Stops the sink and keeps everything, offsets included. It is honoured whatever else is wrong with the resource.
    /// `groupId`, `url`, `bucket.name` and the Kafka cluster change only while paused. Default: `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
}

/// Services and pods are called after the sink: their names are shorter and simpler than a resource's may be.
fn name_rule() -> Rule {
    let legal = "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')";
    Rule::new(format!("self.metadata.name.size() <= {SINK_NAME_BYTES_MAX} && {legal}")).message(
        format!(
            "metadata.name must be at most {SINK_NAME_BYTES_MAX} lower-case letters, digits and '-', beginning with a letter"
        )
        .as_str(),
    )
}
