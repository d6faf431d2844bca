//! Commits offsets with their metadata, on a thread of its own. IO: Kafka.
//!
//! The client library never reports how an asynchronous commit ended (rust-rdkafka 0.39 asks for the event, librdkafka
//! sends it only where a callback is set), and a synchronous one waits as long as its group rebalances. So commits are
//! synchronous on a thread that may wait, and whoever needs the answer waits for it no longer than it can afford.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset as KafkaOffset;
use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::commit_metadata::{CommitMetadata, Signature};
use super::consumer_context::Context;
use crate::clock::since_boot;
use crate::lease::Lease;
use crate::source::{Commit, SourceEvent};
use crate::told::Told;

/// Longest wait for the broker's answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Most commits that wait for the one under way: when many partitions begin, each asks for one of its own, and what finds
/// no room is tried again only after some seconds.
const QUEUE: usize = 128;

/// Commits in the name of one writer.
pub(super) struct Committer {
    jobs: SyncSender<Job>,
    thread: JoinHandle<()>,
    /// Counts revocations: what was handed over before one must not be committed after it.
    epoch: Arc<AtomicU64>,
    /// The broker did not answer in time once, so that the thread may still wait.
    is_late: OnceLock<()>,
}

/// Commits, and who waits for the answer.
struct Job {
    epoch: u64,
    commits: Vec<Commit>,
    answer: Option<SyncSender<Result<(), KafkaError>>>,
}

impl Committer {
    /// Starts the thread.
    pub(super) fn start(
        consumer: Arc<BaseConsumer<Context>>,
        signature: Signature,
        lease: Arc<Lease>,
        events: mpsc::Sender<SourceEvent>,
    ) -> std::io::Result<Self> {
        let (jobs, received) = sync_channel(QUEUE);
        let epoch = Arc::new(AtomicU64::new(0));
        let thread_epoch = Arc::clone(&epoch);
        let thread = std::thread::Builder::new()
            .name("kafka-commit".to_owned())
            .spawn(move || serve(&received, &thread_epoch, (&consumer, &signature, &lease), &events))?;
        Ok(Self { jobs, thread, epoch, is_late: OnceLock::new() })
    }

    /// Commits without waiting. What finds no room is committed with the next round.
    pub(super) fn commit(&self, commits: Vec<Commit>) {
        if commits.is_empty() {
            return;
        }
        match self.jobs.try_send(self.job(commits, None)) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => debug!("the broker is slow to answer commits, one is left out"),
            Err(TrySendError::Disconnected(_)) => warn!("the thread that commits has ended"),
        }
    }

    /// Commits and waits a limited time for the broker's answer.
    pub(super) fn commit_and_wait(&self, commits: Vec<Commit>) -> Result<(), KafkaError> {
        if commits.is_empty() {
            return Ok(());
        }
        let (answer, answered) = sync_channel(1);
        let job = self.job(commits, Some(answer));
        if self.jobs.try_send(job).is_err() {
            return Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::QueueFull));
        }
        match answered.recv_timeout(PATIENCE) {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                self.is_late.get_or_init(|| ());
                Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::OperationTimedOut))
            }
        }
    }

    /// Forgets what waits to be committed: the partitions have changed hands (I3).
    pub(super) fn forget(&self) {
        self.epoch.fetch_add(1, Ordering::Relaxed);
    }

    fn job(&self, commits: Vec<Commit>, answer: Option<SyncSender<Result<(), KafkaError>>>) -> Job {
        Job { epoch: self.epoch.load(Ordering::Relaxed), commits, answer }
    }

    /// Ends the thread, and waits for that unless a broker without an answer would be waited for.
    pub(super) fn end(self) {
        drop(self.jobs);
        if self.is_late.get().is_none() && self.thread.join().is_err() {
            warn!("the thread that commits has failed");
        }
    }
}

fn serve(
    jobs: &Receiver<Job>,
    current_epoch: &AtomicU64,
    (consumer, signature, lease): (&BaseConsumer<Context>, &Signature, &Lease),
    events: &mpsc::Sender<SourceEvent>,
) {
    let mut told = Told::default();
    for Job { epoch, commits, answer } in jobs {
        let list = to_list(&commits, signature);
        if epoch != current_epoch.load(Ordering::Relaxed) {
            continue;
        }
        let begun = since_boot();
        let outcome = list.and_then(|list| commit(consumer, &list));
        match &outcome {
            Ok(()) => {
                told.succeed();
                lease.renew(begun);
                if let Err(error) = events.try_send(SourceEvent::Committed(commits)) {
                    debug!(%error, "the driver is busy, it will commit once more");
                }
            }
            Err(error) if answer.is_none() => {
                if let Some(attempts) = told.fail() {
                    warn!(%error, attempts, "cannot commit, it is tried again");
                }
            }
            Err(_) => {}
        }
        if let Some(answer) = answer
            && answer.send(outcome).is_err()
        {
            debug!("nobody waits for the answer to a commit any more");
        }
    }
}

/// Commits, unless the session is over: the partitions are somebody else's, although nobody here has been told of that yet.
fn commit(consumer: &BaseConsumer<Context>, list: &TopicPartitionList) -> Result<(), KafkaError> {
    if consumer.context().is_lost(consumer) {
        return Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::AssignmentLost));
    }
    consumer.commit(list, CommitMode::Sync)
}

fn to_list(commits: &[Commit], signature: &Signature) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(commits.len());
    for commit in commits {
        let partition = &commit.partition;
        let mut element = list.add_partition(partition.topic.as_str(), partition.partition.0);
        element.set_offset(KafkaOffset::Offset(commit.progress.point.offset.0))?;
        element.set_metadata(CommitMetadata::new(signature, commit).to_text());
    }
    Ok(list)
}
