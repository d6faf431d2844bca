//! `KafkaDeadLetters`: delivers rejected messages as they were, with headers that say why. IO: Kafka.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::metrics::counter::Counter;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::address_book::AddressBook;
use super::consumer_context::log;
use super::letter_headers::letter_headers;
use super::properties::{self, Connection};
use super::statistics;
use crate::dead_letter::{DeadLetterError, DeadLetters, Letter, Obstacle};

/// Bytes of letters that the producer holds at once, of all partitions; a larger letter travels alone. The producer keeps
/// a copy of each, which no partition's share of the budget counts.
pub const LETTER_BYTES_MAX: u32 = 8 * 1024 * 1024;

/// Delivers to the dead-letter topic, or to none where the sink has none.
pub struct KafkaDeadLetters {
    outlet: Option<Outlet>,
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

/// The topic and the producer that writes to it.
struct Outlet {
    topic: String,
    group: String,
    settings: ClientConfig,
    producer: Mutex<Arc<ThreadedProducer<Reports>>>,
    book: Arc<AddressBook>,
    room: Arc<Semaphore>,
}

/// A letter that travels: who waits for its report, and the room that it takes until then.
struct Travelling {
    report: oneshot::Sender<Result<(), KafkaError>>,
    _room: OwnedSemaphorePermit,
}

/// Passes delivery reports on to whoever waits for them.
struct Reports(Arc<AddressBook>);

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn stats_raw(&self, json: &[u8]) {
        self.0.note(statistics::read(json).is_blank);
    }

    /// What fails shows in the delivery reports.
    fn error(&self, error: KafkaError, reason: &str) {
        debug!(%error, reason, "the producer of dead letters reports an error");
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Box<Travelling>;

    fn delivery(&self, result: &DeliveryResult<'_>, travelling: Self::DeliveryOpaque) {
        let outcome = result.as_ref().map(|_| ()).map_err(|(error, _)| error.clone());
        if travelling.report.send(outcome).is_err() {
            debug!("nobody waits for a delivery report");
        }
    }
}

impl KafkaDeadLetters {
    /// Returns what delivers to the topic; without one nothing is ever handed to it. `reminders` counts how often the
    /// producer had to be told again where the brokers are.
    ///
    /// # Errors
    /// A setting of the producer is refused.
    pub fn new(
        connection: Connection<'_>,
        topic: Option<&str>,
        reminders: Counter,
    ) -> Result<Self, KafkaDeadLettersError> {
        let book = AddressBook::new(connection.config, reminders);
        let outlet = topic.map(|topic| Outlet::new(connection, topic, book)).transpose()?;
        Ok(Self { outlet })
    }
}

impl DeadLetters for KafkaDeadLetters {
    async fn deliver(&self, letters: Vec<Letter>) -> Vec<Result<(), DeadLetterError>> {
        let Some(outlet) = &self.outlet else {
            return letters.iter().map(|letter| Err(nowhere(letter))).collect();
        };
        let mut reports = Vec::with_capacity(letters.len());
        for letter in &letters {
            reports.push(outlet.send(letter).await);
        }
        let mut answers = Vec::with_capacity(letters.len());
        for (letter, report) in letters.iter().zip(reports) {
            answers.push(outlet.answer(letter, report).await);
        }
        answers
    }
}

impl Outlet {
    fn new(
        connection: Connection<'_>,
        topic: &str,
        book: Arc<AddressBook>,
    ) -> Result<Self, KafkaDeadLettersError> {
        let settings = properties::producer(connection);
        let producer = settings
            .create_with_context(Reports(Arc::clone(&book)))
            .map_err(|source| KafkaDeadLettersError::Create { topic: topic.to_owned(), source })?;
        Ok(Self {
            topic: topic.to_owned(),
            group: connection.config.group_id.clone(),
            settings,
            producer: Mutex::new(Arc::new(producer)),
            book,
            room: Arc::new(Semaphore::new(LETTER_BYTES_MAX as usize)),
        })
    }

