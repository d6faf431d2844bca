//! Pure. The resource `KafkaSink`, `kafkasink.dev/v1alpha1`: one file per part of the manifest.
//!
//! Doc comments of fields are what `kubectl explain` shows; the rules beside them are what the API server refuses by.

#![expect(
    unreachable_pub,
    reason = "the derive of KubeSchema defines a public copy of each type inside a function"
)]

mod condition;
mod crd;
mod delivery;
mod kafka;
mod kafka_sink;
mod mapping;
mod packing;
mod reduct_store;
mod secret_ref;
mod status;
mod text_schema;
mod topic;
mod workload;

pub use condition::{ConditionType, Reason};
pub use crd::{CrdYamlError, crd_yaml, kafka_sink_crd};
pub use delivery::{BatchSpec, CommitSpec, DeadLetterSpec, DeliverySpec};
pub use kafka::{AuthenticationSpec, ClientCertificateSpec, KafkaSpec, KafkaTlsSpec};
pub use kafka_sink::{KafkaSink, KafkaSinkSpec, SINK_NAME_BYTES_MAX};
pub use mapping::{
    ContentTypeSpec, HeaderLabelSpec, HeaderLabelsPolicy, HeaderLabelsSpec, KeyLabelSpec, LabelsSpec,
    MappingSpec, TimestampFrom, TimestampHeaderSpec, TimestampSpec,
};
pub use packing::{ColumnFrom, ColumnSpec, OnMissingValue, PackingFormat, PackingSpec};
pub use reduct_store::{
    BucketRetentionSpec, BucketSpec, QuotaSpec, QuotaType, ReductStoreSpec, ReductStoreTlsSpec,
};
pub use secret_ref::{CaSource, KeyRef, SecretSource};
pub use status::{
    BindingStatus, ConsumerGroupStatus, EffectiveSettings, KafkaSinkStatus, LostByMember, LostStatus,
    MappingStart, MappingStatus, TopicStatus, WarningStatus,
};
pub use topic::{DeletionPolicy, ManagementPolicy, RetentionSpec, TopicSpec};
pub use workload::{NetworkPolicyMode, ResourcesSpec, WorkloadSpec};
