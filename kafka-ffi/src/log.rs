//! IO: none but librdkafka's own queue. What the library wrote into its log since we last looked.
//!
//! rdkafka's admin client never polls the queue that log lines go to, so they would pile up for ever; and the
//! lines are the only place where the reason of a failed connection is told.

use std::ptr::{NonNull, null};

use rdkafka::client::{Client, ClientContext};
use rdkafka_sys as sys;

use super::memory::{Guard, text};

/// The least severe level (syslog's) of a line that tells of a failure.
const LEVEL_ERROR: i32 = 3;

/// The library's summary of what it has told before, broker by broker.
const SUMMARY: &str = "brokers are down";

/// Empties the library's log and returns its newest line that tells why something failed.
///
/// Only for clients that nobody polls: a consumer's events lie in the same queue and would be lost.
#[must_use]
pub fn drain_log<C: ClientContext>(client: &Client<C>) -> Option<String> {
    // SAFETY: the client is live; the returned reference to its main queue is ours to give back.
    let queue = NonNull::new(unsafe { sys::rd_kafka_queue_get_main(client.native_ptr()) })?;
    let queue = Guard { pointer: queue, destroy: sys::rd_kafka_queue_destroy };
    let mut newest = None;
    // SAFETY: the queue is live; a time-out of zero never blocks.
    while let Some(event) = NonNull::new(unsafe { sys::rd_kafka_queue_poll(queue.as_ptr(), 0) }) {
        let event = Guard { pointer: event, destroy: sys::rd_kafka_event_destroy };
        newest = failure(&event).or(newest);
    }
    newest
}

fn failure(event: &Guard<sys::rd_kafka_event_t>) -> Option<String> {
    let (mut facility, mut line, mut level) = (null(), null(), i32::MAX);
    // SAFETY: the event is live; an event of another kind leaves the three values as they are. The line belongs to
    // the event and is copied.
    let line = unsafe {
        sys::rd_kafka_event_log(event.as_ptr(), &raw mut facility, &raw mut line, &raw mut level);
        text(line)
    };
    line.filter(|line| level <= LEVEL_ERROR && !line.ends_with(SUMMARY))
}
