//! Waits until Kafka's credentials have changed and the brokers let us in by the new ones. IO: files, Kafka.

use std::sync::Arc;
use std::time::Duration;

use kafkasink_crds::runtime_config::{KafkaConfig, RuntimeConfig};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{debug, warn};

use crate::kafka::{Connection, CredentialsError, KafkaCredentials, ProofError, prove};

/// How often the files are read. Kubernetes replaces them by links, which no change notice would show.
const EVERY: Duration = Duration::from_secs(5);

/// Follows the files of Kafka's credentials.
#[derive(Clone, Debug)]
pub(super) struct Renewal {
    question: Arc<Question>,
}

/// What the brokers are asked.
#[derive(Debug)]
struct Question {
    kafka: KafkaConfig,
    topic: String,
}

/// Why what the files hold is not taken over.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    /// They cannot be used.
    #[error(transparent)]
    Files(CredentialsError),
    /// The brokers do not let us in by it.
    #[error(transparent)]
    Brokers(ProofError),
}

impl Renewal {
    pub(super) fn new(config: &RuntimeConfig) -> Self {
        let topic = config.topics.first().map_or_else(String::new, |topic| topic.name.clone());
        let question = Question { kafka: config.kafka.clone(), topic };
        Self { question: Arc::new(question) }
    }

    /// Returns credentials other than those in use, once the files hold them and the brokers have let us in by them.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub(super) async fn next(&self, in_use: &KafkaCredentials) -> KafkaCredentials {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = None;
        loop {
            ticks.tick().await;
            match self.attempt(in_use.clone()).await {
                Ok(Some(renewed)) => return renewed,
                Ok(None) => told = None,
                Err(refusal) if told.as_ref() == Some(&refusal) => {
                    debug!(error = %refusal, "the changed credentials of kafka still do not work");
                }
                Err(refusal) => {
                    warn!(error = %refusal, "the changed credentials of kafka do not work, those before stay in use");
                    told = Some(refusal);
                }
            }
        }
    }

    /// Returns what the files hold, where that is new and works.
    async fn attempt(&self, in_use: KafkaCredentials) -> Result<Option<KafkaCredentials>, Refusal> {
        let question = Arc::clone(&self.question);
        let asked = tokio::task::spawn_blocking(move || question.ask(&in_use)).await;
        // A task that was torn down with the program has no answer.
        asked.unwrap_or(Ok(None))
    }
}

impl Question {
    fn ask(&self, in_use: &KafkaCredentials) -> Result<Option<KafkaCredentials>, Refusal> {
        let credentials = KafkaCredentials::read(&self.kafka).map_err(Refusal::Files)?;
        if credentials == *in_use {
            return Ok(None);
        }
        let connection = Connection { config: &self.kafka, credentials: &credentials };
        prove(connection, &self.topic).map_err(Refusal::Brokers)?;
        Ok(Some(credentials))
    }
}
