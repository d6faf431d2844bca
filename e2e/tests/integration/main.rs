//! The real thing: what sinks and the operator do with the real Kafka, ReductStore and kube-apiserver of the lab, well and
//! in trouble. IO: processes, Kafka, store, Kubernetes.
//!
//! One program, so that tests of all kinds wait side by side: `cargo test --workspace --test integration -- operator::`
//! runs those of the operator.

mod admission;
mod bad_input;
mod broker;
mod lab;
mod lives;
mod operator;
mod outages;
mod runtime;
mod scale;
mod security;
mod tap;
