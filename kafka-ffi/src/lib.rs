//! IO: Kafka. The calls of librdkafka that rdkafka's safe wrapper lacks, or whose error messages it throws away.
//!
//! The only place with `unsafe` in the workspace. Every function blocks until the brokers have answered or the
//! time-out is over, borrows a client for that long, takes plain values and returns plain values: no pointer leaves
//! this crate but inside a [`KeptMessage`]. A consumer's client will do as well as an admin client's.
//!
//! No admin request is made that looks for a group's coordinator: it takes the process down where that is not found in
//! time (<https://github.com/confluentinc/librdkafka/issues/4605>). What a group has committed is asked of a broker by its
//! id.
//!
//! ```text
//!         cluster, topics, create, configs, group_offsets ──► request (one call: its options, its queue, its answer)
//!         topics ──► operations (what the brokers let us do)
//!         groups ──► assignment (what a member has)
//!      offsets, log, log_queue, position, brokers ──► memory  (who frees what) ──► error (what the library or a broker said)
//! ```
#![allow(unsafe_code, reason = "rdkafka 0.39 has no safe form of these calls of librdkafka")]

mod assignment;
mod brokers;
mod cluster;
mod configs;
mod create;
mod error;
mod group_offsets;
mod groups;
mod kept;
mod log;
mod log_queue;
mod memory;
mod offsets;
mod operations;
mod position;
mod request;
mod topics;

pub use brokers::add_brokers;
pub use cluster::{ClusterDescription, describe_cluster};
pub use configs::incremental_alter_configs;
pub use create::{NewTopic, create_topic};
pub use error::NativeError;
pub use group_offsets::committed_offsets;
pub use groups::{GroupDescription, describe_group};
pub use kept::{KeptMessage, MessageQueue, QueuedMessage};
pub use log::drain_log;
pub use log_queue::LogQueue;
pub use offsets::{OffsetSpec, PartitionOffset, list_offsets};
pub use operations::Operation;
pub use position::position;
pub use topics::{DescribedTopic, TopicDescription, describe_topics, sight_topics};
