//! Moves messages of one partition from its queue to its lane, while the lane has room. IO: Kafka.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::BaseConsumer;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::mpsc;
use tracing::warn;

use super::consumer_context::Context;
use super::message::to_message;
use crate::budget::{Budget, Share};
use crate::record::{Message, TopicPartition};

/// Most messages that are moved at once, so that partitions take turns.
const CHUNK_MESSAGES: usize = 32;

/// Most chunks that wait for the lane.
const CHUNKS_MAX: usize = 4;

/// What moving messages came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moved {
    /// Some were moved; there may be more.
    Some,
    /// There were none, or there was no room.
    None,
    /// The next offset is not in the log any more.
    OutOfRange,
}

/// One partition's queue and the way to its lane.
pub(super) struct Feed {
    partition: TopicPartition,
    queue: PartitionQueue<Context>,
    /// Absent until the start is committed: nothing is read before.
    lane: Option<mpsc::Sender<Vec<Message>>>,
    share: Share,
    budget: Arc<Budget>,
    is_paused: bool,
}

impl Feed {
    /// Splits the partition's queue off; none where the client does not know the partition.
    pub(super) fn split(
        consumer: &Arc<BaseConsumer<Context>>,
        partition: &TopicPartition,
        budget: &Arc<Budget>,
    ) -> Option<Self> {
        let mut queue = consumer.split_partition_queue(partition.topic.as_str(), partition.partition.0)?;
        let reader = std::thread::current();
        queue.set_nonempty_callback(move || reader.unpark());
        let budget = Arc::clone(budget);
        Some(Self {
            partition: partition.clone(),
            queue,
            lane: None,
            share: budget.share(),
            budget,
            is_paused: false,
        })
    }

    /// Lets messages flow; returns where they arrive.
    pub(super) fn open(&mut self) -> (mpsc::Receiver<Vec<Message>>, Share) {
        let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
        self.lane = Some(sender);
        (receiver, self.share.clone())
    }

    /// Tells whether messages flow.
    pub(super) fn is_open(&self) -> bool {
        self.lane.is_some()
    }

    /// Tells whether messages would be taken now.
    pub(super) fn has_room(&self) -> bool {
        self.lane.as_ref().is_some_and(|lane| lane.capacity() > 0) && self.share.has_room()
    }

    /// Tells whether the client was told to fetch nothing.
    pub(super) fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Notes whether the client was told to fetch nothing.
    pub(super) fn set_paused(&mut self, is_paused: bool) {
        self.is_paused = is_paused;
    }

    /// Moves what is there.
    pub(super) fn pump(&self) -> Moved {
        let Some(Ok(permit)) = self.lane.as_ref().map(mpsc::Sender::try_reserve) else {
            return Moved::None;
        };
        let mut chunk = Vec::new();
        while chunk.len() < CHUNK_MESSAGES && self.share.has_room() {
            match self.queue.poll(Duration::ZERO) {
                Some(Ok(message)) => chunk.push(to_message(&message, &self.share)),
                Some(Err(KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset))) => {
                    return Moved::OutOfRange;
                }
                Some(Err(error)) => {
                    warn!(topic = %self.partition.topic, partition = self.partition.partition.0, %error, "cannot read from a partition, it is tried again");
                    break;
                }
                None => break,
            }
        }
        if chunk.is_empty() {
            return Moved::None;
        }
        permit.send(chunk);
        Moved::Some
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.budget.leave();
    }
}
