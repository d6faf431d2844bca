//! Pure. The trait that a store adapter implements.

use std::future::Future;

use super::error::StoreError;
use crate::batch::Batch;
use crate::record::{Entry, Offset, TimestampUs};

/// A record in the store, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its place.
    pub place: TimestampUs,
    /// The message it came from; absent where a foreign writer put it there.
    pub identity: Option<Offset>,
}

/// A part of an entry, both ends included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The entry.
    pub entry: Entry,
    /// The first place.
    pub first: TimestampUs,
    /// The last place.
    pub last: TimestampUs,
}

/// Writes records and tells what is there.
pub trait Writer: Send + Sync + 'static {
    /// Writes a batch and returns one answer for each record, in order.
    ///
    /// # Cancel safety
    /// None: a request that is dropped half-way leaves half-written records behind.
    fn write(
        &self,
        batch: Batch,
    ) -> impl Future<Output = Result<Vec<Result<(), StoreError>>, StoreError>> + Send;

    /// Returns all complete records of a range; none where the entry does not exist.
    fn heads(&self, range: Range) -> impl Future<Output = Result<Vec<Head>, StoreError>> + Send;

    /// Returns the record at a place.
    fn head(&self, entry: Entry, place: TimestampUs)
    -> impl Future<Output = Result<Head, StoreError>> + Send;

    /// Returns the newest place of an entry that is not before `from`; none where there is none.
    fn newest(
        &self,
        entry: Entry,
        from: TimestampUs,
    ) -> impl Future<Output = Result<Option<TimestampUs>, StoreError>> + Send;

    /// Deletes the record at a place.
    fn remove(&self, entry: Entry, place: TimestampUs)
    -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Tells whether the store answers and has the bucket.
    fn probe(&self) -> impl Future<Output = Result<(), StoreError>> + Send;
}
