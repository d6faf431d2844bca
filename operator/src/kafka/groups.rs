//! IO: Kafka. `Groups`: what consumer groups have committed, one client for all groups of a connection.
//!
//! The admin client cannot be asked for this. It is a producer, and where a group has no coordinator, as on a cluster
//! that has no `__consumer_offsets` yet, librdkafka 2.12 looks for the client's own group, finds none and takes the
//! process down: <https://github.com/confluentinc/librdkafka/issues/5040>. So a consumer asks, broker after broker until one
//! coordinates the group, and that one first the next time. Only where every broker says that it does not, a consumer of
//! the group itself lets the brokers choose one; it costs four threads and a connection, and ends at once. No consumer here
//! ever subscribes, hence none joins a group or moves its offsets.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use kafkasink_kafka_ffi::{self as ffi, NativeError};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError as LibraryError, RDKafkaErrorCode as Code};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::time::Instant;

use super::error::{is_silence, wrapped};
use super::idle_cache::IdleCache;

/// No topic can ever have this name.
const NO_TOPIC: &str = "no topic / asked for by kafkasink";

/// Longest wait for a coordinator that has just gone; the clients never join, so that this is all it bounds.
const SESSION_MS: &str = "6000";

/// Longest wait for the answer to a request that has no time-out of its own: a commit, above all.
const SOCKET_TIMEOUT_MS: &str = "5000";

/// How long a broker waits for messages where there are none; less than the client waits for the broker.
const FETCH_WAIT_MS: &str = "500";

/// Least time that a broker has for its answer where several are asked: a first connection with TLS takes a while.
const ANSWER_MIN: Duration = Duration::from_secs(1);

/// How long it is taken for true that a group may be read, and remembered who coordinates one that nobody asks for.
const TOLD_AGE_MAX: Duration = Duration::from_mins(10);

