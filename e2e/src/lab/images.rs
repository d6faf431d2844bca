//! Container images made without Docker, each one file. IO: compilers, the cache folder.
//!
//! ```text
//!  a program ─► libraries (ldd) ─┐
//!  files, CA certificates ───────┴► tree ─► layer ─► oci (one file) ─► `ctr images import`, `kind load image-archive`
//! ```

mod base;
mod digest;
mod kafka;
mod libraries;
mod oci;
mod programs;
mod recipe;
mod third_party;
mod tree;

pub use kafka::{kafka, kafka_needs};
pub use programs::write_to;
pub use recipe::Archive;
pub use third_party::{coredns, is_coredns_built, pause, pause_program, store};
