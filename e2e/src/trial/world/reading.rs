//! What the store holds of a world's records. IO: store.

use std::collections::BTreeMap;

use anyhow::Context as _;
use futures::{StreamExt as _, pin_mut};
use reduct_rs::{ErrorCode, Record};

use super::World;
use crate::trial::checker::Stored;

impl World {
    /// Reads a record that was read in a range once more, alone.
    ///
    /// # Errors
    /// The store cannot be read or does not have it.
    pub async fn read_alone(&self, record: &Stored) -> anyhow::Result<Stored> {
        let entry = format!("{}/{}", self.topic.name.replace('.', "/"), record.partition);
        let alone = self.bucket.read_record(&entry).timestamp_us(record.timestamp_us).send().await?;
        to_stored(alone, record.partition, false).await
    }

    /// Reads all records of a partition one after the other, in the store's order.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn visit(&self, partition: i32, take: impl FnMut(Stored)) -> anyhow::Result<()> {
        self.visit_partition(partition, false, take).await
    }

    /// Reads all records of a partition without their bodies.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn visit_heads(&self, partition: i32, take: impl FnMut(Stored)) -> anyhow::Result<()> {
        self.visit_partition(partition, true, take).await
    }

    async fn visit_partition(
        &self,
        partition: i32,
        is_head: bool,
        mut take: impl FnMut(Stored),
    ) -> anyhow::Result<()> {
        let end = format!("/{partition}");
        for entry in self.entries().await?.iter().filter(|entry| entry.ends_with(&end)) {
            self.visit_entry(entry, partition, is_head, &mut take).await?;
        }
        Ok(())
    }

    /// Reads all records.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn read(&self) -> anyhow::Result<Vec<Stored>> {
        let mut records = Vec::new();
        for entry in self.entries().await? {
            let partition = entry.rsplit('/').next().context("name a partition")?.parse()?;
            records.extend(self.read_entry(&entry, partition, false).await?);
        }
        Ok(records)
    }

    /// Returns the names of all entries of the topic's partitions.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn entries(&self) -> anyhow::Result<Vec<String>> {
        let entries = self.bucket.entries().await?.into_iter().map(|entry| entry.name);
        let ends =
            |name: &String| (0..self.partitions).any(|partition| name.ends_with(&format!("/{partition}")));
        Ok(entries.filter(ends).collect())
    }

    pub(super) async fn read_entry(
        &self,
        entry: &str,
        partition: i32,
        is_head: bool,
    ) -> anyhow::Result<Vec<Stored>> {
        let mut stored = Vec::new();
        self.visit_entry(entry, partition, is_head, |record| stored.push(record)).await?;
        Ok(stored)
    }

    async fn visit_entry(
        &self,
        entry: &str,
        partition: i32,
        is_head: bool,
        mut take: impl FnMut(Stored),
    ) -> anyhow::Result<()> {
        // Given, because a query without it hides records behind those written out of order.
        let query = self.bucket.query(entry).start_us(0).stop_us(u64::MAX).head_only(is_head).send().await;
        let records = match query {
            Err(error) if error.status() == ErrorCode::NotFound => return Ok(()),
            query => query?,
        };
        pin_mut!(records);
        while let Some(record) = records.next().await {
            take(to_stored(record?, partition, is_head).await?);
        }
        Ok(())
    }
}

async fn to_stored(record: Record, partition: i32, is_head: bool) -> anyhow::Result<Stored> {
    let labels: BTreeMap<String, String> =
        record.labels().iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let (timestamp_us, content_type) = (record.timestamp_us(), record.content_type().to_owned());
    let body = if is_head { Vec::new() } else { record.bytes().await?.to_vec() };
    Ok(Stored { partition, timestamp_us, labels, content_type, body })
}
