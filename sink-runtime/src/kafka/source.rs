//! `KafkaSource`: the `Source` port over the thread that reads from Kafka. IO: Kafka, by that thread.

use std::sync::Arc;
use std::thread::JoinHandle;

use prometheus_client::metrics::counter::Counter;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use tokio::sync::{mpsc, oneshot};

use super::access::Access;
use super::address_book::AddressBook;
use super::commit_metadata::Signature;
use super::consumer_context::Context;
use super::poll_loop::{Command, PollLoop, PollSettings};
use super::properties::{self, Connection, Membership};
use super::replaced_topics::ReplacedTopics;
use crate::budget::Budget;
use crate::lease::Lease;
use crate::pulse::Pulse;
use crate::source::{Commit, Source, SourceError, SourceEvent};

/// Most events and commands that wait.
const QUEUE: usize = 64;

/// Reads from Kafka.
pub struct KafkaSource {
    events: mpsc::Receiver<SourceEvent>,
    commands: mpsc::Sender<Command>,
    thread: JoinHandle<()>,
}

/// What the reading thread and its clients tell of themselves, whichever they are at the moment.
#[derive(Clone, Debug, Default)]
pub struct Vitals {
    /// Whether it goes round.
    pub pulse: Arc<Pulse>,
    /// Whether the brokers let it in.
    pub access: Arc<Access>,
    /// How often a client had to be told again where the brokers are.
    pub reminders: Counter,
}

/// Why reading cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum KafkaSourceError {
    /// A setting is wrong.
    #[error("cannot create the kafka consumer")]
    Create(#[source] KafkaError),
    /// The topics cannot be subscribed to.
    #[error("cannot subscribe to the topics {topics:?}")]
    Subscribe {
        /// The topics.
        topics: Vec<String>,
        /// The cause.
        #[source]
        source: KafkaError,
    },
    /// The thread cannot be started.
    #[error("cannot start the thread that reads from kafka")]
    Thread(#[source] std::io::Error),
}

impl KafkaSource {
    /// Joins the group and begins to read; `pulse` beats as long as the reading thread goes round.
    ///
    /// # Errors
    /// A setting is refused, or the thread cannot be started. Brokers that do not answer are waited for.
    pub fn start(
        connection: Connection<'_>,
        topics: &[String],
        (membership, signature): (&Membership, Signature),
        budget: Arc<Budget>,
        (vitals, lease): (&Vitals, Arc<Lease>),
    ) -> Result<Self, KafkaSourceError> {
        let (event_sender, events) = mpsc::channel(QUEUE);
        let (commands, command_receiver) = mpsc::channel(QUEUE);
        let mut client = properties::consumer(connection, membership, &budget.plan().fetch);
        ReplacedTopics::watch(&mut client);
        let book = AddressBook::new(connection.config, vitals.reminders.clone());
        let context = Context::new(event_sender.clone(), Arc::clone(&vitals.access), book);
        let consumer: BaseConsumer<Context> =
            client.create_with_context(context).map_err(KafkaSourceError::Create)?;
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        consumer
            .subscribe(&names)
            .map_err(|source| KafkaSourceError::Subscribe { topics: topics.to_vec(), source })?;
        let settings = PollSettings {
            group_id: connection.config.group_id.clone(),
            instance_id: membership.instance_id.clone(),
            topics: topics.to_vec(),
            start_from: connection.config.start_from,
            signature,
        };
        let runtime = tokio::runtime::Handle::current();
        let shared = (Arc::clone(&vitals.pulse), lease);
        let thread = std::thread::Builder::new()
            .name("kafka-poll".to_owned())
            .spawn(move || {
                let reports = event_sender.clone();
                match PollLoop::new(consumer, settings, budget, event_sender, shared) {
                    Ok(poll_loop) => poll_loop.run(command_receiver, &runtime),
                    Err(error) => {
                        let failed = SourceError::Fatal { reason: error.to_string() };
                        drop(reports.blocking_send(SourceEvent::Failed(failed)));
                    }
                }
            })
            .map_err(KafkaSourceError::Thread)?;
        Ok(Self { events, commands, thread })
    }

    async fn command(&self, command: Command) {
        // A thread that has ended says so through its events.
        let _is_alive = self.commands.send(command).await.is_ok();
        self.thread.thread().unpark();
    }
}

impl Source for KafkaSource {
    async fn next(&mut self) -> SourceEvent {
        self.events.recv().await.unwrap_or(SourceEvent::Failed(SourceError::Ended))
    }

    async fn commit(&self, commits: Vec<Commit>) {
        // A thread that is busy must not hold up the driver that it may be waiting for: the next round commits more.
        if commits.is_empty() || self.commands.try_send(Command::Commit(commits)).is_err() {
            return;
        }
        self.thread.thread().unpark();
    }

    async fn close(self, commits: Vec<Commit>, leaves: bool) -> Result<(), SourceError> {
        let (done, is_done) = oneshot::channel();
        self.command(Command::Close { commits, leaves, done }).await;
        drop(self.events);
        let outcome = is_done.await;
        // The consumer is closed where the thread drops it.
        let has_ended = tokio::task::spawn_blocking(move || self.thread.join().is_ok()).await;
        match (outcome, has_ended) {
            (Ok(Ok(())), Ok(true)) => Ok(()),
            (Ok(Err(error)), _) => Err(SourceError::NotCommitted { reason: error.to_string() }),
            (Err(_), _) | (_, Ok(false) | Err(_)) => Err(SourceError::Ended),
        }
    }
}
