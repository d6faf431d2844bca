//! The thread that owns the consumer: rebalances, messages, commits, one after another. IO: Kafka.
//!
//! Each partition has its own queue (split off before it is assigned), so that leaving one alone holds up no other:
//! pausing would throw away what was fetched. The loop sleeps until a queue, a command or freed memory wakes it.

mod bounds;
mod close;
mod cover;
mod go_back;
mod inquiries;
mod known_ids;
mod lives;
mod look;
mod pressure;
mod rebalance;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use kafkasink_crds::runtime_config::StartFrom;
use kafkasink_kafka_ffi::NativeError;
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::{debug, warn};

use self::bounds::Bounds;
use self::cover::Cover;
use self::inquiries::Inquiries;
use self::lives::Lives;
use super::commit_metadata::Signature;
use super::committer::Committer;
use super::complaints::Complaints;
use super::consumer_context::Context;
use super::feed::{Feed, Taken};
use super::start_rule::Start;
use crate::budget::Budget;
use crate::lease::Lease;
use crate::pulse::Pulse;
use crate::record::{Partition, Topic, TopicPartition};
use crate::registry::Lineage;
use crate::source::{Commit, SourceError, SourceEvent, Unstarted};
use crate::told::Told;

/// Longest sleep; everything that matters wakes the loop earlier.
const NAP: Duration = Duration::from_millis(100);

/// Time between attempts at what the brokers did not answer.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What the loop is told to do.
#[derive(Debug)]
pub(super) enum Command {
    /// Commit, without waiting.
    Commit(Vec<Commit>),
    /// Commit and end.
    Close { commits: Vec<Commit>, leaves: bool, done: oneshot::Sender<Result<(), KafkaError>> },
}

/// What the loop works by.
#[derive(Clone, Debug)]
pub(super) struct PollSettings {
    pub(super) group_id: String,
    pub(super) instance_id: String,
    pub(super) topics: Vec<String>,
    pub(super) start_from: StartFrom,
    pub(super) signature: Signature,
}

/// The loop.
pub(super) struct PollLoop {
    consumer: Arc<BaseConsumer<Context>>,
    settings: PollSettings,
    committer: Committer,
    budget: Arc<Budget>,
    events: mpsc::Sender<SourceEvent>,
    pulse: Arc<Pulse>,
    feeds: HashMap<TopicPartition, Feed>,
    /// Partitions whose start is not known yet, and why.
    unresolved: BTreeMap<TopicPartition, Unstarted>,
    /// What was last told of partitions that have not begun.
    unstarted: BTreeMap<Unstarted, usize>,
    resolve_at: Option<Instant>,
    resolve_told: Told,
    /// Starts that the broker has not taken yet; nothing is read before.
    unconfirmed: Vec<(TopicPartition, Start, Lineage)>,
    confirm_at: Option<Instant>,
    confirm_told: Told,
    go_back_at: Option<Instant>,
    go_back_told: Told,
    bounds: Bounds,
    cover: Cover,
    lives: Lives,
    inquiries: Inquiries,
    /// Partitions whose offsets have expired, with the group that had read them.
    expired: BTreeMap<TopicPartition, String>,
    complaints: Complaints,
    /// Partitions of which a message came by the wrong queue.
    astray: BTreeSet<TopicPartition>,
    /// Partitions that are finished with and not given up yet, to be taken anew.
    ended: BTreeSet<TopicPartition>,
    measure_at: Option<Instant>,
}

