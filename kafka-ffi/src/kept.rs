//! IO: none but librdkafka's own memory. `KeptMessage`: a message that may stay where the library has put it.

use std::mem::transmute;
use std::sync::Arc;

use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::message::{BorrowedMessage, Message as _};

/// A message without a copy of its value: it may outlive the queue that it was taken from, and be dropped on any thread. It
/// keeps its consumer alive, and the whole response that it came in.
pub struct KeptMessage<C: ConsumerContext + 'static> {
    // Freed before the consumer that it belongs to.
    message: BorrowedMessage<'static>,
    _consumer: Arc<BaseConsumer<C>>,
}

impl<C: ConsumerContext + 'static> KeptMessage<C> {
    /// Keeps a message of a consumer, also one of a queue that was split off.
    #[must_use]
    pub fn keep(message: BorrowedMessage<'_>, consumer: Arc<BaseConsumer<C>>) -> Self {
        // SAFETY: the lifetime stands for the queue that handed the message out. The message owns its event, and freeing an
        // event touches the response, the topic and the partition, which count their references, and the client, which
        // the consumer keeps alive; the queue, it does not touch. The message is freed first: fields are dropped in order.
        let message = unsafe { transmute::<BorrowedMessage<'_>, BorrowedMessage<'static>>(message) };
        Self { message, _consumer: consumer }
    }
}

impl<C: ConsumerContext + 'static> AsRef<[u8]> for KeptMessage<C> {
    /// Returns the message's value; nothing for a tombstone.
    fn as_ref(&self) -> &[u8] {
        self.message.payload().unwrap_or_default()
    }
}
