//! Pure. `spec.delivery`: how records travel, and what happens to those that cannot.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::topic::RetentionSpec;
use crate::byte_size::ByteSize;
use crate::duration_text::Delay;
use crate::runtime_config::OnRejected;
use crate::topic_name::TopicName;

/// How records travel. Whatever is set here: an offset is committed only after the store has answered every record below
/// it without error, and a message that is read again is not stored twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.onRejected) || self.onRejected != 'DeadLetter' || has(self.deadLetter)")
        .message("delivery.deadLetter must be set where onRejected is DeadLetter")
)]
pub struct DeliverySpec {
    /// How many records travel in one request to the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchSpec>,
    /// When offsets are committed to Kafka.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitSpec>,
    /// The topic for messages that the store or the mapping can never accept. Absent: there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letter: Option<DeadLetterSpec>,
    /// What happens to a message that can never be accepted: `DeadLetter` writes it to the dead-letter topic and goes on,
    /// `Block` holds its partition until somebody decides. Default: `DeadLetter` if `deadLetter` is set, else `Block`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_rejected: Option<OnRejected>,
}

/// How many records travel in one request. A request leaves when the first of the limits is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchSpec {
    /// Most records, 1 to 80: the store's default limits end there. Default: `80`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 80))]
    pub max_records: Option<u32>,
    /// Most bytes of message values. A larger message travels alone. Default: `8Mi`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<ByteSize>,
    /// Longest time that a record waits for others, at most `60s`. Default: `100ms`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_delay: Option<Delay>,
}

impl BatchSpec {
    /// Where `maxRecords` is absent: the most that the store's default limit of request headers allows.
    pub const MAX_RECORDS_DEFAULT: u32 = 80;
    /// Where `maxBytes` is absent: larger requests are not faster.
    pub const MAX_BYTES_DEFAULT: ByteSize = ByteSize::from_mebibytes(8);
    /// Where `maxDelay` is absent: what a person does not notice.
    pub const MAX_DELAY_DEFAULT: Delay = Delay::from_millis(100);
}

/// When offsets are committed to Kafka.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommitSpec {
    /// How long after its write a record is read back, and the time between two commits of a partition's offset, at most
    /// `60s`; less than `100ms` counts as `100ms`. Default: `2s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<Delay>,
}

impl CommitSpec {
    /// Where `delay` is absent: commits cost next to nothing, and little is read again after a crash.
    pub const DELAY_DEFAULT: Delay = Delay::from_millis(2_000);
}

/// The topic for messages that can never be accepted. It is created if it does not exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterSpec {
    /// Name of the topic, none of those that are consumed. Example: `cameras.dlq`.
    pub topic: TopicName,
    /// Number of partitions. Default: the broker's `num.partitions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub partitions: Option<u32>,
    /// Number of replicas of each partition, for a topic that is created. Default: the broker's
    /// `default.replication.factor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 128))]
    pub replication_factor: Option<u16>,
    /// How long, and how much of, the topic is kept by Kafka.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionSpec>,
}
