//! Moves messages of one partition from its queue to its lane, while the lane has room. IO: Kafka.

use std::sync::Arc;
use std::time::Duration;

use kafkasink_kafka_ffi::{MessageQueue, position};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{debug, error, warn};

use super::consumer_context::Context;
use super::fetch_error::{FetchError, sort};
use super::message::to_message;
use super::passed::{Known, Passed};
use super::responses::Responses;
use crate::budget::{Budget, Share};
use crate::record::{Offset, TopicPartition};
use crate::source::{Arrival, Chunk, Intake, Return, Wake, Wish};

/// Most messages that are moved at once, so that partitions take turns.
const CHUNK_MESSAGES: usize = 32;

/// Most chunks that wait for the lane.
const CHUNKS_MAX: usize = 4;

/// Time between attempts at a batch that cannot be read: only somebody can mend it.
const UNREADABLE_RETRY_AFTER: Duration = Duration::from_secs(15);

/// What reading came to.
pub(super) enum Taken<'a> {
    /// There was something; there may be more.
    Some(Load<'a>),
    /// There was nothing, or no room for it.
    None,
    /// The next offset is not in the log any more, and all that was read before is stored and proven.
    OutOfRange,
    /// What came next could not be read, and it is time to try again from there.
    Unreadable,
}

/// Why nothing is taken from the queue, and until when: what is in it comes after what could not be read.
#[derive(Clone, Copy, Debug)]
enum Halt {
    /// What came next could not be read; it is tried again then.
    Unreadable { retry_at: Instant },
    /// What came next is not in the log any more. What was read before is nowhere else either, so it is stored first.
    OutOfRange,
}

impl Halt {
    /// Returns whether an error ends the reading from a queue.
    fn after(error: FetchError, now: Instant) -> Option<Self> {
        match error {
            FetchError::OutOfRange => Some(Self::OutOfRange),
            FetchError::Unreadable => Some(Self::Unreadable { retry_at: now + UNREADABLE_RETRY_AFTER }),
            FetchError::Passing => None,
        }
    }
}

/// What was read, with room for it in the lane.
pub(super) struct Load<'a> {
    chunk: Chunk,
    permit: mpsc::Permit<'a, Chunk>,
}

impl Load<'_> {
    /// Hands on what was read, unless it is of another topic than the lane's.
    pub(super) fn send_unless(self, is_other: bool) {
        if !is_other {
            self.permit.send(self.chunk);
        }
    }
}

/// One partition's queue and the way to its lane.
pub(super) struct Feed {
    partition: TopicPartition,
    /// Absent while the partition is being taken anew.
    queue: Option<MessageQueue<Context>>,
    /// Absent until the start is committed: nothing is read before.
    lane: Option<mpsc::Sender<Chunk>>,
    wish: Arc<Wish>,
    generation: u64,
    passed: Passed,
    share: Share,
    responses: Responses,
    budget: Arc<Budget>,
    halt: Option<Halt>,
    /// The offset behind the last message that the lane was given.
    sent_to: Option<Offset>,
    /// The offset that was handed over to be committed last.
    committed_to: Option<Offset>,
    /// The client was told to fetch nothing.
    is_paused: bool,
}

impl Feed {
    /// Splits the partition's queue off; none where the client does not know the partition.
    pub(super) fn split(
        consumer: &Arc<BaseConsumer<Context>>,
        partition: &TopicPartition,
        budget: &Arc<Budget>,
    ) -> Option<Self> {
        let queue = Some(split(consumer, partition)?);
        let budget = Arc::clone(budget);
        Some(Self {
            partition: partition.clone(),
            queue,
            lane: None,
            wish: Arc::default(),
            generation: 0,
            passed: Passed::default(),
            share: budget.share(),
            responses: Responses::new(budget.plan().fetch.largest_bytes),
            budget,
            halt: None,
            sent_to: None,
            committed_to: None,
            is_paused: false,
        })
    }

    /// Lets messages flow; returns where they arrive.
    pub(super) fn open(&mut self) -> (Intake, Share) {
        let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
        self.lane = Some(sender);
        let wake = Wake::new(std::thread::current());
        (Intake::new(receiver, wake, Arc::clone(&self.wish)), self.share.clone())
    }

    /// Lets nothing flow any more.
    pub(super) fn close(&mut self) {
        self.lane = None;
    }

    /// Returns where the lane wants to be read from again.
    pub(super) fn wish(&self) -> Option<Return> {
        self.wish.get()
    }

    /// Drops the queue: it must be gone before the partition can come back with a new one.
    pub(super) fn let_go(&mut self) {
        self.queue = None;
    }

