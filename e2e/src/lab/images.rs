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

pub use kafka::kafka;
pub use programs::write_to;
pub use recipe::Archive;
pub use third_party::{coredns, pause, pause_program, store};
