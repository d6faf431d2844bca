//! The lab (real Kafka, ReductStore and Kubernetes), and what the demo, the benchmark and the end-to-end tests share. Pure: only the map.
//!
//! ```text
//!  bin/lab ──► lab ──► Kafka, ReductStore, kube-apiserver, a whole cluster: built, cached, started, stopped
//!  tests ────► lab::ensure ──► addresses of what runs
//!  bin/scale ► scale ──► many sinks under one operator
//!  tests, faults ► trial ──► a sink's processes between them, and a checker of what is stored
//! ```

pub mod bench;
pub mod demo;
pub mod faults;
pub mod lab;
pub mod scale;
pub mod trial;
mod usage;
