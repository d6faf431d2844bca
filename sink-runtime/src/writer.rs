//! Pure. The port to the store: a `Writer` writes batches and answers questions about what is there.

mod error;
mod port;
mod verdict;

pub use error::StoreError;
pub use port::{Head, Range, StorePulse, Writer};
pub use verdict::{Scope, Verdict, judge};
