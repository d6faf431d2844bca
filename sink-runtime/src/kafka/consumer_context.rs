//! What the client library calls back: it only notes what happened, the poll loop decides. IO: none.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, TopicPartitionList};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{debug, error, info};

use super::access::{self, Access};
use super::address_book::AddressBook;
use super::statistics;
use crate::record::{Partition, Topic, TopicPartition};
use crate::source::SourceEvent;

/// A change of the assignment that waits for the poll loop.
#[derive(Debug)]
pub(super) enum Rebalance {
    /// Partitions are added.
    Assign(Vec<TopicPartition>),
    /// Partitions are taken away.
    Revoke {
        partitions: Vec<TopicPartition>,
        /// They are gone already.
        are_lost: bool,
    },
}

impl Rebalance {
    /// Tells whether the member's session is over; nothing where the change changes nothing.
    pub(super) fn is_session_over(&self) -> Option<bool> {
        match self {
            Self::Revoke { are_lost: true, .. } => Some(true),
            Self::Assign(partitions) | Self::Revoke { partitions, are_lost: false } => {
                (!partitions.is_empty()).then_some(false)
            }
        }
    }
}

/// The callbacks of the consumer.
pub(super) struct Context {
    rebalances: Mutex<VecDeque<Rebalance>>,
    events: mpsc::Sender<SourceEvent>,
    access: Arc<Access>,
    book: Arc<AddressBook>,
    /// Counts what was called back.
    served: AtomicU64,
    /// The group has taken all partitions away, and the library has been made to forget that.
    is_lost: AtomicBool,
    is_closing: AtomicBool,
    has_joined: AtomicBool,
    /// Number of partitions that the group has given to this member, whether they are read or not.
    given: AtomicUsize,
}

impl Context {
    pub(super) fn new(
        events: mpsc::Sender<SourceEvent>,
        access: Arc<Access>,
        book: Arc<AddressBook>,
    ) -> Self {
        Self {
            rebalances: Mutex::default(),
            events,
            access,
            book,
            is_lost: AtomicBool::new(false),
            served: AtomicU64::new(0),
            is_closing: AtomicBool::new(false),
            has_joined: AtomicBool::new(false),
            given: AtomicUsize::new(0),
        }
    }

    /// Returns the oldest change that was not taken yet.
    pub(super) fn next_rebalance(&self) -> Option<Rebalance> {
        self.rebalances.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Tells whether there is such a change.
    pub(super) fn has_rebalance(&self) -> bool {
        !self.rebalances.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Returns how often this was called back: a poll tells nothing of what it served by callbacks, and serves only one.
    pub(super) fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }

    /// From now on partitions are given up as soon as they are taken away: nothing works on them any more.
    pub(super) fn begin_close(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
    }

    /// Tells whether the group has taken this member in, with or without partitions.
    pub(super) fn has_joined(&self) -> bool {
        self.has_joined.load(Ordering::Relaxed)
    }

    /// Tells whether the group has given partitions to this member and not taken them back.
    pub(super) fn has_partitions(&self) -> bool {
        self.given.load(Ordering::Relaxed) > 0
    }

    /// Tells the client where the brokers are, if it has forgotten that.
    pub(super) fn remind(&self, consumer: &BaseConsumer<Self>) {
        self.book.remind(consumer.client(), Instant::now());
    }

    /// Notes that the loss of all partitions is answered for.
    pub(super) fn forget_loss(&self) {
        self.is_lost.store(false, Ordering::Relaxed);
    }

    /// Tells whether the group has taken all partitions away, whoever has been told of that.
    pub(super) fn is_lost(&self, consumer: &BaseConsumer<Self>) -> bool {
        self.is_lost.load(Ordering::Relaxed) || consumer.assignment_lost()
    }

    fn note_loss(&self, consumer: &BaseConsumer<Self>) {
        self.is_lost.fetch_or(consumer.assignment_lost(), Ordering::Relaxed);
    }

    fn note(&self, rebalance: Rebalance) {
        self.rebalances.lock().unwrap_or_else(PoisonError::into_inner).push_back(rebalance);
    }

    /// Drops the event where the driver is busy: ends are told again soon.
    fn tell(&self, event: SourceEvent) {
        if let Err(error) = self.events.try_send(event) {
            debug!(%error, "the driver is busy, an event is dropped");
        }
    }
}

impl ConsumerContext for Context {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, code: RDKafkaRespErr, list: &mut TopicPartitionList) {
        self.served.fetch_add(1, Ordering::Relaxed);
        let is_assignment = matches!(code, RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS);
        self.has_joined.fetch_or(is_assignment, Ordering::Relaxed);
        let given = self.given.load(Ordering::Relaxed);
        let given = if is_assignment { given + list.count() } else { given.saturating_sub(list.count()) };
        self.given.store(given, Ordering::Relaxed);
        if self.is_closing.load(Ordering::Relaxed) {
            let done = if is_assignment { take(consumer, list) } else { give_back(consumer, list) };
            done.unwrap_or_else(|error| debug!(%error, "cannot answer a rebalance while closing"));
            return;
        }
        let partitions = partitions_of(list);
        self.note(if is_assignment {
            Rebalance::Assign(partitions)
        } else {
            self.note_loss(consumer);
            Rebalance::Revoke { partitions, are_lost: self.is_lost.load(Ordering::Relaxed) }
        });
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.served.fetch_add(1, Ordering::Relaxed);
        log(level, facility, message);
    }

