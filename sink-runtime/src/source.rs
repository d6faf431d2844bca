//! Pure. The port to Kafka: a `Source` tells what is assigned and revoked and takes commits.

mod unstarted;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use crate::budget::Share;
use crate::progress::Progress;
use crate::record::{Message, Offset, Topic, TopicPartition};
use crate::registry::{GroupStart, LastLife, Lineage, TopicRecord};

pub use unstarted::Unstarted;

/// A partition that this member owns from now on.
#[derive(Debug)]
pub struct Assignment {
    /// The partition.
    pub partition: TopicPartition,
    /// What Kafka told about the lives of its topic.
    pub lineage: Lineage,
    /// Where it stands, as its last commit says. The start is committed already.
    pub progress: Progress,
    /// What earlier owners may have handed to the store lies below.
    pub reach: Offset,
    /// The mapping that made the records above the safe point, where it is another one than this member's.
    pub other_mapping: Option<Arc<str>>,
    /// Tells that the last owner may still have a request open, which must be waited for.
    pub is_fenced: bool,
    /// Its messages in order.
    pub messages: Intake,
    /// Its share of the memory budget.
    pub share: Share,
}

/// The messages of one partition.
#[derive(Debug)]
pub struct Intake {
    chunks: mpsc::Receiver<Chunk>,
    wake: Wake,
    wish: Arc<Wish>,
    generation: u64,
}

/// What travels together to the partition's lane.
#[derive(Debug)]
pub struct Chunk {
    /// How often the partition went back before it was read.
    pub generation: u64,
    /// What was read.
    pub arrival: Arrival,
}

/// What was read of a partition.
#[derive(Debug)]
pub enum Arrival {
    /// The messages in order.
    Messages(Vec<Message>),
    /// No message lies below this offset that did not arrive before, and none will.
    Passed(Offset),
}

/// Where a partition wants to be read from again, until the reader takes note.
#[derive(Debug, Default)]
pub struct Wish(Mutex<Option<Return>>);

/// A way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Return {
    /// The generation of the messages that follow.
    pub generation: u64,
    /// What is committed first, where that must be.
    pub commit: Option<Commit>,
    /// From where the partition is read.
    pub offset: Offset,
    /// Below it everything was stored before.
    pub proven: Offset,
}

/// Wakes the thread that reads from Kafka.
#[derive(Clone, Debug)]
pub struct Wake(std::thread::Thread);

/// What is committed for a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The partition.
    pub partition: TopicPartition,
    /// How far, and what a replay needs to know.
    pub progress: Progress,
    /// The life of the topic that this is about, as far as it is known.
    pub life: Option<LastLife>,
    /// Tells the next owner that nothing is under way and nothing unproven lies above.
    pub is_clean: bool,
    /// Tells that the last owner's requests have ended, so that this member need not wait again after a restart.
    pub is_owner: bool,
    /// The mapping that made the records above the safe point, where it is another one than this member's.
    pub other_mapping: Option<Arc<str>>,
    /// How far members of that mapping may have gone beyond what is committed.
    pub promise: Promise,
    /// When and with what the group began to read the topic; none where that is not known any more.
    pub group_start: Option<GroupStart>,
}

/// What a commit tells members of another mapping: they find nothing of what this one has stored beyond the commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise {
    /// All that was handed to the store or to the dead-letter topic lies below, and all that will be before the next commit.
    pub reach: Offset,
    /// Counts how often a partition has taken a promise back. Those before count for nothing, whenever they are heard of.
    pub turn: u32,
}

/// Where a partition ends in Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The partition.
    pub partition: TopicPartition,
    /// Where it ends.
    pub offset: Offset,
    /// There are messages that its lane was not given yet.
    pub has_unread: bool,
    /// No broker that leads it is connected: nothing of it can be read now.
    pub is_away: bool,
}