/// The groups of one connection.
pub(super) struct Groups {
    config: ClientConfig,
    clients: IdleCache<String, BaseConsumer>,
    /// Asks for all groups; it is of one of them, as a consumer must be, whose name brokers let it use.
    asker: Mutex<Option<Arc<BaseConsumer>>>,
    /// Held by the one that lets the brokers choose a coordinator: once they have done so for one group they can for all.
    choosing: Mutex<()>,
    /// The broker that coordinated a group when it was last asked, and when that was.
    coordinators: Mutex<HashMap<String, (i32, Instant)>>,
    /// Brokers that did not answer when they were last asked: the others come first.
    silent: Mutex<BTreeSet<i32>>,
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
            choosing: Mutex::default(),
            coordinators: Mutex::default(),
            silent: Mutex::default(),
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
        let candidates = self.candidates(group, brokers);
        let found = ask_around(&candidates, Instant::now() + timeout, |broker, patience| {
            self.ask(group, broker, patience)
        });
        let coordinator = found.as_ref().ok().and_then(|found| Some(found.as_ref()?.0));
        self.remember(group, coordinator);
        match found {
            Ok(Some((_, committed))) => Ok(committed),
            Ok(None) => self.choose_and_ask(group, partitions, timeout),
            Err(error) => Err(error),
        }
    }

    /// Returns the brokers in the order in which they are asked.
    fn candidates(&self, group: &str, brokers: &[i32]) -> Vec<i32> {
        let last = lock(&self.coordinators).get(group).map(|(broker, _)| *broker);
        let silent = lock(&self.silent);
        let mut candidates = brokers.to_vec();
        candidates.sort_by_key(|broker| (last != Some(*broker), silent.contains(broker)));
        candidates
    }

    fn remember(&self, group: &str, coordinator: Option<i32>) {
        let mut coordinators = lock(&self.coordinators);
        coordinators.retain(|known, (_, told)| known != group && told.elapsed() < TOLD_AGE_MAX);
        coordinators.extend(coordinator.map(|broker| (group.to_owned(), (broker, Instant::now()))));
    }

    fn ask(&self, group: &str, broker: i32, patience: Duration) -> Result<Committed, NativeError> {
        drop(self.clients.sweep(Instant::now()));
        let asker = self.asker(group)?;
        let answer = ffi::committed_offsets(&asker, group, broker, patience);
        // Asked in any case: events that nobody takes pile up for ever.
        let complaints: Vec<_> = drain(&asker).iter().map(wrapped).collect();
        if complaints.iter().any(is_group_refusal) {
            self.dismiss(&asker);
        }
        match answer {
            Ok(committed) => {
                lock(&self.silent).remove(&broker);
                Ok(committed.into_iter().map(|at| ((at.topic, at.partition), at.offset)).collect())
            }
            Err(error) if is_silence(&error) => {
                lock(&self.silent).insert(broker);
                // The client asks for the brokers every five minutes; this one may be new. A client that reaches none of them
                // may have been told that there are none, and never find one again.
                let is_described = ffi::describe_cluster(asker.client(), patience).is_ok();
                if !is_described && patience >= ANSWER_MIN {
                    self.dismiss(&asker);
                }
                // What it says of authorization is about its own group.
                Err(complaints.into_iter().find(NativeError::is_authentication).unwrap_or(error))
            }
            Err(error) => {
                lock(&self.silent).remove(&broker);
                Err(error)
            }
        }
    }

    /// Lets the brokers choose a coordinator, as they do on a cluster where no group ever was, and asks that one.
    fn choose_and_ask(
        &self,
        group: &str,
        partitions: &[(&str, i32)],
        timeout: Duration,
    ) -> Result<Committed, NativeError> {
        let alone = self.choosing.try_lock();
        if matches!(alone, Err(TryLockError::WouldBlock)) {
            return Err(absent("the brokers are choosing one for another group"));
        }
        committed_offsets(&self.create(group)?, partitions, timeout)
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

    /// Gives up an asker that reaches no broker, or whose own group we may not use any more: it would look for that group's
    /// coordinator for ever. The next one is of the group that is asked for next.
    fn dismiss(&self, useless: &Arc<BaseConsumer>) {
        let dismissed = lock(&self.asker).take_if(|asker| Arc::ptr_eq(asker, useless));
        drop(dismissed); // it ends here, or with the last question that it asks, and holds nobody up
    }

    /// Returns the client of a group, made on first use. It may block for as long as an idle client takes to end.
    ///
    /// # Errors
    /// A property that librdkafka refuses to a consumer.
    pub(super) fn get(&self, group: &str, now: Instant) -> Result<Arc<BaseConsumer>, NativeError> {
        let (consumer, idle) = self.clients.get(&group.to_owned(), now, |_| false, || self.create(group))?;
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

/// Asks one broker after the other for as long as there is time; the first that coordinates the group has the answer.
///
/// Nothing is returned where each says that it does not. One that is silent, or that does not let us in, may be the
/// coordinator: that holds up this group, and no other.
///
/// # Errors
/// The coordinator is loading or refuses us, or was not found among those that answer.
fn ask_around<T>(
    brokers: &[i32],
    deadline: Instant,
    mut ask: impl FnMut(i32, Duration) -> Result<T, NativeError>,
) -> Result<Option<(i32, T)>, NativeError> {
    let mut silence: Option<NativeError> = None;
    for (broker, waiting) in brokers.iter().zip((1..=brokers.len()).rev()) {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(silence.map_or_else(|| absent("no time was left to ask all brokers"), unfound));
        }
        match ask(*broker, share(left, waiting)) {
            Ok(answer) => return Ok(Some((*broker, answer))),
            Err(error) if error.is_authentication() => silence = Some(error),
            Err(error) if is_silence(&error) => silence = silence.or(Some(error)),
            Err(error) if is_elsewhere(&error) => {}
            Err(error) => return Err(error),
        }
    }
    silence.map_or(Ok(None), |error| Err(unfound(error)))
}

/// The time that one of so many brokers has, all of which have so much.
fn share(left: Duration, waiting: usize) -> Duration {
    let count = u32::try_from(waiting).unwrap_or(u32::MAX).max(1);
    (left / count).max(ANSWER_MIN).min(left)
}

/// Tells whether a broker says that it does not coordinate the group. One that is loading does.
fn is_elsewhere(error: &NativeError) -> bool {
    error.is_coordinator_not_ready() && error.code != Code::CoordinatorLoadInProgress
}

fn unfound(error: NativeError) -> NativeError {
    if error.is_authentication() { error } else { absent(&error.message) }
}

fn absent(message: &str) -> NativeError {
    NativeError { code: Code::CoordinatorNotAvailable, message: message.to_owned() }
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
    let complaint = drain(consumer).pop();
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
    // First by a request that ends in time: without a coordinator a commit would wait for one.
    match committed_offsets(consumer, &[(NO_TOPIC, 0)], timeout) {
        Err(error) if is_group_refusal(&error) => return Some(false),
        Err(error) if !error.is_refusal() || error.is_coordinator_not_ready() => return None,
        Ok(_) | Err(_) => {}
    }
    let mut nowhere = TopicPartitionList::new();
    nowhere.add_partition_offset(NO_TOPIC, 0, Offset::Offset(0)).ok()?;
    let answer = consumer.commit(&nowhere, CommitMode::Sync).map_err(|error| wrapped(&error));
    drop(drain(consumer));
    match answer {
        Err(error) if is_group_refusal(&error) => Some(false),
        Err(error) if !error.is_refusal() || error.is_coordinator_not_ready() => None,
        Ok(()) | Err(_) => Some(true),
    }
}

/// Takes what the client has to tell, and returns the errors, the newest last.
fn drain(consumer: &BaseConsumer) -> Vec<LibraryError> {
    std::iter::from_fn(|| consumer.poll(Duration::ZERO)).filter_map(Result::err).collect()
}

fn is_group_refusal(error: &NativeError) -> bool {
    error.code == Code::GroupAuthorizationFailed
}

/// The client waits for the coordinator on our behalf: when that time is over, the reason is what it complained of,
/// else that there is no coordinator. The brokers themselves have answered other questions just before.
fn refusal(error: NativeError, complaint: Option<LibraryError>) -> NativeError {
    if error.code != Code::OperationTimedOut {
        return error;
    }
    complaint
        .map(|complaint| wrapped(&complaint))
        .filter(is_refusal)
        .unwrap_or_else(|| absent(&error.message))
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
    use super::{ANSWER_MIN, Code, Duration, Instant, LibraryError, NativeError, ask_around, refusal, share};

    fn error(code: Code) -> NativeError {
        NativeError { code, message: String::new() }
    }

    fn check(code: Code, complaint: Option<Code>, expected: Code) {
        assert_eq!(refusal(error(code), complaint.map(LibraryError::MessageConsumption)).code, expected);
    }

    #[test]
    fn tells_a_missing_coordinator_from_a_refusal() {
        check(Code::OperationTimedOut, None, Code::CoordinatorNotAvailable);
        check(Code::OperationTimedOut, Some(Code::AllBrokersDown), Code::CoordinatorNotAvailable);
        check(Code::OperationTimedOut, Some(Code::GroupAuthorizationFailed), Code::GroupAuthorizationFailed);
        check(Code::TopicAuthorizationFailed, None, Code::TopicAuthorizationFailed);
    }

    /// What brokers 0, 1, … answer, `None` where one is the coordinator; how many are asked, and what comes of it.
    fn check_round(
        answers: &[Option<Code>],
        patience: Duration,
        asked: usize,
        expected: Result<Option<i32>, Code>,
    ) {
        let brokers: Vec<_> = (0..).take(answers.len()).collect();
        let mut count = 0;
        let found = ask_around(&brokers, Instant::now() + patience, |broker, _| {
            count += 1;
            answers[usize::try_from(broker).unwrap()].map_or(Ok(()), |code| Err(error(code)))
        });
        let found = found.map(|found| found.map(|(broker, ())| broker)).map_err(|error| error.code);
        assert_eq!((found, count), (expected, asked), "{answers:?}");
    }

    #[tokio::test]
    async fn asks_for_the_coordinator_until_it_is_found() {
        let long = Duration::from_mins(1);
        let (not_this, away) = (Some(Code::NotCoordinator), Some(Code::CoordinatorNotAvailable));
        let (silent, down) = (Some(Code::OperationTimedOut), Some(Code::BrokerTransportFailure));
        let (shut, loading) = (Some(Code::Authentication), Some(Code::CoordinatorLoadInProgress));
        check_round(&[None, None], long, 1, Ok(Some(0)));
        check_round(&[not_this, None], long, 2, Ok(Some(1)));
        check_round(&[silent, down, None], long, 3, Ok(Some(2)));
        check_round(&[shut, None], long, 2, Ok(Some(1)));
        check_round(&[not_this, loading, None], long, 2, Err(Code::CoordinatorLoadInProgress));
        let refused = Code::GroupAuthorizationFailed;
        check_round(&[silent, Some(refused), None], long, 2, Err(refused));
        check_round(&[not_this, away], long, 2, Ok(None));
        check_round(&[silent, not_this], long, 2, Err(Code::CoordinatorNotAvailable));
        check_round(&[silent, shut, down], long, 3, Err(Code::Authentication));
        check_round(&[None], Duration::ZERO, 0, Err(Code::CoordinatorNotAvailable));
        check_round(&[], long, 0, Ok(None));
    }

    #[test]
    fn no_broker_takes_all_the_time_from_the_others() {
        let seconds = Duration::from_secs;
        assert_eq!(share(seconds(5), 1), seconds(5));
        assert_eq!(share(seconds(6), 3), seconds(2));
        assert_eq!(share(seconds(5), 100), ANSWER_MIN);
        assert_eq!(share(Duration::from_millis(300), 3), Duration::from_millis(300));
    }
}
