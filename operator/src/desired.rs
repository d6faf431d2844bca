//! Pure. Step 4: what there shall be, from a `ValidatedSink` and what was found. One file per thing.
//!
//! ```text
//! externals ─► topics, bucket            (outlive the resource)
//! workload  ─► config_map, service_account, service, stateful_set, pod_disruption_budget
//! ```

mod bucket;
mod bucket_differences;
mod config_map;
mod externals;
mod labels;
mod pod_disruption_budget;
mod pod_template;
mod runtime_config;
mod service;
mod service_account;
mod stateful_set;
mod topic_differences;
mod topics;
mod workload;

pub(crate) use bucket::lifecycle_policy;
pub(crate) use config_map::members_data;
pub(crate) use externals::{Said, externals};
pub(crate) use labels::{CONFIG_LABEL, MANAGED_BY, SINK_LABEL, selector};
pub(crate) use runtime_config::runtime_config_yaml;
pub(crate) use stateful_set::ADMIN_PORT;
pub(crate) use workload::{BuildError, Replicas, effective_replicas, objects, remaining, replicas, workload};