/// Why the loop cannot begin.
#[derive(Debug, thiserror::Error)]
pub(super) enum PollLoopError {
    /// The library keeps its log to itself.
    #[error("cannot read the log of the kafka client")]
    Log(#[source] NativeError),
    /// There is no thread for commits.
    #[error("cannot start the thread that commits")]
    Thread(#[source] std::io::Error),
}

/// Whether the loop goes on.
enum Next {
    Continue,
    End,
}

impl PollLoop {
    /// Returns the loop for the thread that calls this.
    pub(super) fn new(
        mut consumer: BaseConsumer<Context>,
        settings: PollSettings,
        budget: Arc<Budget>,
        events: mpsc::Sender<SourceEvent>,
        (pulse, lease): (Arc<Pulse>, Arc<Lease>),
    ) -> Result<Self, PollLoopError> {
        let reader = std::thread::current();
        budget.wake_reader(reader.clone());
        consumer.set_nonempty_callback(move || reader.unpark());
        let consumer = Arc::new(consumer);
        let lives = Lives::new(&consumer).map_err(PollLoopError::Log)?;
        let committer =
            Committer::start(Arc::clone(&consumer), settings.signature.clone(), lease, events.clone())
                .map_err(PollLoopError::Thread)?;
        Ok(Self {
            consumer,
            committer,
            settings,
            budget,
            events,
            pulse,
            feeds: HashMap::new(),
            unresolved: BTreeMap::new(),
            unstarted: BTreeMap::new(),
            resolve_at: None,
            resolve_told: Told::default(),
            unconfirmed: Vec::new(),
            confirm_at: None,
            confirm_told: Told::default(),
            go_back_at: None,
            go_back_told: Told::default(),
            bounds: Bounds::default(),
            cover: Cover::default(),
            lives,
            inquiries: Inquiries::default(),
            expired: BTreeMap::new(),
            complaints: Complaints::default(),
            astray: BTreeSet::new(),
            ended: BTreeSet::new(),
            measure_at: None,
        })
    }

    /// Goes round until it is told to close or the consumer fails for good.
    pub(super) fn run(mut self, mut commands: mpsc::Receiver<Command>, runtime: &Handle) {
        loop {
            self.pulse.beat(Instant::now().into_std());
            match self.go_round(&mut commands, runtime) {
                Ok(Next::Continue) => {}
                Ok(Next::End) => break,
                Err(error) => {
                    self.tell(SourceEvent::Failed(error));
                    break;
                }
            }
        }
        self.pulse.rest();
        self.feeds.clear();
        self.consumer.context().begin_close();
        let Self { consumer, committer, lives, .. } = self;
        committer.end();
        drop(lives);
        close::last(consumer);
    }

    /// Does everything once. What the group wants comes first: see [`Self::is_group_waiting`].
    fn go_round(
        &mut self,
        commands: &mut mpsc::Receiver<Command>,
        runtime: &Handle,
    ) -> Result<Next, SourceError> {
        self.poll()?;
        self.consumer.context().remind(&self.consumer);
        self.rebalance(runtime)?;
        self.cover(runtime);
        self.look(runtime);
        self.begin_anew()?;
        self.confirm();
        self.bound(runtime);
        self.tell_unstarted();
        self.go_back(runtime)?;
        if let Next::End = self.obey(commands) {
            return Ok(Next::End);
        }
        self.relieve();
        if !self.pump(runtime) {
            std::thread::park_timeout(NAP);
        }
        Ok(Next::Continue)
    }

    /// Tells whether the group has something to say that was not heard yet.
    ///
    /// Whoever gives partitions up by himself asks first: the library takes any that are given up for its answer, and the
    /// group would hand out what nobody has finished with.
    fn is_group_waiting(&mut self) -> Result<bool, SourceError> {
        self.poll()?;
        Ok(self.consumer.context().has_rebalance())
    }

    /// Serves callbacks; messages come by their own queues.
    fn poll(&mut self) -> Result<(), SourceError> {
        loop {
            let served = self.consumer.context().served();
            let error = match self.consumer.poll(Duration::ZERO) {
                // A talkative log must not keep a rebalance waiting behind it.
                None if self.consumer.context().served() != served => continue,
                None => return Ok(()),
                Some(Ok(message)) => {
                    // It should have come by its partition's own queue. What follows it must not be stored before it.
                    self.astray.insert(TopicPartition {
                        topic: Topic::new(message.topic()),
                        partition: Partition(message.partition()),
                    });
                    continue;
                }
                Some(Err(error)) => error,
            };
            if let KafkaError::MessageConsumptionFatal(code) = error {
                let reason =
                    self.consumer.client().fatal_error().map_or(code.to_string(), |(_, reason)| reason);
                return Err(SourceError::Fatal { reason });
            }
            if let Some(times) = self.complaints.note(&error, Instant::now()) {
                warn!(%error, times, "the kafka client reports an error, it goes on");
            }
        }
    }

    fn obey(&mut self, commands: &mut mpsc::Receiver<Command>) -> Next {
        loop {
            match commands.try_recv() {
                Ok(Command::Commit(commits)) => self.commit(commits),
                Ok(Command::Close { commits, leaves, done }) => {
                    self.close(commits, leaves, done);
                    return Next::End;
                }
                Err(mpsc::error::TryRecvError::Empty) => return Next::Continue,
                Err(mpsc::error::TryRecvError::Disconnected) => return Next::End,
            }
        }
    }

    fn commit(&mut self, mut commits: Vec<Commit>) {
        self.keep_owned(&mut commits);
        for commit in &commits {
            if let Some(feed) = self.feeds.get_mut(&commit.partition) {
                feed.committed(commit.progress.point.offset);
            }
        }
        self.committer.commit(commits);
    }

    /// Moves messages of all partitions; tells whether there may be more.
    fn pump(&mut self, runtime: &Handle) -> bool {
        let mut has_moved = false;
        let mut broken = std::mem::take(&mut self.astray);
        let mut replaced = BTreeSet::new();
        for (partition, feed) in &mut self.feeds {
            match feed.take(&self.consumer, Instant::now()) {
                Taken::Some(load) => {
                    // Whatever tells that these messages are of another topic was logged before they were fetched.
                    replaced.extend(self.lives.listen());
                    load.send_unless(replaced.contains(&partition.topic));
                    has_moved = true;
                }
                Taken::None => {}
                Taken::OutOfRange | Taken::Unreadable => {
                    broken.insert(partition.clone());
                }
            }
        }
        replaced.extend(self.lives.listen());
        self.give_up(&replaced);
        // Only what is ours may be taken again.
        let is_ours = |partition: &TopicPartition| {
            self.feeds.contains_key(partition) && !self.ended.contains(partition)
        };
        let broken: Vec<TopicPartition> = broken.into_iter().filter(is_ours).collect();
        if !broken.is_empty() {
            // A fetcher that has stopped cannot seek: the partitions are given up and taken again by ourselves.
            warn!(
                partitions = broken.len(),
                "partitions begin anew, what comes next is out of range or cannot be read"
            );
            self.finish(&broken, runtime);
            self.end(broken);
        }
        has_moved || !self.ended.is_empty()
    }

    /// Drops commits for partitions that were taken away meanwhile: they must not reach the broker (I3). Nor must those for a
    /// life that is over, handed over before the partition began anew.
    fn keep_owned(&self, commits: &mut Vec<Commit>) {
        let is_owned = |commit: &Commit| self.feeds.get(&commit.partition).is_some_and(Feed::is_open);
        commits.retain(|commit| is_owned(commit) && self.lives.may_be_current(commit));
    }

    fn tell(&self, event: SourceEvent) {
        if self.events.blocking_send(event).is_err() {
            debug!("nobody listens to the consumer any more");
        }
    }
}

fn is_early(at: Option<Instant>) -> bool {
    at.is_some_and(|at| Instant::now() < at)
}

fn soon() -> Instant {
    Instant::now() + RETRY_AFTER
}

#[cfg(test)]
mod tests;
