//! IO: Kafka. `Groups`: what consumer groups have committed, one client for all groups of a connection.
//!
//! The admin client cannot be asked for this. It is a producer, and where a group has no coordinator, as on a cluster
//! that has no `__consumer_offsets` yet, librdkafka 2.12 looks for the client's own group, finds none and takes the
//! process down: <https://github.com/confluentinc/librdkafka/issues/5040>. So a consumer asks, broker after broker until one
//! coordinates the group, and that one first the next time. Only where none does, a consumer of the group itself lets the
//! brokers choose one; it costs four threads and a connection of its own. No consumer here ever subscribes, hence none
//! joins a group or moves its offsets.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kafkasink_kafka_ffi::{self as ffi, NativeError};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError as LibraryError, RDKafkaErrorCode as Code};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::time::Instant;

use super::error::wrapped;
use super::idle_cache::IdleCache;

/// No topic can ever have this name.
const NO_TOPIC: &str = "no topic / asked for by kafkasink";

/// Longest wait for a coordinator that has just gone; the clients never join, so that this is all it bounds.
const SESSION_MS: &str = "6000";

/// Longest wait for the answer to a request that has no time-out of its own: a commit, above all.
const SOCKET_TIMEOUT_MS: &str = "5000";

/// How long a broker waits for messages where there are none; less than the client waits for the broker.
const FETCH_WAIT_MS: &str = "500";

/// How long it is taken for true that a group may be read.
const TOLD_AGE_MAX: Duration = Duration::from_mins(10);

/// The groups of one connection.
pub(super) struct Groups {
    config: ClientConfig,
    clients: IdleCache<String, BaseConsumer>,
    /// Asks for all groups; it is of the group that was asked for first, whose name brokers let it use.
    asker: Mutex<Option<Arc<BaseConsumer>>>,
    /// The broker that coordinated a group when it was last asked.
    coordinators: Mutex<HashMap<String, i32>>,
    /// When it was told that a group may be read.
    readable: Mutex<HashMap<String, Instant>>,
}

/// A topic's name and a partition, with the offset.
type Committed = BTreeMap<(String, i32), i64>;

impl Groups {
    /// Prepares for groups on the connection that `config` describes.
    pub(super) fn new(config: ClientConfig) -> Self {
        Self {
            config,
            clients: IdleCache::default(),
            asker: Mutex::default(),
            coordinators: Mutex::default(),
            readable: Mutex::default(),
        }
    }

    /// Returns the group's committed offset of each of `partitions` for which it ever committed.
    ///
    /// # Errors
    /// The group's coordinator is not up within `timeout`, or refuses us.
    pub(super) fn committed(
        &self,
        group: &str,
        brokers: &[i32],
        partitions: &[(&str, i32)],
        timeout: Duration,
    ) -> Result<Committed, NativeError> {
        for broker in self.candidates(group, brokers) {
            match self.ask(group, broker, timeout) {
                Err(error) if error.is_coordinator_not_ready() => {}
                Err(error) => return Err(error),
                Ok(committed) => {
                    lock(&self.coordinators).insert(group.to_owned(), broker);
                    return Ok(committed);
                }
            }
        }
        committed_offsets(&*self.get(group, Instant::now())?, partitions, timeout)
    }

    /// Returns the brokers in the order in which they are asked.
    fn candidates(&self, group: &str, brokers: &[i32]) -> Vec<i32> {
        let last = lock(&self.coordinators).get(group).copied();
        let mut candidates = brokers.to_vec();
        candidates.sort_by_key(|broker| last != Some(*broker));
        candidates
    }

    fn ask(&self, group: &str, broker: i32, timeout: Duration) -> Result<Committed, NativeError> {
        let asker = self.asker(group)?;
        let answer = ffi::committed_offsets(&asker, group, broker, timeout);
        // Events that nobody takes pile up for ever.
        drop(drain(&asker));
        Ok(answer?.into_iter().map(|at| ((at.topic, at.partition), at.offset)).collect())
    }

    fn asker(&self, group: &str) -> Result<Arc<BaseConsumer>, NativeError> {
        let mut asker = lock(&self.asker);
        if let Some(asker) = &*asker {
            return Ok(Arc::clone(asker));
        }
        let created = Arc::new(self.create(group)?);
        *asker = Some(Arc::clone(&created));
        Ok(created)
    }

    /// Returns the client of a group, made on first use. It may block for as long as an idle client takes to end.
    ///
    /// # Errors
    /// A property that librdkafka refuses to a consumer.
    pub(super) fn get(&self, group: &str, now: Instant) -> Result<Arc<BaseConsumer>, NativeError> {
        let (consumer, idle) = self.clients.get(&group.to_owned(), now, || self.create(group))?;
        drop(idle); // the cache is free again: nobody waits for their threads but this caller
        Ok(consumer)
    }

    /// Tells whether we may consume as a member of the group, as [`may_read`] does or did lately.
    ///
    /// It is asked for as long as a group has no members: a client for that long, and no longer.
    ///
    /// # Errors
    /// A property that librdkafka refuses to a consumer.
    pub(super) fn may_read(&self, group: &str, timeout: Duration) -> Result<Option<bool>, NativeError> {
        if self.was_readable(group) {
            return Ok(Some(true));
        }
        let may = may_read(&self.create(group)?, timeout);
        if may == Some(true) {
            lock(&self.readable).insert(group.to_owned(), Instant::now());
        }
        Ok(may)
    }

