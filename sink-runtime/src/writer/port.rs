//! Pure. The trait that a store adapter implements.

use std::future::Future;
use std::time::Duration;

use super::error::StoreError;
use crate::batch::Batch;
use crate::record::{Entry, Identity, TimestampUs};

/// A record in the store, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its place.
    pub place: TimestampUs,
    /// The message it came from; absent where a foreign writer put it there.
    pub identity: Option<Identity>,
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

/// What the store tells about itself and the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorePulse {
    /// How long it has run, in whole seconds.
    pub uptime: Duration,
    /// Most records of one block of the bucket; absent where the token may not ask.
    pub block_records: Option<u64>,
}

/// Writes records and tells what is there.
pub trait Writer: Send + Sync + 'static {
    /// Sees to it that a request can be sent at once, so that nothing but its own time-out bounds when it ends.
    fn prepare(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

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

    /// Deletes what is at these places, all of it in one request; a place that is free already is no error.
    fn remove(
        &self,
        places: Vec<(Entry, TimestampUs)>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Returns the time below which the bucket's policy may have deleted records of an entry; none where it keeps all.
    fn horizon(&self, entry: Entry) -> impl Future<Output = Result<Option<TimestampUs>, StoreError>> + Send;

    /// Tells whether the store answers and has the bucket, and how long it has run.
    fn pulse(&self) -> impl Future<Output = Result<StorePulse, StoreError>> + Send;
}
