//! Looks a sink's topics up before the consumer is created: how much they can ask of memory. IO: Kafka.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, ResourceSpecifier};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use tokio::time::sleep;
use tracing::{debug, info, warn};

use super::access::{self, Access};
use super::consumer_context::log;
use super::properties::{self, Connection};
use crate::memory::Demand;

/// Longest wait for one answer of the brokers.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the client may tell of what happened; without any time it would tell one thing and no more.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Time between attempts at what the brokers did not answer.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Largest message of a topic that says nothing else, as Kafka ships.
const MESSAGE_BYTES_DEFAULT: u64 = 1_048_588;

/// Topic setting that bounds a batch of messages.
const MESSAGE_BYTES_SETTING: &str = "max.message.bytes";

/// Why topics cannot be looked up.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// A setting is wrong.
    #[error("cannot create the kafka client that looks the topics up")]
    Create(#[source] KafkaError),
}

/// Returns what the topics can ask of one member that is given all their partitions; waits for brokers for ever.
///
/// A refusal by the brokers is told to `access`. A topic that does not exist yet counts as one partition. Where the brokers do not tell how large messages may be,
/// they are taken to be as large as Kafka allows by default.
///
/// # Errors
/// A setting is refused.
pub async fn survey(
    connection: Connection<'_>,
    topics: &[String],
    access: &Arc<Access>,
) -> Result<Demand, SurveyError> {
    let client = properties::client(connection);
    let asking = || Asking(Arc::clone(access));
    let reader = || client.create_with_context(asking()).map_err(SurveyError::Create);
    let mut has_failed = false;
    let (brokers, partitions) = loop {
        // One that asks in vain may know no broker any more, and never will.
        match look_up(reader()?, topics.to_vec()).await {
            Ok(found) => break found,
            Err(error) if has_failed => debug!(%error, "the brokers do not answer yet"),
            Err(error) => warn!(%error, "cannot look the topics up, it is tried again"),
        }
        has_failed = true;
        sleep(RETRY_AFTER).await;
    };
    if access.admit() {
        info!("the brokers let this member in again");
    }
    let admin = client.create_with_context(asking()).map_err(SurveyError::Create)?;
    let message_bytes = message_bytes(&admin, topics).await;
    Ok(Demand { brokers: brokers.min(partitions), partitions, message_bytes, letter_bytes: 0 })
}

/// Returns the number of brokers and of partitions.
async fn look_up(reader: BaseConsumer<Asking>, topics: Vec<String>) -> Result<(u64, u64), KafkaError> {
    let look_up = move || {
        let found = count(&reader, &topics);
        // Its events, among them why a connection failed, come only to who asks for them.
        while reader.poll(LAST_WORDS).is_some() {}
        found
    };
    tokio::task::spawn_blocking(look_up).await.expect("asking for metadata does not panic")
}

fn count(reader: &BaseConsumer<Asking>, topics: &[String]) -> Result<(u64, u64), KafkaError> {
    let (mut brokers, mut partitions) = (1, 0);
    for topic in topics {
        let metadata = reader.fetch_metadata(Some(topic), PATIENCE)?;
        brokers = brokers.max(metadata.brokers().len() as u64);
        let found: usize = metadata.topics().iter().map(|found| found.partitions().len()).sum();
        partitions += found.max(1) as u64;
    }
    Ok((brokers, partitions))
}

/// Returns the bytes of the largest message that one of the topics takes.
async fn message_bytes(client: &AdminClient<Asking>, topics: &[String]) -> u64 {
    let names: Vec<_> = topics.iter().map(|topic| ResourceSpecifier::Topic(topic)).collect();
    let options = AdminOptions::new().request_timeout(Some(PATIENCE));
    let answers = match client.describe_configs(&names, &options).await {
        Ok(answers) => answers,
        Err(error) => {
            info!(%error, "the brokers do not tell how large messages may be, kafka's default is assumed");
            return MESSAGE_BYTES_DEFAULT;
        }
    };
    let mut largest = 0;
    for (topic, answer) in topics.iter().zip(answers) {
        let bytes = match answer {
            Ok(resource) => setting(&resource),
            Err(code) => {
                info!(topic, %code, "the brokers do not tell how large messages may be, kafka's default is assumed");
                None
            }
        };
        largest = largest.max(bytes.unwrap_or(MESSAGE_BYTES_DEFAULT));
    }
    largest
}

fn setting(resource: &ConfigResource) -> Option<u64> {
    let entry = resource.entries.iter().find(|entry| entry.name == MESSAGE_BYTES_SETTING)?;
    entry.value.as_ref()?.parse().ok()
}

/// What fails shows in the answers, but for what a person must mend.
struct Asking(Arc<Access>);

impl ConsumerContext for Asking {}

impl ClientContext for Asking {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        access::note(&self.0, &error, reason);
    }
}
