//! Consume → map → batch → write → commit, one lane for each partition.
//!
//! `state` decides and is pure; `lane` performs what it decides for one partition; `driver` starts and ends the lanes
//! as partitions come and go, and commits.

mod ask;
mod driver;
mod effect;
mod frontier;
mod lane;
mod lanes;
mod letters;
mod request;
mod stall;
mod state;
mod status;
mod work;

pub use driver::{Pipeline, PipelineError, PipelineSettings};
pub use effect::{Effect, Input};
pub use request::{Answer, Request};
pub use stall::KnownReason;
pub use state::{PartitionState, StateSettings};
pub use status::Health;