    /// Hands a letter to the producer as soon as there is room; returns where its report arrives.
    async fn send(&self, letter: &Letter) -> Result<oneshot::Receiver<Result<(), KafkaError>>, KafkaError> {
        let headers = letter_headers(letter, &self.group);
        let bytes = u32::try_from(letter.message.size()).unwrap_or(u32::MAX).clamp(1, LETTER_BYTES_MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(bytes).await;
        let room = room.expect("the room for letters is never closed");
        let (report, reported) = oneshot::channel();
        // The time is that of the letter and not the message's, which its headers tell: the topic's retention would delete
        // a letter of an old message at once, and brokers refuse one of a message from the future.
        let mut record: BaseRecord<'_, [u8], [u8], _> =
            BaseRecord::with_opaque_to(&self.topic, Box::new(Travelling { report, _room: room }))
                .headers(headers);
        record.key = letter.message.key.as_deref();
        record.payload = letter.message.value.as_deref();
        self.producer()?.send(record).map_err(|(error, _)| error)?;
        Ok(reported)
    }

    async fn answer(
        &self,
        letter: &Letter,
        report: Result<oneshot::Receiver<Result<(), KafkaError>>, KafkaError>,
    ) -> Result<(), DeadLetterError> {
        let outcome = match report {
            // A report that never comes is one of a producer that was replaced.
            Ok(reported) => reported.await.unwrap_or(Err(KafkaError::Canceled)),
            Err(error) => Err(error),
        };
        outcome.map_err(|error| DeadLetterError {
            topic: self.topic.clone(),
            bytes: letter.message.size(),
            reason: error.to_string(),
            obstacle: obstacle(&error),
        })
    }

    /// Returns the producer, a new one where the last has failed for good, and with the brokers' addresses where it has
    /// forgotten them.
    fn producer(&self) -> Result<Arc<ThreadedProducer<Reports>>, KafkaError> {
        let mut producer = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((code, reason)) = producer.client().fatal_error() {
            warn!(%code, reason, "the producer of dead letters failed for good, another takes its place");
            let next = self.settings.create_with_context(Reports(Arc::clone(&self.book)))?;
            let failed = std::mem::replace(&mut *producer, Arc::new(next));
            // Ending it waits for its thread.
            drop(tokio::task::spawn_blocking(move || drop(failed)));
        }
        // Letters that travel are given up after a while, and handed to it once more.
        self.book.remind(producer.client(), Instant::now());
        Ok(Arc::clone(&producer))
    }
}

fn nowhere(letter: &Letter) -> DeadLetterError {
    DeadLetterError {
        topic: String::new(),
        bytes: letter.message.size(),
        reason: "the sink has no dead-letter topic".to_owned(),
        obstacle: Obstacle::NoTopic,
    }
}

fn obstacle(error: &KafkaError) -> Obstacle {
    use RDKafkaErrorCode as Code;
    let Some(code) = error.rdkafka_error_code() else {
        return Obstacle::Passing;
    };
    let is_one_of = |codes: &[Code]| codes.contains(&code);
    if is_one_of(&[Code::MessageSizeTooLarge, Code::MessageBatchTooLarge, Code::InvalidMessageSize]) {
        Obstacle::TooLarge
    } else if is_one_of(&[Code::UnknownTopic, Code::UnknownPartition, Code::UnknownTopicOrPartition]) {
        Obstacle::NoTopic
    } else if is_one_of(&[Code::TopicAuthorizationFailed, Code::ClusterAuthorizationFailed]) {
        Obstacle::Forbidden
    } else if is_one_of(&[Code::InvalidRecord, Code::PolicyViolation]) {
        Obstacle::Refused
    } else {
        Obstacle::Passing
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::error::{KafkaError, RDKafkaErrorCode};

    use super::obstacle;
    use crate::dead_letter::Obstacle;

    fn check(code: RDKafkaErrorCode, expected: Obstacle) {
        assert_eq!(obstacle(&KafkaError::MessageProduction(code)), expected, "{code}");
    }

    #[test]
    fn somebody_is_asked_to_act_only_where_waiting_does_not_help() {
        check(RDKafkaErrorCode::MessageTimedOut, Obstacle::Passing);
        check(RDKafkaErrorCode::AllBrokersDown, Obstacle::Passing);
        check(RDKafkaErrorCode::NotEnoughReplicas, Obstacle::Passing);
        check(RDKafkaErrorCode::QueueFull, Obstacle::Passing);
        check(RDKafkaErrorCode::MessageSizeTooLarge, Obstacle::TooLarge);
        check(RDKafkaErrorCode::UnknownTopicOrPartition, Obstacle::NoTopic);
        check(RDKafkaErrorCode::UnknownTopic, Obstacle::NoTopic);
        check(RDKafkaErrorCode::TopicAuthorizationFailed, Obstacle::Forbidden);
        check(RDKafkaErrorCode::InvalidRecord, Obstacle::Refused);
        assert!(Obstacle::Passing.remedy().is_none());
        assert!(Obstacle::TooLarge.remedy().is_some_and(|remedy| remedy.contains("max.message.bytes")));
    }
}
