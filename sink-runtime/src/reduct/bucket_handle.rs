//! `BucketHandle`: the bucket as the client library hands it out, with the token and the authorities that the files hold. IO: store, files.
//!
//! Changed files take effect without a restart: a refused token is read again with the next request, everything else
//! with the next probe. What is in use stays so until the store has answered by what is new.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reduct_rs::{Bucket, ReductClient};
use tokio::sync::RwLock;
use tracing::{info, warn};

use super::convert::to_store_error;
use super::credentials::StoreCredentials;
use super::silence;
use crate::secret::Secret;
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
    /// File that holds authorities besides those of the system.
    pub ca_file: Option<PathBuf>,
}

/// The bucket, once the store has shown it.
pub(super) struct BucketHandle {
    settings: StoreSettings,
    connection: RwLock<Option<Connection>>,
    /// Why the files' new content was not taken over, so that it is told once.
    told: Mutex<Option<StoreError>>,
}

/// A client and what it was made of.
#[derive(Clone)]
struct Connection {
    credentials: StoreCredentials,
    client: Arc<ReductClient>,
    bucket: Arc<Bucket>,
}

impl BucketHandle {
    pub(super) fn new(settings: StoreSettings) -> Self {
        Self { settings, connection: RwLock::new(None), told: Mutex::default() }
    }

    /// Returns the bucket; asks the store for it where that has not succeeded yet.
    pub(super) async fn get(&self) -> Result<Arc<Bucket>, StoreError> {
        if let Some(connection) = self.connection.read().await.as_ref() {
            return Ok(Arc::clone(&connection.bucket));
        }
        let connection = self.connect(self.credentials().await?).await?;
        let bucket = Arc::clone(&connection.bucket);
        self.forget_told();
        *self.connection.write().await = Some(connection);
        Ok(bucket)
    }

    /// Returns the bucket, if the store has shown it already.
    pub(super) async fn known(&self) -> Option<Arc<Bucket>> {
        self.connection.read().await.as_ref().map(|connection| Arc::clone(&connection.bucket))
    }

    /// Asks the store how long it has run, and for the bucket, whatever was known before; takes over what the files of
    /// the credentials hold now.
    pub(super) async fn probe(&self) -> Result<(Duration, Arc<Bucket>), StoreError> {
        self.renew().await?;
        let bucket = self.get().await?;
        let connection = self.connection.read().await.clone();
        let Some(connection) = connection else {
            return Err(StoreError::Unclear("the token was refused meanwhile".to_owned()));
        };
        let info = connection.client.server_info().await.map_err(|error| to_store_error(&error))?;
        Ok((Duration::from_secs(info.uptime), bucket))
    }

    /// Asks the store for the bucket by what the files of the credentials hold now.
    async fn renew(&self) -> Result<(), StoreError> {
        let Some(held) = self.connection.read().await.clone() else {
            return self.get().await.map(drop);
        };
        let renewed = match self.credentials().await {
            Ok(credentials) if credentials == held.credentials => {
                if self.forget_told() {
                    info!("the token and the authorities of the store are again those in use");
                }
                return self.ask(&held.client, &held.credentials).await.map(drop);
            }
            Ok(credentials) => self.connect(credentials).await,
            Err(error) => Err(error),
        };
        match renewed {
            Ok(connection) => {
                info!("the token or the authorities of the store have changed, they are in use from now on");
                self.forget_told();
                *self.connection.write().await = Some(connection);
                Ok(())
            }
            Err(error) => {
                let outcome = self.ask(&held.client, &held.credentials).await.map(drop);
                self.tell(error);
                outcome
            }
        }
    }

    /// Forgets the bucket where the token was refused, so that the next request reads the token's file again.
    pub(super) async fn note(&self, error: &StoreError) {
        if matches!(error, StoreError::Unauthorized { .. }) {
            *self.connection.write().await = None;
        }
    }

    async fn credentials(&self) -> Result<StoreCredentials, StoreError> {
        let StoreSettings { token_file, ca_file, .. } = &self.settings;
        StoreCredentials::read(token_file.as_ref(), ca_file.as_ref()).await
    }

    async fn connect(&self, credentials: StoreCredentials) -> Result<Connection, StoreError> {
        let client = client(&self.settings, credentials.token.as_ref())?;
        let bucket = self.ask(&client, &credentials).await?;
        Ok(Connection { credentials, client: Arc::new(client), bucket: Arc::new(bucket) })
    }

    /// Asks for the bucket; where nobody answers, also why.
    async fn ask(&self, client: &ReductClient, credentials: &StoreCredentials) -> Result<Bucket, StoreError> {
        let answer = client.get_bucket(&self.settings.bucket).await;
        match answer.map_err(|error| to_store_error(&error)) {
            Err(StoreError::Unreachable(message)) => {
                let reason = silence::reason(&self.settings.url, credentials.authorities.as_deref()).await;
                Err(StoreError::Unreachable(reason.unwrap_or(message)))
            }
            answer => answer,
        }
    }

    /// Makes what does not work from now on be told, also where it is the same again; returns whether something was told.
    fn forget_told(&self) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }

    fn tell(&self, error: StoreError) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.as_ref() != Some(&error) {
            warn!(%error, "the changed token or authorities of the store do not work, those before stay in use");
            *told = Some(error);
        }
    }
}

fn client(settings: &StoreSettings, token: Option<&Secret>) -> Result<ReductClient, StoreError> {
    let mut builder = ReductClient::builder()
        .url(&settings.url)
        .timeout(REQUEST_TIMEOUT)
        // Over HTTP/2 the store takes only 16 KiB of headers, which hold a batch's labels.
        .http1_only();
    if let Some(file) = &settings.ca_file {
        builder = builder.ca_cert_path(&file.display().to_string());
    }
    if let Some(token) = token {
        builder = builder.api_token(token.reveal());
    }
    // What fails here is what the files hold: the url was checked.
    builder.try_build().map_err(|error| StoreError::Credentials(error.message().to_owned()))
}
