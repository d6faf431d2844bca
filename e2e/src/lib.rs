//! The lab (real Kafka, ReductStore and Kubernetes), and what the demo and the end-to-end tests share. Pure: only the map.
//!
//! ```text
//!  bin/lab ──► lab ──► Kafka, ReductStore, kube-apiserver, a whole cluster: built, cached, started, stopped
//!  tests ────► lab::ensure ──► addresses of what runs
//! ```

pub mod demo;
pub mod lab;