    fn stats_raw(&self, json: &[u8]) {
        self.served.fetch_add(1, Ordering::Relaxed);
        let statistics = statistics::read(json);
        if statistics.is_connected && self.access.admit() {
            info!("the brokers let this member in again");
        }
        self.book.note(statistics.is_blank);
        self.tell(SourceEvent::Ends(statistics.ends));
    }

    /// The poll loop gets the same error, without the reason, and tells it once.
    fn error(&self, error: KafkaError, reason: &str) {
        access::note(&self.access, &error, reason);
    }
}

/// Passes a line of librdkafka on to our log.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            error!(facility, detail = message, "the kafka client failed");
        }
        // Broken connections are its errors; whether that matters shows in what follows.
        RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => {
            info!(facility, detail = message, "the kafka client warns");
        }
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
            debug!(facility, detail = message, "the kafka client tells");
        }
    }
}

/// Has the library take partitions to those that it has.
///
/// With that, and with the next that it gives up, it forgets whether the group has taken all of them away, although nobody may
/// have been told: whoever is told next hears of it all the same.
pub(super) fn take(consumer: &BaseConsumer<Context>, list: &TopicPartitionList) -> KafkaResult<()> {
    keep_loss(consumer, || consumer.incremental_assign(list))
}

fn keep_loss(consumer: &BaseConsumer<Context>, change: impl FnOnce() -> KafkaResult<()>) -> KafkaResult<()> {
    consumer.context().note_loss(consumer);
    let outcome = change();
    consumer.context().note_loss(consumer);
    outcome
}

/// Has the library give up those of some partitions that it has. It gives up none where it has one of them not, and waits for
/// ever for the answer that it was asked for.
pub(super) fn give_back(consumer: &BaseConsumer<Context>, list: &TopicPartitionList) -> KafkaResult<()> {
    let taken = consumer.assignment()?;
    keep_loss(consumer, || consumer.incremental_unassign(&common(list, &taken)))
}

/// Returns what both lists hold.
fn common(list: &TopicPartitionList, other: &TopicPartitionList) -> TopicPartitionList {
    let mut both = TopicPartitionList::new();
    for element in list.elements() {
        if other.find_partition(element.topic(), element.partition()).is_some() {
            both.add_partition(element.topic(), element.partition());
        }
    }
    both
}

pub(super) fn partitions_of(list: &TopicPartitionList) -> Vec<TopicPartition> {
    let to_partition = |(topic, partition): (&str, i32)| TopicPartition {
        topic: Topic::new(topic),
        partition: Partition(partition),
    };
    list.elements().iter().map(|element| to_partition((element.topic(), element.partition()))).collect()
}

#[cfg(test)]
mod tests {
    use super::Rebalance;
    use crate::record::{Partition, Topic, TopicPartition};

    #[test]
    fn only_partitions_that_are_lost_end_the_session_and_an_empty_round_is_no_rebalance() {
        let some = || vec![TopicPartition { topic: Topic::new("cameras"), partition: Partition(0) }];
        assert_eq!(Rebalance::Assign(some()).is_session_over(), Some(false));
        assert_eq!(Rebalance::Assign(Vec::new()).is_session_over(), None);
        let revoke = |partitions, are_lost| Rebalance::Revoke { partitions, are_lost }.is_session_over();
        assert_eq!(revoke(some(), false), Some(false));
        assert_eq!(revoke(Vec::new(), false), None);
        assert_eq!(revoke(some(), true), Some(true));
        assert_eq!(revoke(Vec::new(), true), Some(true));
    }
}
