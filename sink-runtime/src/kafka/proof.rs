//! Tells whether the brokers let a member in by new credentials, before those that work are given up. IO: Kafka.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;

use super::access::readable;
use super::consumer_context::log;
use super::properties::{self, Connection};

/// Longest wait for the brokers' answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the client may tell of what happened; without any time it would tell one thing and no more.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Why new credentials do not take the place of those in use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// They do not fit each other, or are not what they should be.
    #[error("cannot use the new credentials: {reason}")]
    Unusable {
        /// What the client library said.
        reason: String,
    },
    /// No broker answered by them.
    #[error("no broker answers by the new credentials: {reason}")]
    Unanswered {
        /// What the client library said of its connections.
        reason: String,
    },
}

/// Keeps the newest complaint of the client.
#[derive(Default)]
struct Complaints(Mutex<Option<String>>);

impl ClientContext for Complaints {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // The library's summary of what it has told before tells nothing.
        let is_summary = error.rdkafka_error_code() == Some(rdkafka::error::RDKafkaErrorCode::AllBrokersDown);
        if !is_summary {
            let reason = readable(reason).to_owned();
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
        }
    }
}

impl ConsumerContext for Complaints {}

/// Asks the brokers one question by these credentials, without joining the group. Blocks until they answer.
///
/// # Errors
/// The credentials are unusable, or no broker answers in time.
pub fn prove(connection: Connection<'_>, topic: &str) -> Result<(), ProofError> {
    let client: BaseConsumer<Complaints> = properties::client(connection)
        .create_with_context(Complaints::default())
        .map_err(|error| ProofError::Unusable { reason: error.to_string() })?;
    let answer = client.fetch_metadata(Some(topic), PATIENCE);
    // Its events, among them why a connection failed, come only to who asks for them.
    while client.poll(LAST_WORDS).is_some() {}
    answer.map(drop).map_err(|error| {
        let complaint = client.context().0.lock().unwrap_or_else(PoisonError::into_inner).take();
        ProofError::Unanswered { reason: complaint.unwrap_or_else(|| error.to_string()) }
    })
}
