//! `BucketPolicy`: what the bucket deletes by itself, and how large its blocks are. IO: store, clock.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reduct_rs::{Bucket, QuotaType};
use tokio::time::Instant;
use tracing::debug;

use super::convert::to_store_error;
use super::newest::oldest;
use crate::record::TimestampUs;
use crate::writer::StoreError;

/// How often the bucket's settings are read again.
const EVERY: Duration = Duration::from_mins(1);

/// What is known of one bucket.
pub(super) struct BucketPolicy {
    /// Age at which the store's lifecycle policy deletes.
    retention: Option<Duration>,
    settings: Mutex<Settings>,
}

#[derive(Clone, Copy, Default)]
struct Settings {
    read: Option<Instant>,
    block_records: Option<u64>,
    block_bytes: u64,
    /// Bytes above which the bucket deletes its oldest blocks.
    fifo_bytes: Option<u64>,
}

impl BucketPolicy {
    pub(super) fn new(retention: Option<Duration>) -> Self {
        Self { retention, settings: Mutex::default() }
    }

    /// Returns the most records of one block, where the store has told.
    pub(super) fn block_records(&self) -> Option<u64> {
        self.settings().block_records
    }

    /// Reads the settings again, if it is time. A token that may not read them changes nothing.
    pub(super) async fn refresh(&self, bucket: &Bucket) {
        if self.settings().read.is_some_and(|read| read.elapsed() < EVERY) {
            return;
        }
        match bucket.settings().await {
            Ok(read) => {
                let is_fifo = read.quota_type == Some(QuotaType::FIFO);
                *self.settings() = Settings {
                    read: Some(Instant::now()),
                    block_records: read.max_block_records,
                    block_bytes: read.max_block_size.unwrap_or(0),
                    fifo_bytes: read.quota_size.filter(|_| is_fifo),
                };
            }
            Err(error) => debug!(%error, "cannot read the settings of the bucket"),
        }
    }

    /// Returns the time below which records of an entry may have been deleted; none where everything is kept.
    pub(super) async fn horizon(
        &self,
        bucket: &Bucket,
        entry: &str,
    ) -> Result<Option<TimestampUs>, StoreError> {
        let by_age = self.retention.map(age_limit);
        let settings = *self.settings();
        let by_quota = match settings.fifo_bytes {
            Some(quota) => by_quota(bucket, entry, settings, quota).await?,
            None => None,
        };
        Ok(by_age.max(by_quota))
    }

    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A bucket deletes only when it is full, and then whole blocks: with room for more than two, nothing was deleted.
async fn by_quota(
    bucket: &Bucket,
    entry: &str,
    settings: Settings,
    quota: u64,
) -> Result<Option<TimestampUs>, StoreError> {
    let info = bucket.info().await.map_err(|error| to_store_error(&error))?;
    if info.size.saturating_add(settings.block_bytes.saturating_mul(2)) < quota {
        return Ok(None);
    }
    let oldest = oldest(bucket, entry).await?;
    Ok(Some(oldest.unwrap_or(TimestampUs(info.oldest_record))))
}

fn age_limit(age: Duration) -> TimestampUs {
    let now_us = u64::try_from(Timestamp::now().as_microsecond()).unwrap_or(0);
    TimestampUs(now_us.saturating_sub(u64::try_from(age.as_micros()).unwrap_or(u64::MAX)))
}
