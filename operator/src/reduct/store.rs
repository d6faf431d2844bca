//! IO: ReductStore. `Store`: what the operator asks of one store, and what it changes there.

use std::io::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use kafkasink_crds::bucket_name::BucketName;
use reduct_rs::{
    BucketSettings, ErrorCode, LifecycleMode, LifecycleSettings, LifecycleType, QuotaType, ReductClient,
    ReductError,
};

use super::error::{Credential, PREPARE, StoreError};
use tempfile::NamedTempFile;
use tokio::time::Instant;

use crate::model::{BucketView, Obstacle, QuotaKind, Token, TokenPermissions};
use crate::probe::{Destination, Lately, ShownCertificate, TlsClient, Trust, Visit, visit};
use crate::telemetry::chain;

/// Longest wait for one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(8);

/// What every server for HTTP answers.
const OPENING: &[u8] = b"HEAD /api/v1/alive HTTP/1.0\r\n\r\n";

/// How often the store looks for records that are too old.
const LIFECYCLE_INTERVAL: &str = "600s";

/// A client of one store with one token.
pub(crate) struct Store {
    client: ReductClient,
    tls: TlsClient,
    certificate: ShownCertificate,
    obstacle: Lately<Option<Obstacle>>,
    credential: Credential,
}

impl Store {
    /// Prepares a client; the store is not asked yet.
    ///
    /// # Errors
    /// The URL is none.
    pub(super) fn new(
        url: &str,
        token: Option<&Token>,
        authorities: Option<&str>,
        credential: Credential,
    ) -> Result<Self, StoreError> {
        let failed = |source| StoreError::new(PREPARE, url, credential, source);
        // The builder panics on what is no URL.
        reqwest::Url::parse(url)
            .map_err(|error| failed(ReductError::new(ErrorCode::UrlParseError, &error.to_string())))?;
        let builder = ReductClient::builder().url(url).timeout(REQUEST_TIMEOUT).http1_only();
        let builder = match token {
            Some(token) => builder.api_token(token.reveal()),
            None => builder,
        };
        // The client takes a file and reads it at once.
        let file = authorities.map(written).transpose().map_err(failed)?;
        let builder = match &file {
            Some(file) => builder.ca_cert_path(&file.path().display().to_string()),
            None => builder,
        };
        let client = builder.try_build().map_err(failed)?;
        let trust = Trust { authorities: authorities.map(str::to_owned), in_system: true };
        Ok(Self {
            client,
            tls: TlsClient::new(trust, None),
            certificate: ShownCertificate::default(),
            obstacle: Lately::default(),
            credential,
        })
    }

    /// Returns what the token may do.
    ///
    /// # Errors
    /// The store does not answer or refuses the token.
    pub(crate) async fn permissions(&self) -> Result<TokenPermissions, StoreError> {
        let token = match self.client.me().await.map_err(self.failed("read the token's permissions")) {
            Err(error) if error.is_unreachable() => return Err(error.because(self.obstacle().await)),
            other => other?,
        };
        let end = token.expires_at.and_then(|end| Timestamp::from_second(end.timestamp()).ok());
        let permissions = token.permissions.unwrap_or_default();
        Ok(TokenPermissions {
            full_access: permissions.full_access,
            read: permissions.read,
            write: permissions.write,
            end,
        })
    }

