//! IO: Kafka. `Groups`: what consumer groups have committed, one client per group.
//!
//! The admin client cannot be asked for this. It is a producer, and where a group has no coordinator, as on a cluster
//! that has no `__consumer_offsets` yet, librdkafka 2.12 looks for the client's own group, finds none and takes the
//! process down: <https://github.com/confluentinc/librdkafka/issues/5040>. So a consumer of the group is asked. It
//! never subscribes, hence never joins the group nor moves its offsets.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kafkasink_kafka_ffi::NativeError;
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

/// How long it is taken for true that a group may be read, or may not.
const TOLD_AGE_MAX: Duration = Duration::from_mins(10);

/// The clients of the groups of one connection.
pub(super) struct Groups {
    config: ClientConfig,
    clients: IdleCache<String, BaseConsumer>,
    /// Whether groups may be read, and when that was told.
    told: Mutex<HashMap<String, (bool, Instant)>>,
}

impl Groups {
    /// Prepares for groups on the connection that `config` describes.
    pub(super) fn new(config: ClientConfig) -> Self {
        Self { config, clients: IdleCache::default(), told: Mutex::default() }
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
    pub(super) fn may_read(&self, group: &str, consumer: &BaseConsumer, timeout: Duration) -> Option<bool> {
        if self.told(group) == Some(true) {
            return Some(true);
        }
        let may = may_read(consumer, timeout).or_else(|| self.still_refused(group))?;
        self.note(group, may);
        Some(may)
    }

    /// Returns a refusal that was told lately, and remembers it for as long as nothing else is: a client says only once
    /// that it is not let to the coordinator, and from then on that there is none.
    pub(super) fn still_refused(&self, group: &str) -> Option<bool> {
        let refused = self.told(group).filter(|may| !may)?;
        self.note(group, refused);
        Some(refused)
    }

    fn told(&self, group: &str) -> Option<bool> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.get(group).filter(|(_, when)| when.elapsed() < TOLD_AGE_MAX).map(|(may, _)| *may)
    }

    /// Remembers what was told now.
    pub(super) fn note(&self, group: &str, may: bool) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, (_, when)| when.elapsed() < TOLD_AGE_MAX);
        told.insert(group.to_owned(), (may, Instant::now()));
    }

    fn create(&self, group: &str) -> Result<BaseConsumer, NativeError> {
        let mut config = self.config.clone();
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("session.timeout.ms", SESSION_MS);
        // Where it reads at all it reads one message, and wants to know where there is none.
        config.set("auto.offset.reset", "error").set("enable.partition.eof", "true");
        config.set("queued.min.messages", "1").set("fetch.message.max.bytes", "1024");
        config.create().map_err(|error| wrapped(&error))
    }
}

/// Returns the group's committed offset of each of `partitions` for which it ever committed.
///
/// # Errors
/// The group's coordinator is not up within `timeout`, or refuses us.
pub(super) fn committed_offsets(
    consumer: &BaseConsumer,
    partitions: &[(&str, i32)],
    timeout: Duration,
) -> Result<BTreeMap<(String, i32), i64>, NativeError> {
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

fn read(committed: &TopicPartitionList) -> BTreeMap<(String, i32), i64> {
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