/// What happens at the source.
#[derive(Debug)]
pub enum SourceEvent {
    /// The member takes part in the group, with or without partitions.
    Joined,
    /// The group has given partitions to this member, or taken some away. What the source itself gives up and takes anew
    /// is none of the group's doing.
    Rebalanced {
        /// The session is over: the member takes no part in the group until it joins anew.
        is_session_over: bool,
    },
    /// Partitions were added.
    Assigned(Vec<Assignment>),
    /// Partitions are about to be taken away; the source waits a limited time for what may still be committed.
    Revoking {
        /// The partitions.
        partitions: Vec<TopicPartition>,
        /// Takes the last commits.
        answer: oneshot::Sender<Vec<Commit>>,
    },
    /// Partitions are gone already; nothing may be committed for them.
    Lost(Vec<TopicPartition>),
    /// The broker has taken commits.
    Committed(Vec<Commit>),
    /// Where the partitions end in Kafka now.
    Ends(Vec<End>),
    /// No earlier owner of a partition can have been given a message at or above this offset, nor will be.
    Bounded {
        /// The partition.
        partition: TopicPartition,
        /// Where its log ended when no earlier owner could write any more.
        offset: Offset,
    },
    /// What does the registry say of a topic whose entries are ours? The source waits for the answer, and reads nothing of
    /// the topic's partitions that depend on it before.
    Inquired {
        /// The topic.
        topic: Topic,
        /// Id of the Kafka cluster; empty where the brokers do not tell.
        cluster_id: String,
        /// Takes what is there; none where nobody, or somebody else, has claimed the entries.
        answer: oneshot::Sender<Option<TopicRecord>>,
    },
    /// The partitions, all of them, that a group has read and whose offsets are gone: nobody can tell where to go on.
    OffsetsExpired(Vec<(TopicPartition, String)>),
    /// How many partitions of this member have not begun, and why: all of them, whenever that changes.
    Unstarted(BTreeMap<Unstarted, usize>),
    /// Messages were deleted by retention before they were read.
    LostToRetention {
        /// The partition.
        partition: TopicPartition,
        /// How many offsets.
        messages: u64,
    },
    /// The source cannot go on.
    Failed(SourceError),
}

/// Why a source cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Another member took this member's place, or the group refuses it.
    #[error("the consumer failed for good: {reason}")]
    Fatal {
        /// What the client library said.
        reason: String,
    },
    /// Partitions were added, and what may be fetched is fixed when a consumer is created.
    #[error(
        "memory was shared out between at most {partitions_max} partitions and there are {partitions} now; a restart shares \
         it out anew"
    )]
    Outgrown {
        /// The partitions that there are now.
        partitions: usize,
        /// The most that memory is enough for.
        partitions_max: u64,
    },
    /// The last commit did not reach the broker; what lies above the one before is read again.
    #[error("cannot commit what was stored last: {reason}")]
    NotCommitted {
        /// What the client library said.
        reason: String,
    },
    /// The reading thread has ended by itself.
    #[error("the thread that reads from kafka has ended")]
    Ended,
}

/// Tells what happens in Kafka and takes commits.
pub trait Source: Send + 'static {
    /// Returns the next event; waits where there is none.
    ///
    /// # Cancel safety
    /// Dropping the future loses no event.
    fn next(&mut self) -> impl Future<Output = SourceEvent> + Send;

    /// Commits, without waiting for the broker.
    fn commit(&self, commits: Vec<Commit>) -> impl Future<Output = ()> + Send;

    /// Commits and ends. Without `leaves` a static member keeps its partitions for its return.
    fn close(
        self,
        commits: Vec<Commit>,
        leaves: bool,
    ) -> impl Future<Output = Result<(), SourceError>> + Send;
}

impl Promise {
    /// Returns the promise to go no further, which a partition begins with.
    #[must_use]
    pub fn first(reach: Offset) -> Self {
        Self { reach, turn: 0 }
    }
}

