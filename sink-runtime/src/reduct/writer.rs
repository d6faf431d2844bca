//! `ReductWriter`: the `Writer` port over the client library. IO: store.

use std::future::Future;
use std::sync::Arc;

use futures::{StreamExt, pin_mut};
use reduct_rs::{Bucket, RecordBuilder, ReductError};
use serde_json::json;

use super::bucket_handle::{BucketHandle, StoreSettings};
use super::bucket_policy::BucketPolicy;
use super::convert::{to_head, to_store_error, to_store_record, unless_missing};
use super::newest::newest;
use crate::batch::Batch;
use crate::record::{Entry, LABEL_LIFE, LABEL_OFFSET, TimestampUs};
use crate::writer::{Head, Range, StoreError, StorePulse, Writer};

/// Most records in one answer to a range query: their labels are headers of the response.
const QUERY_RECORDS_MAX: u32 = 500;

/// Writes to one bucket.
pub struct ReductWriter {
    bucket: BucketHandle,
    policy: BucketPolicy,
}

/// Why there can be no writer.
#[derive(Debug, thiserror::Error)]
pub enum ReductWriterError {
    /// The client library would not survive the URL.
    #[error("the url of the store must begin with http:// or https:// and name a host, is {0:?}")]
    Url(String),
}

impl ReductWriter {
    /// Returns a writer; the store is asked for nothing yet.
    ///
    /// # Errors
    /// The URL is none.
    pub fn new(settings: StoreSettings) -> Result<Self, ReductWriterError> {
        if !is_url(&settings.url) {
            return Err(ReductWriterError::Url(settings.url));
        }
        let policy = BucketPolicy::new(settings.retention);
        Ok(Self { bucket: BucketHandle::new(settings), policy })
    }

    pub(super) async fn with<T, F>(&self, ask: impl FnOnce(Arc<Bucket>) -> F + Send) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>> + Send,
    {
        let answer = match self.bucket.get().await {
            Ok(bucket) => ask(bucket).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &answer {
            self.bucket.note(error).await;
        }
        answer
    }
}

impl Writer for ReductWriter {
    async fn prepare(&self) -> Result<(), StoreError> {
        self.with(|_bucket| async { Ok(()) }).await
    }

    async fn write(&self, batch: Batch) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let Some(bucket) = self.bucket.known().await else {
            return Err(StoreError::Unreachable("the bucket is not known any more".to_owned()));
        };
        let answer = write(&bucket, &batch).await;
        if let Err(error) = &answer {
            self.bucket.note(error).await;
        }
        answer
    }

    async fn heads(&self, range: Range) -> Result<Vec<Head>, StoreError> {
        self.with(|bucket| async move { heads(&bucket, &range).await }).await
    }

    async fn head(&self, entry: Entry, place: TimestampUs) -> Result<Head, StoreError> {
        let ask = |bucket: Arc<Bucket>| async move {
            let record =
                bucket.read_record(entry.as_str()).timestamp_us(place.0).head_only(true).send().await;
            record.map(|record| to_head(&record)).map_err(|error| to_store_error(&error))
        };
        self.with(ask).await
    }

    async fn newest(&self, entry: Entry, from: TimestampUs) -> Result<Option<TimestampUs>, StoreError> {
        self.with(|bucket| async move { newest(&bucket, entry.as_str(), from).await }).await
    }

    async fn remove(&self, places: Vec<(Entry, TimestampUs)>) -> Result<(), StoreError> {
        self.with(|bucket| async move { remove(&bucket, &places).await }).await
    }

    async fn horizon(&self, entry: Entry) -> Result<Option<TimestampUs>, StoreError> {
        let policy = &self.policy;
        self.with(|bucket| async move { policy.horizon(&bucket, entry.as_str()).await }).await
    }

    async fn pulse(&self) -> Result<StorePulse, StoreError> {
        let (uptime, bucket) = self.bucket.probe().await?;
        self.policy.refresh(&bucket).await;
        Ok(StorePulse { uptime, block_records: self.policy.block_records() })
    }
}

async fn write(bucket: &Bucket, batch: &Batch) -> Result<Vec<Result<(), StoreError>>, StoreError> {
    let mut request = bucket.write_record_batch();
    for record in &batch.records {
        let names = batch.names.get(&record.entry).expect("a batch knows the names of each of its entries");
        request.append_record(to_store_record(record, names));
    }
    let mut errors = request.send().await.map_err(|error| to_store_error(&error))?;
    let mut answer = |entry: &Entry, place: TimestampUs| {
        let error: Option<ReductError> = errors.remove(&(entry.as_str().to_owned(), place.0));
        error.map_or(Ok(()), |error| Err(to_store_error(&error)))
    };
    Ok(batch.records.iter().map(|record| answer(&record.entry, record.place)).collect())
}

async fn remove(bucket: &Bucket, places: &[(Entry, TimestampUs)]) -> Result<(), StoreError> {
    let mut request = bucket.remove_record_batch();
    for (entry, place) in places {
        request.append_record(RecordBuilder::new().entry(entry.as_str()).timestamp_us(place.0).build());
    }
    let errors = request.send().await.map_err(|error| to_store_error(&error))?;
    let mut errors = errors.values().map(to_store_error);
    errors.find(|error| !matches!(error, StoreError::Missing(_))).map_or(Ok(()), Err)
}

async fn heads(bucket: &Bucket, range: &Range) -> Result<Vec<Head>, StoreError> {
    let query = bucket
        .query(range.entry.as_str())
        .start_us(range.first.0)
        // The end is exclusive, and a query without one hides records behind those written out of order.
        .stop_us(range.last.0.saturating_add(1))
        .head_only(true)
        .when(json!({"#batch_records": QUERY_RECORDS_MAX, "#select_labels": [LABEL_OFFSET, LABEL_LIFE]}))
        .send()
        .await;
    let Some(records) = unless_missing(query)? else {
        return Ok(Vec::new());
    };
    pin_mut!(records);
    let mut heads = Vec::new();
    while let Some(record) = records.next().await {
        heads.push(to_head(&record.map_err(|error| to_store_error(&error))?));
    }
    Ok(heads)
}

/// Tells whether a text is a URL that a store can have.
#[must_use]
pub fn is_url(text: &str) -> bool {
    let is_web = |url: url::Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    url::Url::parse(text).is_ok_and(is_web)
}
