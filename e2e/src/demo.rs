//! `make demo`: the whole path on real parts, told in the words a user would use.
//!
//! ```text
//!  plan ─► stage (cluster, images, Kafka, store, charts) ─► flow (produce, scale, wait, read_back ─► compare) ─► look
//! ```
//!
//! [`story`] is the order of it all. The comparison knows only what was produced: [`workload`] makes message `i` again
//! from its number, and [`compare`] holds it against what [`read_back`] found in the store.

pub mod compare;
pub mod console;
pub mod flow;
pub mod group;
pub mod kubectl;
pub mod look;
pub mod plan;
pub mod produce;
pub mod read_back;
pub mod show;
pub mod stage;
pub mod story;
pub mod workload;
