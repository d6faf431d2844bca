//! IO: Kafka. The admin calls that rdkafka's safe wrapper lacks, or whose error messages it throws away.
//!
//! The only place with `unsafe` in the workspace. Every function blocks until the brokers have answered or the
//! time-out is over, takes plain values and returns plain values: no pointer leaves this folder.
//!
//! ```text
//! cluster, topics, create, configs, offsets, log ──► request (one call: its options, its queue, its answer)
//! ```
#![allow(unsafe_code, reason = "rdkafka 0.39 has no safe form of these calls of librdkafka")]

mod cluster;
mod configs;
mod create;
mod log;
mod offsets;
mod request;
mod topics;

pub(super) use cluster::describe_cluster;
pub(super) use configs::incremental_alter_configs;
pub(super) use create::{NewTopic, create_topic};
pub(super) use log::drain_log;
pub(super) use offsets::{OffsetSpec, PartitionOffset, list_offsets};
pub(super) use request::NativeError;
pub(super) use topics::{TopicDescription, describe_topics};
