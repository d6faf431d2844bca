//! `KafkaDeadLetters`: delivers rejected messages as they were, with headers that say why. IO: Kafka.

use std::fmt::Display;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header as KafkaHeader, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, ProducerContext, ThreadedProducer};
use tokio::sync::oneshot;

use super::consumer_context::log;
use super::properties::{self, Connection};
use crate::dead_letter::{DeadLetterError, DeadLetters, Letter};
use crate::record::Headers;

/// Delivers to the dead-letter topic, or to none where the sink has none.
pub struct KafkaDeadLetters {
    producer: Option<(String, ThreadedProducer<Reports>)>,
}

/// Why there can be no producer.
#[derive(Debug, thiserror::Error)]
pub enum KafkaDeadLettersError {
    /// A setting is wrong.
    #[error("cannot create the producer for the topic {topic:?}")]
    Create {
        /// The dead-letter topic.
        topic: String,
        /// The cause.
        #[source]
        source: KafkaError,
    },
}

/// Passes delivery reports on to whoever waits for them.
struct Reports;

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    /// What fails shows in the delivery reports.
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "the producer of dead letters reports an error");
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Box<oneshot::Sender<Result<(), String>>>;

    fn delivery(&self, result: &DeliveryResult<'_>, report: Self::DeliveryOpaque) {
        let outcome = result.as_ref().map(|_| ()).map_err(|(error, _)| error.to_string());
        if report.send(outcome).is_err() {
            tracing::debug!("nobody waits for a delivery report");
        }
    }
}

impl KafkaDeadLetters {
    /// Returns what delivers to the topic; without one nothing is ever handed to it.
    ///
    /// # Errors
    /// A setting of the producer is refused.
    pub fn new(connection: Connection<'_>, topic: Option<&str>) -> Result<Self, KafkaDeadLettersError> {
        let Some(topic) = topic.map(str::to_owned) else {
            return Ok(Self { producer: None });
        };
        let created = properties::producer(connection).create_with_context(Reports);
        let producer =
            created.map_err(|source| KafkaDeadLettersError::Create { topic: topic.clone(), source })?;
        Ok(Self { producer: Some((topic, producer)) })
    }

    fn enqueue(
        &self,
        letter: &Letter,
    ) -> Result<(String, oneshot::Receiver<Result<(), String>>), DeadLetterError> {
        let Some((topic, producer)) = &self.producer else {
            return Err(DeadLetterError::Enqueue {
                topic: String::new(),
                reason: "the sink has none".to_owned(),
            });
        };
        let (report, reported) = oneshot::channel();
        let mut record: BaseRecord<'_, [u8], [u8], _> =
            BaseRecord::with_opaque_to(topic, Box::new(report)).headers(headers(letter));
        record.key = letter.message.key.as_deref();
        record.payload = letter.message.value.as_deref();
        record.timestamp = letter.message.timestamp_ms.filter(|timestamp_ms| *timestamp_ms >= 0);
        producer.send(record).map_err(|(error, _)| DeadLetterError::Enqueue {
            topic: topic.clone(),
            reason: error.to_string(),
        })?;
        Ok((topic.clone(), reported))
    }
}

impl DeadLetters for KafkaDeadLetters {
    async fn deliver(&self, letters: Vec<Letter>) -> Vec<Result<(), DeadLetterError>> {
        let enqueued: Vec<_> = letters.iter().map(|letter| self.enqueue(letter)).collect();
        let mut answers = Vec::with_capacity(enqueued.len());
        for letter in enqueued {
            answers.push(match letter {
                Ok((topic, reported)) => match reported.await {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(reason)) => Err(DeadLetterError::Deliver { topic, reason }),
                    Err(closed) => Err(DeadLetterError::Deliver { topic, reason: closed.to_string() }),
                },
                Err(error) => Err(error),
            });
        }
        answers
    }
}

/// The original headers, then ours.
fn headers(letter: &Letter) -> OwnedHeaders {
    let message = &letter.message;
    let mut headers = OwnedHeaders::new();
    if let Headers::Readable(originals) = &message.headers {
        for header in originals {
            headers = headers.insert(KafkaHeader { key: &header.name, value: header.value.as_deref() });
        }
    }
    headers = text(headers, "topic", &letter.from.topic);
    headers = text(headers, "partition", letter.from.partition);
    headers = text(headers, "offset", message.offset);
    if let Some(timestamp_ms) = message.timestamp_ms {
        headers = text(headers, "timestamp", timestamp_ms);
    }
    headers = text(headers, "stage", letter.reason.stage());
    headers = text(headers, "reason", &letter.reason);
    if let Some(status) = letter.reason.http_status() {
        headers = text(headers, "http.status", status);
    }
    headers = text(headers, "attempts", letter.attempts + 1);
    text(headers, "version", env!("CARGO_PKG_VERSION"))
}

fn text(headers: OwnedHeaders, name: &str, value: impl Display) -> OwnedHeaders {
    headers.insert(KafkaHeader { key: &format!("sink.error.{name}"), value: Some(&value.to_string()) })
}
