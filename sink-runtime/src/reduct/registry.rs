//! The `Registry` port over the store's attachments. IO: store.
//!
//! An attachment of an entry is a record of the hidden entry `<entry>/$meta` with its name as the label `key`; writing
//! one removes the one before. The client library's own calls are not used: writing drops what the store says of single
//! records, and reading takes every attachment there is, also those that are no JSON.

use futures::{StreamExt, pin_mut};
use reduct_rs::{Bucket, RecordBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::convert::{to_store_error, unless_missing};
use super::writer::ReductWriter;
use crate::map::HeaderNames;
use crate::record::{Entry, TimestampUs};
use crate::registry::{Registry, RegistryError, TopicRecord};
use crate::writer::StoreError;

/// Attachment of a topic's home.
const TOPIC: &str = "kafkasink";

/// Attachment of a partition's home. Partition 0 may live where its topic lives, so the name is another.
const HEADER_NAMES: &str = "kafkasink-header-names";

impl Registry for ReductWriter {
    async fn topic(&self, home: &Entry) -> Result<Option<TopicRecord>, RegistryError> {
        self.attachment(home, TOPIC).await
    }

    async fn keep_topic(
        &self,
        home: &Entry,
        record: &TopicRecord,
        now: TimestampUs,
    ) -> Result<(), RegistryError> {
        self.attach(home, TOPIC, record, now).await
    }

    async fn header_names(&self, home: &Entry) -> Result<HeaderNames, RegistryError> {
        Ok(self.attachment(home, HEADER_NAMES).await?.unwrap_or_default())
    }

    async fn keep_header_names(
        &self,
        home: &Entry,
        names: &HeaderNames,
        now: TimestampUs,
    ) -> Result<(), RegistryError> {
        self.attach(home, HEADER_NAMES, names, now).await
    }
}

impl ReductWriter {
    async fn attachment<T: DeserializeOwned>(
        &self,
        home: &Entry,
        name: &str,
    ) -> Result<Option<T>, RegistryError> {
        let body = self.with(|bucket| async move { read(&bucket, home, name).await }).await;
        let body = body.map_err(|source| RegistryError::Read { home: home.clone(), source })?;
        let content = body.map(|bytes| serde_json::from_slice(&bytes)).transpose();
        content.map_err(|error| RegistryError::Unreadable {
            home: home.clone(),
            reason: format!("{name}: {error}"),
        })
    }

    async fn attach<T: Serialize + Sync>(
        &self,
        home: &Entry,
        name: &str,
        content: &T,
        now: TimestampUs,
    ) -> Result<(), RegistryError> {
        let body = serde_json::to_vec(content).expect("text, numbers and lists of text are always JSON");
        let written = self.with(|bucket| async move { write(&bucket, home, name, (body, now)).await }).await;
        written.map_err(|source| RegistryError::Write { home: home.clone(), source })
    }
}

async fn read(bucket: &Bucket, home: &Entry, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let query = bucket
        .query(meta(home))
        .start_us(0)
        // A query without an end hides records behind those written out of order, as clocks that run back do.
        .stop_us(u64::MAX)
        .when(json!({"&key": {"$eq": name}}))
        .send()
        .await;
    let Some(records) = unless_missing(query)? else {
        return Ok(None);
    };
    pin_mut!(records);
    let mut body = None;
    while let Some(record) = records.next().await {
        let record = record.map_err(|error| to_store_error(&error))?;
        body = Some(record.bytes().await.map_err(|error| to_store_error(&error))?.to_vec());
    }
    Ok(body)
}

async fn write(
    bucket: &Bucket,
    home: &Entry,
    name: &str,
    (body, now): (Vec<u8>, TimestampUs),
) -> Result<(), StoreError> {
    let record = RecordBuilder::new()
        .entry(meta(home))
        .timestamp_us(now.0)
        .content_type("application/json")
        .add_label("key", name)
        .data(body)
        .build();
    let errors = bucket.write_record_batch().add_record(record).send().await;
    let errors = errors.map_err(|error| to_store_error(&error))?;
    errors.into_values().next().map_or(Ok(()), |error| Err(to_store_error(&error)))
}

fn meta(home: &Entry) -> String {
    format!("{home}/$meta")
}