impl Commit {
    /// Tells whether another commit says something that this one does not and that the next owner would miss.
    #[must_use]
    pub fn is_behind(&self, other: &Self) -> bool {
        let (own, new) = (&self.progress, &other.progress);
        own.point.offset != new.point.offset
            || own.store_start != new.store_start
            || self.is_owner != other.is_owner
            || self.life != other.life
            || self.other_mapping != other.other_mapping
            || self.promise != other.promise
            || (new.is_safe() && !own.is_safe())
    }
}

impl Intake {
    /// Returns an intake, fed by the other end of `chunks` and by who heeds the wish.
    #[must_use]
    pub fn new(chunks: mpsc::Receiver<Chunk>, wake: Wake, wish: Arc<Wish>) -> Self {
        Self { chunks, wake, wish, generation: 0 }
    }

    /// Returns what was read next; none where there will be no more.
    ///
    /// # Cancel safety
    /// Dropping the future loses no message.
    pub async fn next(&mut self) -> Option<Arrival> {
        loop {
            let chunk = self.chunks.recv().await;
            self.wake.wake();
            let chunk = chunk?;
            if chunk.generation == self.generation {
                return Some(chunk.arrival);
            }
        }
    }

    /// Asks for everything from a point on once more; what was read before is not returned any more.
    pub fn go_back(&mut self, to: &Progress, commit: Option<Commit>) {
        self.generation += 1;
        let (offset, proven) = (to.point.offset, to.proven);
        self.wish.set(Return { generation: self.generation, commit, offset, proven });
        self.wake.wake();
    }
}

impl Return {
    /// Tells whether retention that has deleted everything below `low` has taken more than what was stored before.
    #[must_use]
    pub fn is_overtaken(&self, low: Offset) -> bool {
        low > self.proven
    }

    /// Takes note that retention has deleted everything below `low`, all of which was stored: nothing is lost by that.
    pub fn begin_at(&mut self, low: Offset) {
        self.offset = self.offset.max(low);
        if let Some(commit) = &mut self.commit {
            let Progress { point, safe, .. } = &mut commit.progress;
            point.offset = point.offset.max(low);
            safe.offset = safe.offset.max(low).min(point.offset);
        }
    }
}

impl Wish {
    fn set(&self, way: Return) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(way);
    }

    /// Returns the wish; it stays until it is fulfilled.
    #[must_use]
    pub fn get(&self) -> Option<Return> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that a wish was fulfilled; a later one stays.
    pub fn fulfilled(&self, generation: u64) {
        let mut wish = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        wish.take_if(|way| way.generation == generation);
    }
}

impl Wake {
    /// Returns what wakes the thread.
    #[must_use]
    pub fn new(thread: std::thread::Thread) -> Self {
        Self(thread)
    }

    /// Wakes the thread, or keeps it from falling asleep next time.
    pub fn wake(&self) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::mpsc;

    use super::{Arrival, Chunk, Intake, Wake, Wish};
    use crate::ledger::CommitPoint;
    use crate::progress::Progress;
    use crate::record::Offset;

    #[tokio::test]
    async fn what_was_read_before_going_back_never_arrives() {
        let (sender, receiver) = mpsc::channel(4);
        let wish: Arc<Wish> = Arc::default();
        let mut intake = Intake::new(receiver, Wake::new(std::thread::current()), Arc::clone(&wish));
        let passed = |generation, offset| Chunk { generation, arrival: Arrival::Passed(Offset(offset)) };
        sender.send(passed(0, 5)).await.unwrap();
        assert!(matches!(intake.next().await, Some(Arrival::Passed(Offset(5)))));
        sender.send(passed(0, 100)).await.unwrap();
        let at = |offset| Progress::at(CommitPoint { offset: Offset(offset), state: None });
        intake.go_back(&at(1), None);
        intake.go_back(&at(0), None);
        sender.send(passed(1, 50)).await.unwrap();
        wish.fulfilled(1);
        assert_eq!(wish.get().map(|way| way.generation), Some(2), "a later wish stays");
        sender.send(passed(2, 2)).await.unwrap();
        assert!(matches!(intake.next().await, Some(Arrival::Passed(Offset(2)))));
    }
}
