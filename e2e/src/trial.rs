//! A sink tried against the real Kafka and the real store: what tests, benchmarks and fault injection share. Pure: only
//! the map.
//!
//! ```text
//!  messages ─► topic (produced) ─► member (a process) ─► store ─► world (read back) ─► checker
//!                                                                        expected ──────┘
//! ```
//!
//! A [`World`] is a topic, a bucket and a folder of random names; a [`Member`] is a process of the runtime. The
//! [`checker`] knows only what was produced: what a record must look like is worked out by [`expected`] from the message
//! alone, and not by the sink's code.

pub mod checker;
pub mod config;
pub mod expected;
pub mod exposition;
pub mod member;
pub mod messages;
pub mod proxy;
pub mod raw_message;
pub mod spec;
pub mod topic;
pub mod world;

pub use member::{Ended, Member, Signal};
pub use messages::Produce;
pub use spec::Spec;
pub use topic::{Outcome, Produced, Topic};
pub use world::World;
