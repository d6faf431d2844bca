//! Why the store does not answer: the name, the connection or TLS. IO: store.
//!
//! The client library keeps the cause of a broken connection to itself, so the store is asked once more without it.

use std::error::Error;
use std::time::Duration;

use reqwest::{Certificate, Client};

/// Longest wait for the reason.
const PATIENCE: Duration = Duration::from_secs(2);

/// Returns the causes, outermost first; none where the store answers by now.
pub(super) async fn reason(url: &str, authorities: Option<&str>) -> Option<String> {
    let certificates = authorities.map_or(Ok(Vec::new()), |pem| Certificate::from_pem_bundle(pem.as_bytes()));
    let client = Client::builder().timeout(PATIENCE).tls_certs_merge(certificates.ok()?).build().ok()?;
    let error = client.get(url).send().await.err()?;
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(found) = cause {
        causes.push(found.to_string());
        cause = found.source();
    }
    (!causes.is_empty()).then(|| causes.join(": "))
}
