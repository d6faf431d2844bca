//! `make demo`: the whole path on real parts, told in the words a user would use.
//!
//! ```text
//!  plan ─► stage (cluster, images, Kafka, store, charts) ─► first_act (produce, scale) ─► look
//!       ─► second_act (produce on; delete a pod, kill the store, spoil the token) ─► audit (read_back ─► compare)
//! ```
//!
//! [`story`] is the order of it all. The comparison knows only what was produced: [`workload`] makes message `i` again
//! from its number, and [`compare`] holds it against what [`read_back`] found in the store.

pub mod audit;
pub mod compare;
pub mod console;
pub mod counters;
pub mod delivered;
pub mod farewell;
pub mod first_act;
mod foreign;
pub mod group;
pub mod kubectl;
pub mod look;
pub mod patience;
pub mod plan;
pub mod pods;
pub mod produce;
pub mod read_back;
pub mod second_act;
pub mod show;
pub mod sinks;
pub mod stage;
pub mod story;
pub mod workload;
