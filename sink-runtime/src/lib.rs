//! The member of a `KafkaSink`'s consumer group: consume → map → batch → write → read back → commit.
//!
//! ```text
//!            L4 kafka/                 L3 pipeline/                          L4 reduct/
//!   Kafka ═► consumer thread ─messages─► lane of one partition ─one request─► writer ═► ReductStore
//!      ▲        │     ▲                   │  state: pure step(now, input) -> effects
//!      │        │     └─── commits ───── driver ◄── commit points ──┘
//!      └────────┴───────── dead letters ──────────────┘
//! ```
//!
//! Layers, each of which knows only those above it:
//! L0 nouns (`record`, `memory`, `budget`, `clock`, `invariants`, `lease`, `retry`, `pulse`, `metrics`, `named`, `pem`, `secret`, `store_start`, `throttle`, `told`),
//! L1 pure steps (`map`, `batch`, `ledger`, `progress`), L2 ports (`source`, `writer`, `dead_letter`, `registry`), L3 `pipeline`, L4 adapters
//! (`kafka`, `reduct`; they know L2 and never L3), L5 `app` with
//! `args`, `config`, `watch_config`, `identity`, `admin`, `telemetry`, `shutdown`.

pub mod admin;
pub mod app;
pub mod args;
pub mod batch;
pub mod budget;
pub mod clock;
pub mod config;
pub mod dead_letter;
pub mod identity;
pub mod invariants;
pub mod kafka;
pub mod lease;
pub mod ledger;
pub mod map;
pub mod memory;
pub mod metrics;
mod named;
pub mod pem;
pub mod pipeline;
pub mod progress;
pub mod pulse;
pub mod record;
pub mod reduct;
pub mod registry;
pub mod retry;
#[cfg(test)]
#[cfg(not(feature = "no-commit-gate"))]
#[allow(
    clippy::excessive_nesting,
    clippy::match_same_arms,
    clippy::needless_for_each,
    clippy::needless_pass_by_value,
    clippy::shadow_unrelated,
    clippy::similar_names,
    clippy::struct_excessive_bools,
    clippy::unchecked_time_subtraction,
    clippy::wildcard_enum_match_arm,
    reason = "a simulation for tests alone: an overflow or a forgotten case fails the test that it is"
)]
mod schedules;
pub mod secret;
pub mod shutdown;
pub mod source;
pub mod store_start;
pub mod telemetry;
pub mod throttle;
pub mod told;
pub mod watch_config;
pub mod writer;