    /// Returns the settings of a bucket, `None` where there is no such bucket.
    ///
    /// # Errors
    /// The store does not answer or refuses the token.
    pub(crate) async fn bucket(&self, name: &BucketName) -> Result<Option<BucketView>, StoreError> {
        let attempt = "read the bucket's settings";
        let bucket = match self.client.get_bucket(name.as_str()).await.map_err(self.failed(attempt)) {
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) if error.is_unreachable() => return Err(error.because(self.obstacle().await)),
            other => other?,
        };
        let found = bucket.full_info().await.map_err(self.failed(attempt))?;
        Ok(Some(BucketView { held_bytes: Some(found.info.size), ..view(&found.settings) }))
    }

    /// Creates a bucket with the given settings; those that are absent are the store's defaults.
    ///
    /// # Errors
    /// The store refuses or does not answer.
    pub(crate) async fn create_bucket(
        &self,
        name: &BucketName,
        settings: &BucketView,
    ) -> Result<(), StoreError> {
        let builder = self.client.create_bucket(name.as_str()).settings(native(settings));
        builder.send().await.map(drop).map_err(self.failed("create the bucket"))
    }

    /// Changes the given settings of a bucket; those that are absent stay.
    ///
    /// # Errors
    /// The store refuses or does not answer.
    pub(crate) async fn set_bucket(
        &self,
        name: &BucketName,
        settings: &BucketView,
    ) -> Result<(), StoreError> {
        let attempt = "change the bucket's settings";
        let bucket = self.client.get_bucket(name.as_str()).await.map_err(self.failed(attempt))?;
        bucket.set_settings(native(settings)).await.map_err(self.failed(attempt))
    }

    /// Returns after how many seconds a lifecycle policy deletes records, `None` where there is no such policy.
    ///
    /// # Errors
    /// The store does not answer or refuses the token.
    pub(crate) async fn retention(&self, policy: &str) -> Result<Option<u64>, StoreError> {
        let answer = self.client.get_lifecycle(policy).await;
        match answer.map_err(self.failed("read the bucket's retention")) {
            Ok(found) => Ok(whole_seconds(&found.settings.older_than)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates or changes the lifecycle policy that deletes records of a bucket after so many seconds.
    ///
    /// # Errors
    /// The store refuses or does not answer.
    pub(crate) async fn set_retention(
        &self,
        policy: &str,
        bucket: &BucketName,
        seconds: u64,
    ) -> Result<(), StoreError> {
        let settings = LifecycleSettings {
            lifecycle_type: LifecycleType::Delete,
            bucket: bucket.as_str().to_owned(),
            older_than: format!("{seconds}s"),
            interval: LIFECYCLE_INTERVAL.to_owned(),
            mode: LifecycleMode::Enabled,
            ..LifecycleSettings::default()
        };
        let attempt = "set the bucket's retention";
        match self.client.update_lifecycle(policy, settings.clone()).await {
            Err(error) if error.status == ErrorCode::NotFound => {
                let create = self.client.create_lifecycle(policy).set_settings(settings);
                create.send().await.map_err(self.failed(attempt))
            }
            outcome => outcome.map_err(self.failed(attempt)),
        }
    }

    /// Deletes a lifecycle policy; one that is not there counts as deleted.
    ///
    /// # Errors
    /// The store refuses or does not answer.
    pub(crate) async fn drop_retention(&self, policy: &str) -> Result<(), StoreError> {
        let answer = self.client.delete_lifecycle(policy).await;
        match answer.map_err(self.failed("remove the bucket's retention")) {
            Err(error) if error.is_not_found() => Ok(()),
            outcome => outcome,
        }
    }

    /// Returns until when the store's certificate is valid, where it shows one.
    pub(crate) async fn certificate_end(&self) -> Option<Timestamp> {
        if !self.client.url().starts_with("https:") {
            return None;
        }
        let look = async { Vec::from_iter(self.visit().await.certificate_end()) };
        self.certificate.end(Instant::now(), look).await
    }

    /// Goes to the store without the client, which keeps to itself why nobody answers: the name, the connection, or TLS.
    async fn obstacle(&self) -> Option<Obstacle> {
        self.obstacle.or(Instant::now(), async { self.visit().await.obstacle }).await
    }

    /// Without TLS no certificate is looked for; nothing is seen where the URL names no host, which is refused elsewhere.
    async fn visit(&self) -> Visit {
        let Ok(url) = reqwest::Url::parse(self.client.url()) else { return Visit::default() };
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Visit::default();
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let tls = (url.scheme() == "https").then_some(&self.tls);
        let is_answer = |answer: &[u8]| answer.starts_with(b"HTTP/");
        visit(Destination { host, port, tls, opening: OPENING, is_answer }).await
    }

    fn failed(&self, attempt: &'static str) -> impl FnOnce(ReductError) -> StoreError {
        // What the client adds to the base URL is of no use to the reader of a message.
        let url = self.client.url().trim_end_matches("/api/v1").trim_end_matches('/').to_owned();
        let credential = self.credential;
        move |source| StoreError::new(attempt, &url, credential, source)
    }
}

/// Returns a file with the authorities, which is gone with the value.
fn written(pem: &str) -> Result<NamedTempFile, ReductError> {
    let unusable = |what: &str| ReductError::new(ErrorCode::UnprocessableEntity, what);
    match reqwest::Certificate::from_pem_bundle(pem.as_bytes()) {
        Ok(certificates) if certificates.is_empty() => return Err(unusable("it holds no certificate")),
        Ok(_) => {}
        Err(error) => return Err(unusable(&chain(&error))),
    }
    let write = || {
        let mut file = NamedTempFile::new()?;
        file.write_all(pem.as_bytes())?;
        Ok(file)
    };
    write().map_err(|error: std::io::Error| {
        ReductError::new(ErrorCode::Unknown, &format!("cannot keep the authorities in a file: {error}"))
    })
}

fn view(settings: &BucketSettings) -> BucketView {
    let quota = settings.quota_type.as_ref().map(|kind| match kind {
        QuotaType::NONE => QuotaKind::None,
        QuotaType::FIFO => QuotaKind::Fifo,
        QuotaType::HARD => QuotaKind::Hard,
    });
    BucketView {
        quota,
        quota_bytes: settings.quota_size,
        max_block_bytes: settings.max_block_size,
        max_block_records: settings.max_block_records,
        held_bytes: None,
    }
}

fn native(view: &BucketView) -> BucketSettings {
    let quota_type = view.quota.map(|kind| match kind {
        QuotaKind::None => QuotaType::NONE,
        QuotaKind::Fifo => QuotaType::FIFO,
        QuotaKind::Hard => QuotaType::HARD,
    });
    BucketSettings {
        quota_type,
        quota_size: view.quota_bytes,
        max_block_size: view.max_block_bytes,
        max_block_records: view.max_block_records,
    }
}

/// Reads the store's `7d`, `24h`, `10m` or `3600s`; `None` for what we would not write.
fn whole_seconds(text: &str) -> Option<u64> {
    let digits = text.strip_suffix(|unit: char| unit.is_ascii_alphabetic())?;
    let factor = match text.strip_prefix(digits)? {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}
