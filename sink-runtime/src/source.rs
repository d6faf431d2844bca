//! Pure. The port to Kafka: a `Source` tells what is assigned and revoked and takes commits.

use std::future::Future;

use tokio::sync::{mpsc, oneshot};

use crate::budget::Share;
use crate::ledger::CommitPoint;
use crate::record::{Message, Offset, TopicPartition};

/// A partition that this member owns from now on.
#[derive(Debug)]
pub struct Assignment {
    /// The partition.
    pub partition: TopicPartition,
    /// Where reading begins, and the state of places there. It is committed already.
    pub start: CommitPoint,
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
    chunks: mpsc::Receiver<Vec<Message>>,
    wake: Wake,
}

/// Wakes the thread that reads from Kafka.
#[derive(Clone, Debug)]
pub struct Wake(std::thread::Thread);

/// What is committed for a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The partition.
    pub partition: TopicPartition,
    /// How far.
    pub point: CommitPoint,
    /// Tells the next owner that nothing is under way and nothing unproven lies above.
    pub is_clean: bool,
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
}

/// What happens at the source.
#[derive(Debug)]
pub enum SourceEvent {
    /// The member takes part in the group, with or without partitions.
    Joined,
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
    Committed(Vec<(TopicPartition, Offset)>),
    /// Where the partitions end in Kafka now.
    Ends(Vec<End>),
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

impl Intake {
    /// Returns an intake and the end that feeds it.
    #[must_use]
    pub fn new(chunks: mpsc::Receiver<Vec<Message>>, wake: Wake) -> Self {
        Self { chunks, wake }
    }

    /// Returns the next messages; none where there will be no more.
    ///
    /// # Cancel safety
    /// Dropping the future loses no message.
    pub async fn next(&mut self) -> Option<Vec<Message>> {
        let chunk = self.chunks.recv().await;
        self.wake.wake();
        chunk
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
