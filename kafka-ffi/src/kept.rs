//! IO: Kafka, and librdkafka's own memory. `MessageQueue`: a partition's messages, which may stay where the library has put
//! them.

use std::mem::transmute;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::KafkaResult;
use rdkafka::message::{BorrowedMessage, Message as _};

/// A partition's own queue, split off from its consumer's.
pub struct MessageQueue<C: ConsumerContext + 'static> {
    queue: PartitionQueue<C>,
    consumer: Arc<BaseConsumer<C>>,
}

/// A message of a queue, in the response that it came in.
pub struct QueuedMessage<'a, C: ConsumerContext + 'static> {
    message: BorrowedMessage<'a>,
    consumer: &'a Arc<BaseConsumer<C>>,
}

/// A message without a copy of its value: it may outlive the queue that it was taken from, and be dropped on any thread. It
/// keeps its consumer alive, and the whole response that it came in.
pub struct KeptMessage<C: ConsumerContext + 'static> {
    // Freed before the consumer that it belongs to.
    message: BorrowedMessage<'static>,
    _consumer: Arc<BaseConsumer<C>>,
}

impl<C: ConsumerContext + 'static> MessageQueue<C> {
    /// Splits a partition's queue off, before the partition is assigned; none where the client does not know it.
    #[must_use]
    pub fn split(consumer: &Arc<BaseConsumer<C>>, topic: &str, partition: i32) -> Option<Self> {
        let queue = consumer.split_partition_queue(topic, partition)?;
        Some(Self { queue, consumer: Arc::clone(consumer) })
    }

    /// Has a function called, on a thread of the library, when there is something in the empty queue.
    pub fn set_nonempty_callback(&mut self, call: impl Fn() + Send + Sync + 'static) {
        self.queue.set_nonempty_callback(call);
    }

    /// Takes the next message, or the error that stands in its place; none where nothing comes within `patience`.
    #[must_use]
    pub fn poll(&self, patience: Duration) -> Option<KafkaResult<QueuedMessage<'_, C>>> {
        let polled = self.queue.poll(patience)?;
        Some(polled.map(|message| QueuedMessage { message, consumer: &self.consumer }))
    }
}

impl<C: ConsumerContext + 'static> QueuedMessage<'_, C> {
    /// Keeps the message beyond its queue.
    #[must_use]
    pub fn keep(self) -> KeptMessage<C> {
        let Self { message, consumer } = self;
        // SAFETY: the lifetime stands for the queue that handed the message out. The message owns its event, and freeing an
        // event touches the response, the topic and the partition, which count their references, and the client, which
        // the consumer of that very queue keeps alive; the queue, it does not touch. The message is freed first: fields
        // are dropped in order.
        let message = unsafe { transmute::<BorrowedMessage<'_>, BorrowedMessage<'static>>(message) };
        KeptMessage { message, _consumer: Arc::clone(consumer) }
    }
}

impl<'a, C: ConsumerContext + 'static> Deref for QueuedMessage<'a, C> {
    type Target = BorrowedMessage<'a>;

    fn deref(&self) -> &Self::Target {
        &self.message
    }
}

impl<C: ConsumerContext + 'static> AsRef<[u8]> for KeptMessage<C> {
    /// Returns the message's value; nothing for a tombstone.
    fn as_ref(&self) -> &[u8] {
        self.message.payload().unwrap_or_default()
    }
}
