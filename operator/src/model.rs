//! The values that travel through a reconciliation, from left to right:
//!
//! ```text
//! KafkaSink + Fetched ─► ValidatedSink ─► World ─► Externals ─► AppliedExternals ─► Workload ─► KafkaSinkStatus
//! ```
//!
//! Only nouns: nothing here reads, decides or talks.

mod credentials;
mod external;
mod fetched;
mod kafka;
mod members;
mod neighbour;
mod obstacle;
mod problem;
mod rights;
mod sink;
mod store;
mod token;
mod workload;

pub(crate) use credentials::{Certificate, End, KafkaCredentials, KafkaTls, KeySource, MountedKey, Sasl};
pub(crate) use external::{
    AppliedExternals, BucketAction, BucketOutcome, BucketPlan, Externals, TopicAction, TopicChange,
    TopicCreation, TopicOutcome, TopicPlan,
};
pub(crate) use fetched::{Fetched, KafkaValues, SecretValue, World};
pub(crate) use kafka::{GroupView, KafkaConnection, KafkaView, PartitionView, Position, TopicView};
pub(crate) use members::{Ages, MemberReport, MembersView, Partition};
pub(crate) use neighbour::{Neighbour, Owners, Unreadable};
pub(crate) use obstacle::{Distrust, Obstacle};
pub(crate) use problem::Problem;
pub(crate) use rights::{Operation, Rights};
pub(crate) use sink::{ValidatedBucket, ValidatedSink, ValidatedTopic, ValidatedWorkload};
pub(crate) use store::{BucketView, QuotaKind, StoreConnection, StoreView, TokenPermissions};
pub(crate) use token::Token;
pub(crate) use workload::{PodView, Workload, WorkloadObjects, WorkloadView};
