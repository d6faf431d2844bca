//! A bucket for one run: created as the operator would, counted by query, removed. IO: store.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::{StreamExt as _, pin_mut};
use kafkasink_crds::resource::BucketSpec;
use reduct_rs::ErrorCode;
use serde_json::json;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::stage::Stage;

/// How often a removed bucket is asked for.
const GLANCE: Duration = Duration::from_millis(200);
/// Longest time that the store may take to remove one.
const REMOVE_TIMEOUT: Duration = Duration::from_mins(2);
/// Records in one answer to a query: the labels of each are a header of it.
const QUERY_RECORDS_MAX: u32 = 500;

/// A bucket.
pub(super) struct Bucket {
    pub(super) name: String,
    bucket: reduct_rs::Bucket,
}

impl Bucket {
    /// Creates a bucket of a new name with the settings that the operator gives to one by default.
    pub(super) async fn create(stage: &Stage) -> anyhow::Result<Self> {
        let name = format!("bench-{}", Uuid::new_v4().simple());
        let create = stage.client.create_bucket(&name);
        let create = create.max_block_records(u64::from(BucketSpec::MAX_BLOCK_RECORDS_DEFAULT));
        let bucket = create.send().await.with_context(|| format!("create bucket {name}"))?;
        Ok(Self { name, bucket })
    }

    /// Fails unless the bucket holds that many complete records; the store's own counters count incomplete ones too.
    pub(super) async fn expect_records(&self, expected: u64) -> anyhow::Result<()> {
        let mut records = 0;
        for entry in self.bucket.entries().await.context("list entries")? {
            let counted = self.count(&entry.name).await;
            records += counted.with_context(|| format!("count the records of {}", entry.name))?;
        }
        ensure!(records == expected, "{records} records are stored, {expected} messages were read");
        Ok(())
    }

    /// Removes the bucket and waits until it is gone, so that the next run has the store for itself.
    pub(super) async fn remove(self, stage: &Stage) -> anyhow::Result<()> {
        self.bucket.remove().await.with_context(|| format!("remove bucket {}", self.name))?;
        let deadline = Instant::now() + REMOVE_TIMEOUT;
        loop {
            match stage.client.get_bucket(&self.name).await {
                Err(error) if error.status() == ErrorCode::NotFound => break,
                Ok(_) | Err(_) => ensure!(Instant::now() < deadline, "bucket {} does not go", self.name),
            }
            sleep(GLANCE).await;
        }
        // What the disk still has to write must not slow the next contender down.
        tokio::task::spawn_blocking(nix::unistd::sync).await?;
        Ok(())
    }

    async fn count(&self, entry: &str) -> anyhow::Result<u64> {
        let query = self.bucket.query(entry).start_us(0).stop_us(u64::MAX).head_only(true);
        // One label is the least that the store can be asked for.
        let query =
            query.when(json!({"#batch_records": QUERY_RECORDS_MAX, "#select_labels": ["kafka_offset"]}));
        let records = match query.send().await {
            // A folder of entries, which holds none itself.
            Err(error) if error.status() == ErrorCode::NotFound => return Ok(0),
            records => records?,
        };
        pin_mut!(records);
        let mut count = 0;
        while let Some(record) = records.next().await {
            record?;
            count += 1;
        }
        Ok(count)
    }
}
