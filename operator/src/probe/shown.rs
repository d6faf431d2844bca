//! IO: none but that of the look it is given. `ShownCertificate`: until when a server's certificate is valid, looked at now
//! and then.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::certificate::CertificateFacts;

/// How often a certificate is looked at.
const AGE_MAX: Duration = Duration::from_hours(1);

/// What was seen last.
#[derive(Debug, Default)]
pub(crate) struct ShownCertificate {
    /// Held while one looks, so that all who ask at the same time look once.
    seen: Mutex<Option<(Instant, Timestamp)>>,
}

impl ShownCertificate {
    /// Returns when the first of the certificates ends that `look` finds, or found within the last hour; `None` where none is
    /// shown.
    pub(crate) async fn end(&self, look: impl Future<Output = Vec<CertificateFacts>>) -> Option<Timestamp> {
        let mut seen = self.seen.lock().await;
        if let Some((_, end)) = seen.as_ref().filter(|(when, _)| when.elapsed() < AGE_MAX) {
            return Some(*end);
        }
        let end = look.await.iter().map(|facts| facts.not_after).min()?;
        *seen = Some((Instant::now(), end));
        Some(end)
    }
}
