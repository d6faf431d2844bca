//! IO: none but librdkafka's own queue. `LogQueue`: a consumer's log on a queue of its own.
//!
//! The safe wrapper mixes log lines into the queue that `BaseConsumer::poll` serves, one event a call, and does not say
//! whether there are more. Here whoever has drained the log knows that every line is out that was written before.

use std::ptr::{NonNull, null};
use std::sync::Arc;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka_sys as sys;

use super::error::{NativeError, check};
use super::memory::{Guard, text};

/// The log of one consumer. It keeps the consumer alive.
pub struct LogQueue<C: ConsumerContext + 'static> {
    // Freed before the consumer that it belongs to.
    queue: Guard<sys::rd_kafka_queue_t>,
    _consumer: Arc<BaseConsumer<C>>,
}

impl<C: ConsumerContext + 'static> LogQueue<C> {
    /// Takes the log of a consumer; its context is told of no line any more.
    ///
    /// # Errors
    /// The library refuses.
    pub fn take(consumer: Arc<BaseConsumer<C>>) -> Result<Self, NativeError> {
        let client = consumer.client().native_ptr();
        // SAFETY: the client is live, and the consumer is kept for longer than the queue.
        let queue = Guard::own(unsafe { sys::rd_kafka_queue_new(client) }, sys::rd_kafka_queue_destroy)?;
        // SAFETY: client and queue are live; the library keeps a reference of its own to the queue.
        check(unsafe { sys::rd_kafka_set_log_queue(client, queue.as_ptr()) }, None)?;
        Ok(Self { queue, _consumer: consumer })
    }

    /// Hands out every line that is there: its level, what the library calls it, and its text.
    pub fn drain(&self, mut line: impl FnMut(RDKafkaLogLevel, &str, &str)) {
        // SAFETY: the queue is live; a time-out of zero never blocks.
        while let Some(event) = NonNull::new(unsafe { sys::rd_kafka_queue_poll(self.queue.as_ptr(), 0) }) {
            let event = Guard { pointer: event, destroy: sys::rd_kafka_event_destroy };
            let (mut facility, mut message, mut level) = (null(), null(), i32::MAX);
            // SAFETY: the event is live; one of another kind leaves the three values as they are. The texts belong to the
            // event and are copied.
            let (facility, message) = unsafe {
                sys::rd_kafka_event_log(event.as_ptr(), &raw mut facility, &raw mut message, &raw mut level);
                (text(facility), text(message))
            };
            if let (Some(facility), Some(message)) = (facility, message) {
                line(level_of(level), &facility, &message);
            }
        }
    }
}

/// Syslog's levels; what is beyond them is the least severe.
fn level_of(number: i32) -> RDKafkaLogLevel {
    match number {
        ..=0 => RDKafkaLogLevel::Emerg,
        1 => RDKafkaLogLevel::Alert,
        2 => RDKafkaLogLevel::Critical,
        3 => RDKafkaLogLevel::Error,
        4 => RDKafkaLogLevel::Warning,
        5 => RDKafkaLogLevel::Notice,
        6 => RDKafkaLogLevel::Info,
        7.. => RDKafkaLogLevel::Debug,
    }
}
