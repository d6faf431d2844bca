//! IO: Kubernetes. Every request gets a name and a time-out: the client itself would wait and retry for minutes.

use std::time::Duration;

use kafkasink_crds::resource::Reason;
use kube::core::Status;

use crate::model::Problem;
use crate::telemetry::chain;

/// Longest wait for one request to the Kubernetes API.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The field manager of everything but the status.
pub(crate) const FIELD_MANAGER: &str = "kafkasink.dev/operator";

/// The field manager of the status.
pub(crate) const STATUS_MANAGER: &str = "kafkasink.dev/status";

/// Answers to a request that will not become right by being repeated: bad request, forbidden, unprocessable.
const REFUSED: [u16; 3] = [400, 403, 422];

/// A request to the Kubernetes API that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KubernetesError {
    /// It was answered with an error.
    #[error("failed to {attempt}")]
    Answer {
        /// What was attempted.
        attempt: String,
        /// The API server's own words.
        #[source]
        source: Box<Status>,
    },
    /// It was not sent, or its answer not understood.
    #[error("failed to {attempt}")]
    Request {
        /// What was attempted.
        attempt: String,
        /// Why it failed.
        #[source]
        source: Box<kube::Error>,
    },
    /// It was not answered in time.
    #[error("failed to {attempt}: no answer within {limit:?}")]
    TimedOut {
        /// What was attempted.
        attempt: String,
        /// How long was waited.
        limit: Duration,
    },
}

impl KubernetesError {
    /// Returns what the user should know and do, where an object of a sink could not be applied.
    pub(crate) fn problem(&self) -> Problem {
        match self.answer().filter(|status| REFUSED.contains(&status.code)) {
            Some(Status { message, .. }) => Problem::new(
                Reason::WorkloadRefused,
                format!(
                    "Kubernetes refuses an object of the sink: {message}; correct workload or the cluster's policy"
                ),
            ),
            None => Problem::new(
                Reason::Progressing,
                format!("{}; wait, and look at the API server and its webhooks if this lasts", chain(self)),
            ),
        }
    }

    /// Tells whether the object is not there (any more).
    pub(crate) fn is_not_found(&self) -> bool {
        // A path that is not served at all is answered in plain text, whose code is all there is.
        self.answer().is_some_and(|status| status.is_not_found() || status.code == 404)
    }

    /// Tells whether we have not the right to do it.
    pub(crate) fn is_forbidden(&self) -> bool {
        self.answer().is_some_and(|status| status.code == 403)
    }

    /// Tells whether somebody else was faster.
    pub(crate) fn is_conflict(&self) -> bool {
        self.answer().is_some_and(|status| status.code == 409)
    }

    fn answer(&self) -> Option<&Status> {
        match self {
            Self::Answer { source, .. } => Some(source),
            Self::Request { .. } | Self::TimedOut { .. } => None,
        }
    }
}

/// Waits for a request, but not for ever.
///
/// # Errors
/// The request fails or is not answered in time; `attempt` says which one it was.
pub(crate) async fn call<T>(
    attempt: impl Into<String>,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, KubernetesError> {
    call_within(REQUEST_TIMEOUT, attempt, request).await
}

/// Waits for a request, but not longer than `limit`.
///
/// # Errors
/// The request fails or is not answered in time; `attempt` says which one it was.
pub(crate) async fn call_within<T>(
    limit: Duration,
    attempt: impl Into<String>,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, KubernetesError> {
    let attempt = attempt.into();
    match tokio::time::timeout(limit, request).await {
        Err(_) => Err(KubernetesError::TimedOut { attempt, limit }),
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(source))) => Err(KubernetesError::Answer { attempt, source }),
        Ok(Err(source)) => Err(KubernetesError::Request { attempt, source: Box::new(source) }),
    }
}
