//! IO: ReductStore. Reads every record of a workload back and compares it.

use anyhow::{Context, Result};
use futures::StreamExt;
use reduct_rs::{Bucket, ErrorCode, ReductClient};

use super::compare::{Comparison, Produced, Stored, Verdict};
use super::workload::Workload;

/// Far beyond the last message; a query without a stop can hide records.
const BEYOND_THE_END_US: u64 = 3_600_000_000;

/// Returns a client of the store at `url`.
///
/// # Errors
/// `url` is no URL.
pub fn client(url: &str, token: &str) -> Result<ReductClient> {
    ReductClient::builder()
        .url(url)
        .api_token(token)
        .http1_only()
        .try_build()
        .context("create a store client")
}

/// Reads every record of `workload` and holds it against what was produced.
///
/// # Errors
/// The store does not answer, or the token may not read.
pub async fn verify(bucket: &Bucket, workload: &Workload, produced: &Produced) -> Result<Verdict> {
    let mut comparison = Comparison::new(workload, produced);
    let newest_ms = produced.values().map(|sent| sent.timestamp_ms).max().unwrap_or_default();
    let stop_us = newest_ms * 1_000 + BEYOND_THE_END_US;
    for partition in 0..workload.partitions {
        let entry = format!("{}/{partition}", workload.name);
        let query = bucket.query(entry.as_str()).start_us(0).stop_us(stop_us);
        let records = match query.send().await {
            Ok(records) => records,
            Err(error) if error.status() == ErrorCode::NotFound => continue, // all its messages are missing
            Err(error) => return Err(error).with_context(|| format!("query {entry}")),
        };
        let mut records = std::pin::pin!(records);
        while let Some(record) = records.next().await {
            let record = record.with_context(|| format!("read a record of {entry}"))?;
            let timestamp_us = record.timestamp_us();
            let labels = record.labels().clone().into_iter().collect();
            let content_type = record.content_type().to_owned();
            let body = record.bytes().await.with_context(|| format!("read {entry} at {timestamp_us}"))?;
            comparison.take(i32::try_from(partition)?, &Stored { timestamp_us, labels, content_type, body });
        }
    }
    Ok(comparison.finish())
}
