//! Finds the newest and the oldest place of an entry, the newest by asking "is there anything at or after t?". IO: store.
//!
//! The entry's own `latest_record` also counts half-written records and misses what lies in an older block, so it is
//! not asked. A few dozen small questions find the place however much the entry holds.

use futures::{StreamExt, pin_mut};
use reduct_rs::Bucket;
use serde_json::json;

use super::convert::{to_store_error, unless_missing};
use crate::record::TimestampUs;
use crate::writer::StoreError;

/// First step of the search, in microseconds.
const FIRST_STEP: u64 = 1_000_000;

/// Returns the newest place that is not before `from`; none where there is none.
pub(super) async fn newest(
    bucket: &Bucket,
    entry: &str,
    from: TimestampUs,
) -> Result<Option<TimestampUs>, StoreError> {
    let Some(mut highest) = first_at_or_after(bucket, entry, from.0).await? else {
        return Ok(None);
    };
    // Everything at or after `bound` is free, something is at `highest`.
    let mut bound = u64::MAX;
    let mut step = FIRST_STEP;
    while highest < bound.saturating_sub(1) {
        let probe = highest.saturating_add(step).min(highest + (bound - highest) / 2).max(highest + 1);
        match first_at_or_after(bucket, entry, probe).await? {
            Some(found) => {
                highest = found;
                step = step.saturating_mul(4);
            }
            None => bound = probe,
        }
    }
    Ok(Some(TimestampUs(highest)))
}

/// Returns the oldest place of an entry; none where it is empty.
pub(super) async fn oldest(bucket: &Bucket, entry: &str) -> Result<Option<TimestampUs>, StoreError> {
    Ok(first_at_or_after(bucket, entry, 0).await?.map(TimestampUs))
}

async fn first_at_or_after(bucket: &Bucket, entry: &str, time: u64) -> Result<Option<u64>, StoreError> {
    let query = bucket
        .query(entry)
        .start_us(time)
        .stop_us(u64::MAX)
        .head_only(true)
        .when(json!({"$limit": 1}))
        .send()
        .await;
    let Some(records) = unless_missing(query)? else {
        return Ok(None);
    };
    pin_mut!(records);
    match records.next().await {
        Some(Ok(record)) => Ok(Some(record.timestamp_us())),
        Some(Err(error)) => Err(to_store_error(&error)),
        None => Ok(None),
    }
}
