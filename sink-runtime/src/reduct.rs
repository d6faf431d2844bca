//! The only door to ReductStore: writes batches and answers questions about what is there.

mod bucket_handle;
mod bucket_policy;
mod convert;
mod credentials;
mod newest;
mod registry;
mod silence;
mod writer;

pub use bucket_handle::{REQUEST_TIMEOUT, StoreSettings};
pub use writer::{ReductWriter, ReductWriterError, is_url};