    fn was_readable(&self, group: &str) -> bool {
        let mut readable = lock(&self.readable);
        readable.retain(|_, told| told.elapsed() < TOLD_AGE_MAX);
        readable.contains_key(group)
    }

    fn create(&self, group: &str) -> Result<BaseConsumer, NativeError> {
        let mut config = self.config.clone();
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("session.timeout.ms", SESSION_MS)
            .set("socket.timeout.ms", SOCKET_TIMEOUT_MS)
            .set("fetch.wait.max.ms", FETCH_WAIT_MS);
        // Where it reads at all it reads one message, and wants to know where there is none.
        config.set("auto.offset.reset", "error").set("enable.partition.eof", "true");
        config.set("queued.min.messages", "1").set("fetch.message.max.bytes", "1024");
        config.create().map_err(|error| wrapped(&error))
    }
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The same by a consumer of the group.
fn committed_offsets(
    consumer: &BaseConsumer,
    partitions: &[(&str, i32)],
    timeout: Duration,
) -> Result<Committed, NativeError> {
    let mut wanted = TopicPartitionList::with_capacity(partitions.len());
    for (topic, partition) in partitions {
        wanted.add_partition(topic, *partition);
    }
    let answer = consumer.committed_offsets(wanted, timeout);
    // Asked in any case: events that nobody takes pile up for ever.
    let complaint = drain(consumer);
    match answer {
        Ok(committed) => Ok(read(&committed)),
        Err(error) => Err(refusal(wrapped(&error), complaint)),
    }
}

/// Tells whether we may consume as a member of the group; `None` where nobody tells.
///
/// Brokers tell that of groups only where librdkafka may break (see `kafka-ffi`). So they are asked to commit an offset of a
/// topic that cannot exist, which they refuse in any case: for the group if we may not read there, else for the topic.
/// Nothing is committed.
fn may_read(consumer: &BaseConsumer, timeout: Duration) -> Option<bool> {
    let group_refuses = |error: &NativeError| error.code == Code::GroupAuthorizationFailed;
    // First by a request that ends in time: without a coordinator a commit would wait for one.
    match committed_offsets(consumer, &[(NO_TOPIC, 0)], timeout) {
        Err(error) if group_refuses(&error) => return Some(false),
        Err(error) if !error.is_refusal() || error.is_coordinator_not_ready() => return None,
        Ok(_) | Err(_) => {}
    }
    let mut nowhere = TopicPartitionList::new();
    nowhere.add_partition_offset(NO_TOPIC, 0, Offset::Offset(0)).ok()?;
    let answer = consumer.commit(&nowhere, CommitMode::Sync).map_err(|error| wrapped(&error));
    drain(consumer);
    match answer {
        Err(error) if group_refuses(&error) => Some(false),
        Err(error) if !error.is_refusal() || error.is_coordinator_not_ready() => None,
        Ok(()) | Err(_) => Some(true),
    }
}

/// Takes what the client has to tell, and returns the newest error.
fn drain(consumer: &BaseConsumer) -> Option<LibraryError> {
    std::iter::from_fn(|| consumer.poll(Duration::ZERO)).filter_map(Result::err).last()
}

/// The client waits for the coordinator on our behalf: when that time is over, the reason is what it complained of,
/// else that there is no coordinator. The brokers themselves have answered other questions just before.
fn refusal(error: NativeError, complaint: Option<LibraryError>) -> NativeError {
    if error.code != Code::OperationTimedOut {
        return error;
    }
    let absent = || NativeError { code: Code::CoordinatorNotAvailable, message: error.message.clone() };
    complaint.map(|complaint| wrapped(&complaint)).filter(is_refusal).unwrap_or_else(absent)
}

/// Tells whether the brokers do not let us in, or not do this.
fn is_refusal(error: &NativeError) -> bool {
    error.is_authentication() || error.is_authorization()
}

fn read(committed: &TopicPartitionList) -> Committed {
    let elements = committed.elements();
    let known = elements.iter().filter_map(|element| match (element.error(), element.offset()) {
        (Ok(()), Offset::Offset(offset)) => Some(((element.topic().to_owned(), element.partition()), offset)),
        _ => None,
    });
    known.collect()
}

#[cfg(test)]
mod tests {
    use super::{Code, LibraryError, NativeError, refusal};

    fn check(code: Code, complaint: Option<Code>, expected: Code) {
        let error = NativeError { code, message: String::new() };
        assert_eq!(refusal(error, complaint.map(LibraryError::MessageConsumption)).code, expected);
    }

    #[test]
    fn tells_a_missing_coordinator_from_a_refusal() {
        check(Code::OperationTimedOut, None, Code::CoordinatorNotAvailable);
        check(Code::OperationTimedOut, Some(Code::AllBrokersDown), Code::CoordinatorNotAvailable);
        check(Code::OperationTimedOut, Some(Code::GroupAuthorizationFailed), Code::GroupAuthorizationFailed);
        check(Code::TopicAuthorizationFailed, None, Code::TopicAuthorizationFailed);
    }
}
