//! IO: Kafka. `DescribeTopics`: id, partitions and replication of topics. Unlike a producer's metadata request
//! it never creates the topic it asks about.

use std::time::Duration;

use rdkafka::client::{Client, ClientContext};
use rdkafka_sys as sys;

use super::request::{Guard, NativeError, Request, array, c_string, check_borrowed, text};

/// What the brokers say about one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopicDescription {
    /// The topic's id, base64 as Kafka's own tools print it.
    pub(crate) id: String,
    /// Number of partitions.
    pub(crate) partitions: usize,
    /// Number of replicas of the first partition.
    pub(crate) replication_factor: usize,
}

/// The name of a topic and its description, or why it has none.
pub(crate) type DescribedTopic = (String, Result<TopicDescription, NativeError>);

/// Returns each topic's description, in no particular order; a topic that cannot be described carries its own error.
///
/// # Errors
/// The brokers do not answer within `timeout`, or refuse the whole request.
pub(crate) fn describe_topics<C: ClientContext>(
    client: &Client<C>,
    names: &[&str],
    timeout: Duration,
) -> Result<Vec<DescribedTopic>, NativeError> {
    let request = Request::new(client, sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, timeout)?;
    let names = names.iter().map(|name| c_string(name)).collect::<Result<Vec<_>, _>>()?;
    let mut pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
    // SAFETY: `pointers` holds as many terminated strings as we say; the collection copies them.
    let collection = Guard::own(
        unsafe { sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len()) },
        sys::rd_kafka_TopicCollection_destroy,
    )?;
    // SAFETY: client, collection, options and queue are live; the call copies what it needs.
    unsafe {
        sys::rd_kafka_DescribeTopics(
            request.client,
            collection.as_ptr(),
            request.options.as_ptr(),
            request.queue.as_ptr(),
        );
    }
    let event = request.wait()?;
    let mut count = 0;
    // SAFETY: the event is the answer to this call and alive until the end of the function; all is copied.
    let topics = unsafe {
        let answer = sys::rd_kafka_event_DescribeTopics_result(event.as_ptr());
        array(sys::rd_kafka_DescribeTopics_result_topics(answer, &raw mut count), count)
    };
    Ok(topics.iter().map(|topic| read(*topic)).collect())
}

fn read(topic: *const sys::rd_kafka_TopicDescription_t) -> DescribedTopic {
    // SAFETY: the topic belongs to the answer that the caller holds; the strings are copied.
    let (name, outcome) = unsafe {
        (
            text(sys::rd_kafka_TopicDescription_name(topic)).unwrap_or_default(),
            check_borrowed(sys::rd_kafka_TopicDescription_error(topic)),
        )
    };
    if let Err(error) = outcome {
        return (name, Err(error));
    }
    let mut count = 0;
    // SAFETY: as above; the id's text is copied.
    let (id, partitions) = unsafe {
        let id = sys::rd_kafka_TopicDescription_topic_id(topic);
        let id = if id.is_null() { None } else { text(sys::rd_kafka_Uuid_base64str(id)) };
        (id, array(sys::rd_kafka_TopicDescription_partitions(topic, &raw mut count), count))
    };
    let description = TopicDescription {
        id: id.unwrap_or_default(),
        partitions: partitions.len(),
        replication_factor: partitions.first().map_or(0, |partition| replicas(*partition)),
    };
    (name, Ok(description))
}

fn replicas(partition: *const sys::rd_kafka_TopicPartitionInfo_t) -> usize {
    let mut count = 0;
    // SAFETY: the partition belongs to the answer that the caller of `read` holds; only the count is used.
    unsafe { sys::rd_kafka_TopicPartitionInfo_replicas(partition, &raw mut count) };
    count
}
