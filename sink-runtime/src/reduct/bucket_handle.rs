//! `BucketHandle`: the bucket as the client library hands it out, found anew after the token was refused. IO: store, token file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reduct_rs::{Bucket, ReductClient};
use tokio::sync::RwLock;

use super::convert::to_store_error;
use crate::writer::StoreError;

/// Longest time for one request. The fencing rules count on it.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// Where the bucket is.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// Base URL, checked.
    pub url: String,
    /// Name of the bucket.
    pub bucket: String,
    /// File that holds the token.
    pub token_file: Option<PathBuf>,
    /// The age at which the store's lifecycle policy deletes records of the bucket; none where there is no such policy.
    pub retention: Option<Duration>,
}

/// The bucket, once the store has shown it.
pub(super) struct BucketHandle {
    settings: StoreSettings,
    bucket: RwLock<Option<Arc<Bucket>>>,
}

impl BucketHandle {
    pub(super) fn new(settings: StoreSettings) -> Self {
        Self { settings, bucket: RwLock::new(None) }
    }

    /// Returns the bucket; asks the store for it where that has not succeeded yet.
    pub(super) async fn get(&self) -> Result<Arc<Bucket>, StoreError> {
        if let Some(bucket) = self.bucket.read().await.as_ref() {
            return Ok(Arc::clone(bucket));
        }
        let client = client(&self.settings).await?;
        let bucket =
            client.get_bucket(&self.settings.bucket).await.map_err(|error| to_store_error(&error))?;
        let bucket = Arc::new(bucket);
        *self.bucket.write().await = Some(Arc::clone(&bucket));
        Ok(bucket)
    }

    /// Returns the bucket, if the store has shown it already.
    pub(super) async fn known(&self) -> Option<Arc<Bucket>> {
        self.bucket.read().await.clone()
    }

    /// Asks the store how long it has run, and for the bucket, whatever was known before.
    pub(super) async fn probe(&self) -> Result<(Duration, Bucket), StoreError> {
        let client = client(&self.settings).await?;
        let info = client.server_info().await.map_err(|error| to_store_error(&error))?;
        let bucket = client.get_bucket(&self.settings.bucket).await;
        let bucket = bucket.map_err(|error| to_store_error(&error))?;
        Ok((Duration::from_secs(info.uptime), bucket))
    }

    /// Forgets the bucket where the token was refused, so that the next request reads the token's file again.
    pub(super) async fn note(&self, error: &StoreError) {
        if matches!(error, StoreError::Unauthorized { .. }) {
            *self.bucket.write().await = None;
        }
    }
}

async fn client(settings: &StoreSettings) -> Result<ReductClient, StoreError> {
    let mut builder = ReductClient::builder()
        .url(&settings.url)
        .timeout(REQUEST_TIMEOUT)
        // Over HTTP/2 the store takes only 16 KiB of headers, which hold a batch's labels.
        .http1_only();
    if let Some(file) = &settings.token_file {
        builder = builder.api_token(&read_token(file).await?);
    }
    builder.try_build().map_err(|error| to_store_error(&error))
}

async fn read_token(file: &Path) -> Result<String, StoreError> {
    let text = tokio::fs::read_to_string(file).await;
    let text = text.map_err(|error| StoreError::Unauthorized {
        status: 401,
        message: format!("cannot read the token's file {}: {error}", file.display()),
    })?;
    Ok(text.trim().to_owned())
}
