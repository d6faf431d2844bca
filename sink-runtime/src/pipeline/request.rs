//! Pure. `Request` and `Answer`: what one partition asks of the store, one at a time, and what comes back.

use crate::batch::Batch;
use crate::record::{Entry, TimestampUs};
use crate::writer::{Head, Range, StoreError};

/// One question or write; a partition never has two under way.
#[derive(Clone, Debug)]
pub enum Request {
    /// Where do these entries end? Asked once for each entry, from the given place on.
    Survey(Vec<(Entry, TimestampUs)>),
    /// What is in these ranges?
    Check(Vec<Range>),
    /// Write these records.
    Write(Batch),
    /// What holds these places?
    Probe(Vec<(Entry, TimestampUs)>),
    /// Delete what half-written records hold these places.
    Mend(Vec<(Entry, TimestampUs)>),
}

/// What came back.
#[derive(Debug)]
pub enum Answer {
    /// The newest place of each entry.
    Surveyed(Result<Vec<(Entry, TimestampUs, Option<TimestampUs>)>, StoreError>),
    /// All records of the ranges.
    Checked(Result<Vec<(Entry, Head)>, StoreError>),
    /// One answer for each record.
    Written(Result<Vec<Result<(), StoreError>>, StoreError>),
    /// One answer for each place, up to the first that says nothing about its place.
    Probed(Vec<Result<Head, StoreError>>),
    /// Whether all places are free now.
    Mended(Result<(), StoreError>),
}