    /// Takes up the partition's new queue, which holds what follows the way back.
    pub(super) fn take_up(&mut self, consumer: &Arc<BaseConsumer<Context>>, generation: u64) {
        self.queue = split(consumer, &self.partition);
        self.generation = generation;
        self.passed = Passed::default();
        self.halt = None;
        // What was committed before says nothing of what comes again.
        (self.sent_to, self.committed_to) = (None, None);
        self.wish.fulfilled(generation);
    }

    /// Tells whether messages flow.
    pub(super) fn is_open(&self) -> bool {
        self.lane.is_some()
    }

    /// Tells whether messages would be taken now.
    pub(super) fn has_room(&self) -> bool {
        let takes_any = self.halt.is_none() && self.lane.as_ref().is_some_and(|lane| lane.capacity() > 0);
        takes_any && self.share.has_room()
    }

    /// Tells whether the client was told to fetch nothing.
    pub(super) fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Notes whether the client was told to fetch nothing.
    pub(super) fn set_paused(&mut self, is_paused: bool) {
        self.is_paused = is_paused;
    }

    /// Notes what is handed over to be committed.
    pub(super) fn committed(&mut self, offset: Offset) {
        self.committed_to = Some(offset);
    }

    /// Tells whether nothing that the lane was given is left to be committed.
    fn is_all_proven(&self) -> bool {
        self.sent_to.is_none_or(|sent| self.committed_to.is_some_and(|committed| committed >= sent))
    }

    /// Takes what is there, as far as the lane has room.
    pub(super) fn take(&mut self, consumer: &Arc<BaseConsumer<Context>>, now: Instant) -> Taken<'_> {
        match self.halt {
            // Until then the lane stores what came before.
            Some(Halt::Unreadable { retry_at }) if now >= retry_at => return Taken::Unreadable,
            Some(Halt::OutOfRange) if self.is_all_proven() => return Taken::OutOfRange,
            Some(Halt::Unreadable { .. } | Halt::OutOfRange) => return Taken::None,
            None => {}
        }
        let (Some(queue), Some(Ok(permit))) =
            (&self.queue, self.lane.as_ref().map(mpsc::Sender::try_reserve))
        else {
            return Taken::None;
        };
        if !self.passed.is_own(|| known(consumer, &self.partition)) {
            return Taken::None;
        }
        let mut chunk = Vec::new();
        while chunk.len() < CHUNK_MESSAGES && self.share.has_room() {
            match queue.poll(Duration::ZERO) {
                Some(Ok(message)) => {
                    chunk.push(to_message(message, &mut self.responses, &self.share));
                }
                Some(Err(error)) => {
                    self.halt = Halt::after(self.tell(&error), now);
                    break;
                }
                None => break,
            }
        }
        let arrival = if let Some(last) = chunk.last() {
            self.passed.sent(last.offset);
            self.sent_to = Some(last.offset.next());
            Arrival::Messages(chunk)
        } else if let Some(offset) = self.passed.ahead(known(consumer, &self.partition)) {
            Arrival::Passed(offset)
        } else {
            return Taken::None;
        };
        Taken::Some(Load { chunk: Chunk { generation: self.generation, arrival }, permit })
    }

    fn tell(&self, error: &KafkaError) -> FetchError {
        let (topic, partition) = (&self.partition.topic, self.partition.partition.0);
        let sorted = sort(error);
        match sorted {
            FetchError::OutOfRange => {
                warn!(%topic, partition, "retention has overtaken the sink, what was read before is stored first");
            }
            FetchError::Unreadable => {
                error!(%topic, partition, %error, "a batch of messages cannot be read, its partition waits for it");
            }
            FetchError::Passing => {
                warn!(%topic, partition, %error, "cannot read from a partition, it is tried again");
            }
        }
        sorted
    }
}

fn known(consumer: &BaseConsumer<Context>, at: &TopicPartition) -> Known {
    match position(consumer.client(), at.topic.as_str(), at.partition.0) {
        Ok(Some(offset)) => Known::Position(Offset(offset)),
        Ok(None) => Known::Nothing,
        Err(error) => {
            debug!(topic = %at.topic, partition = at.partition.0, %error, "the client does not know a partition yet");
            Known::NoPartition
        }
    }
}

fn split(consumer: &Arc<BaseConsumer<Context>>, partition: &TopicPartition) -> Option<MessageQueue<Context>> {
    let mut queue = MessageQueue::split(consumer, partition.topic.as_str(), partition.partition.0)?;
    let reader = std::thread::current();
    queue.set_nonempty_callback(move || reader.unpark());
    Some(queue)
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.budget.leave();
    }
}
