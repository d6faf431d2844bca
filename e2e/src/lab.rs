//! Real Kafka, ReductStore and Kubernetes from package registries alone. Pure: only the map.
//!
//! ```text
//!  parts ──► preflight ─► apt ─► cache ─► daemon ──► state
//!    │        (what is    (what    (built    (started,   (addresses:
//!    │         missing)    can be   once per   found,      `lab env`)
//!    │                     mended)  version)   stopped)
//!    ├─ kafka           one KRaft broker
//!    ├─ store           one ReductStore
//!    └─ control_plane   etcd + kube-apiserver; `cluster` adds the node on top
//! ```
//!
//! `secured` starts a Kafka and a store of their own with a listener of each kind, for tests of TLS and authentication;
//! `own` ends what a test has started for itself.
//!
//! Everything lives in two folders ([`Paths`]): the cache (built parts by version, kept) and the run folder (state,
//! logs and data of the running lab, wiped by a fresh start).

pub mod apt;
pub mod cache;
pub mod cluster;
pub mod command;
pub mod control_plane;
pub mod daemon;
pub mod ensure;
pub mod exports;
pub mod go;
pub mod helm;
pub mod images;
pub mod in_cluster;
pub mod kafka;
pub mod kubernetes;
pub mod lock;
pub mod manifests;
pub mod own;
pub mod parts;
pub mod paths;
pub mod port_forward;
pub mod preflight;
pub mod program;
pub mod progress;
pub mod python;
pub mod secured;
pub mod state;
pub mod status;
pub mod store;
pub mod versions;

pub use command::Run;
pub use daemon::Daemon;
pub use paths::Paths;
pub use progress::{Progress, Step};
pub use state::State;
