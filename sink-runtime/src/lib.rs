//! The member of a `KafkaSink`'s consumer group: consume → map → batch → write → commit.
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
//! L0 nouns (`record`, `memory`, `budget`, `invariants`, `retry`, `pulse`, `metrics`), L1 pure steps (`map`, `batch`, `ledger`), L2 ports (`source`,
//! `writer`, `dead_letter`), L3 `pipeline`, L4 adapters (`kafka`, `reduct`; they know L2 and never L3), L5 `app` with
//! `args`, `config`, `watch_config`, `identity`, `admin`, `telemetry`, `shutdown`.

pub mod admin;
pub mod app;
pub mod args;
pub mod batch;
pub mod budget;
pub mod config;
pub mod dead_letter;
pub mod identity;
pub mod invariants;
pub mod kafka;
pub mod ledger;
pub mod map;
pub mod memory;
pub mod metrics;
pub mod pipeline;
pub mod pulse;
pub mod record;
pub mod reduct;
pub mod retry;
pub mod shutdown;
pub mod source;
pub mod telemetry;
pub mod watch_config;
pub mod writer;
