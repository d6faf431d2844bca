//! IO: Kafka. `CreateTopics` for one topic. The safe wrapper has this call, but drops the broker's explanation,
//! which is what the user needs.

use std::time::Duration;

use rdkafka::client::{Client, ClientContext};
use rdkafka_sys as sys;

use super::error::{NativeError, check};
use super::memory::{Guard, array, c_string, text};
use super::request::{ERROR_TEXT_BYTES, ErrorText, Request};

/// A topic to be created.
pub struct NewTopic<'a> {
    /// Its name.
    pub name: &'a str,
    /// Number of partitions; -1 leaves it to the broker's default.
    pub partitions: i32,
    /// Number of replicas; -1 leaves it to the broker's default.
    pub replication_factor: i32,
    /// Its configuration.
    pub config: &'a [(&'a str, &'a str)],
}

/// Creates one topic.
///
/// # Errors
/// The brokers do not answer within `timeout`, or refuse the topic; their text says why.
pub fn create_topic<C: ClientContext>(
    client: &Client<C>,
    topic: &NewTopic<'_>,
    timeout: Duration,
) -> Result<(), NativeError> {
    let operation = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_CREATETOPICS;
    let request = Request::new(client, operation, timeout)?;
    let native = native(topic)?;
    let mut topics = [native.as_ptr()];
    // SAFETY: client, options, queue and the one topic are live; the call copies what it needs.
    unsafe {
        sys::rd_kafka_CreateTopics(
            request.client,
            topics.as_mut_ptr(),
            topics.len(),
            request.options.as_ptr(),
            request.queue.as_ptr(),
        );
    }
    let event = request.wait()?;
    let mut count = 0;
    // SAFETY: the event is the answer to this call and alive until the end of the function.
    let answered = unsafe {
        let answer = sys::rd_kafka_event_CreateTopics_result(event.as_ptr());
        array(sys::rd_kafka_CreateTopics_result_topics(answer, &raw mut count), count)
    };
    answered.iter().try_for_each(|created| outcome(*created))
}

fn native(topic: &NewTopic<'_>) -> Result<Guard<sys::rd_kafka_NewTopic_t>, NativeError> {
    let name = c_string(topic.name)?;
    let mut buffer = ErrorText::new();
    // SAFETY: the name is a terminated string, which the constructor copies; the buffer is as long as we say.
    let pointer = unsafe {
        sys::rd_kafka_NewTopic_new(
            name.as_ptr(),
            topic.partitions,
            topic.replication_factor,
            buffer.as_mut_ptr(),
            ERROR_TEXT_BYTES,
        )
    };
    let native = Guard::own(pointer, sys::rd_kafka_NewTopic_destroy)
        .map_err(|error| NativeError { message: buffer.read(), ..error })?;
    for (key, value) in topic.config {
        let (key, value) = (c_string(key)?, c_string(value)?);
        // SAFETY: the topic is live; key and value are terminated strings, which the call copies.
        let code =
            unsafe { sys::rd_kafka_NewTopic_set_config(native.as_ptr(), key.as_ptr(), value.as_ptr()) };
        check(code, None)?;
    }
    Ok(native)
}

fn outcome(topic: *const sys::rd_kafka_topic_result_t) -> Result<(), NativeError> {
    // SAFETY: the topic belongs to the answer that the caller holds; the text is copied.
    let (code, message) = unsafe {
        (sys::rd_kafka_topic_result_error(topic), text(sys::rd_kafka_topic_result_error_string(topic)))
    };
    check(code, message)
}
