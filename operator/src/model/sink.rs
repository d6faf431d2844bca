//! Pure. `ValidatedSink`: a sink that can be built. The only way past validation is a value of this type.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use kafkasink_crds::bucket_name::BucketName;
use kafkasink_crds::duration_text::RetentionTime;
use kafkasink_crds::resource::{DeletionPolicy, ManagementPolicy};
use kafkasink_crds::runtime_config::{DeliveryConfig, KafkaConfig, LogLevel, MappingConfig, SinkIdentity};
use kafkasink_crds::topic_name::TopicName;
use serde_json::{Map, Value};

use super::{BucketView, KafkaConnection, KafkaCredentials, MountedKey, StoreConnection};
use crate::names::SinkNames;

/// A sink with every default resolved and nothing in it that cannot be honoured.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ValidatedSink {
    /// Which resource it is.
    pub(crate) identity: SinkIdentity,
    /// What its objects are called.
    pub(crate) names: SinkNames,
    /// The cluster and the group.
    pub(crate) kafka: KafkaConfig,
    /// By what the brokers and the sink know each other.
    pub(crate) credentials: KafkaCredentials,
    /// The topics it consumes.
    pub(crate) topics: Vec<ValidatedTopic>,
    /// The topic for messages that can never be stored.
    pub(crate) dead_letter: Option<ValidatedTopic>,
    /// How the store is reached.
    pub(crate) store: StoreConnection,
    /// The bucket.
    pub(crate) bucket: ValidatedBucket,
    /// How a message becomes a record.
    pub(crate) mapping: MappingConfig,
    /// How records travel.
    pub(crate) delivery: DeliveryConfig,
    /// The pods.
    pub(crate) workload: ValidatedWorkload,
    /// How many pods are asked for.
    pub(crate) replicas: u32,
    /// Whether it is to stand still.
    pub(crate) paused: bool,
}

/// A topic and what the sink may do to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ValidatedTopic {
    /// Its name.
    pub(crate) name: TopicName,
    /// Number of partitions; `None` leaves it to the broker.
    pub(crate) partitions: Option<u32>,
    /// Number of replicas; `None` leaves it to the broker.
    pub(crate) replication_factor: Option<u16>,
    /// The configuration keys that the resource names, retention included.
    pub(crate) config: BTreeMap<String, String>,
    /// Who decides about it.
    pub(crate) management: ManagementPolicy,
    /// What happens to it in the end.
    pub(crate) deletion: DeletionPolicy,
}

/// A bucket and what the sink may do to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ValidatedBucket {
    /// Its name.
    pub(crate) name: BucketName,
    /// Who decides about it.
    pub(crate) management: ManagementPolicy,
    /// The settings that the resource names.
    pub(crate) settings: BucketView,
    /// How long records are kept; `None` leaves it alone.
    pub(crate) retention: Option<RetentionTime>,
}

/// What the pods are made of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ValidatedWorkload {
    /// The runtime's image.
    pub(crate) image: String,
    /// The least severe log line of the runtime.
    pub(crate) log_level: LogLevel,
    /// CPU and memory of the container.
    pub(crate) resources: ResourceRequirements,
    /// What pods see as files; a key that is not here stays out of them, whatever else its Secret holds.
    pub(crate) mounted: Vec<MountedKey>,
    /// What is merged into the pod template last.
    pub(crate) pod_template: Map<String, Value>,
}

impl ValidatedSink {
    /// Returns how the cluster is reached.
    pub(crate) fn connection(&self) -> KafkaConnection {
        KafkaConnection {
            bootstrap_servers: self.kafka.bootstrap_servers.clone(),
            properties: self.kafka.properties.clone(),
            credentials: self.credentials.clone(),
        }
    }

    /// Returns the consumed topics and the dead-letter topic.
    pub(crate) fn all_topics(&self) -> impl Iterator<Item = &ValidatedTopic> {
        self.topics.iter().chain(&self.dead_letter)
    }
}
