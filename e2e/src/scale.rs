//! `make scale`: many `KafkaSink`s under one operator, measured against limits on real parts. Pure: only the map.
//!
//! ```text
//!  options ─► course ─► stage (Kafka, store, kube-apiserver) ─► operator (a process)
//!               │         ▲ what no part here does is played: pods, answers (their metrics), traffic ─► commits
//!               └─► ready ─► rest ─► changes ─► findings ─► limits ─► table, results.json
//!                   (how     (writes by the     (how soon
//!                    soon)    audit log, CPU)    a child follows)
//! ```
//!
//! There is no kubelet: nobody starts pods. The harness writes the status of `StatefulSet`s, creates the pods' objects, answers
//! for them at `/metrics`, and commits in the name of their groups what it has produced. Everything else is real.

mod answers;
mod changes;
mod commit_request;
pub mod course;
mod crowd;
mod findings;
mod group_commits;
mod limits;
mod operator;
pub mod options;
mod pods;
mod ready;
mod rest;
mod stage;
mod table;
mod traffic;

pub use findings::Findings;
pub use stage::Stage;
