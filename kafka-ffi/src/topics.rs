//! IO: Kafka. `DescribeTopics`: id, partitions and replication of topics, and what we may do to them. Unlike a producer's metadata request
//! it never creates the topic it asks about.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rdkafka::client::{Client, ClientContext};
use rdkafka_sys as sys;

use super::error::NativeError;
use super::memory::{Guard, array, c_string, check_borrowed, text};
use super::operations::{Operation, operations};
use super::request::Request;

/// What the brokers say about one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDescription {
    /// The topic's id as Kafka's own tools print it; empty where the brokers are too old to have one.
    pub id: String,
    /// Number of partitions.
    pub partitions: usize,
    /// Number of replicas of the first partition.
    pub replication_factor: usize,
    /// What the brokers let us do to it; empty where they do not tell, or were not asked.
    pub operations: Vec<Operation>,
}

/// What is asked.
const OPERATION: sys::rd_kafka_admin_op_t = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;

/// The name of a topic and its description, or why it has none.
pub type DescribedTopic = (String, Result<TopicDescription, NativeError>);

/// Returns each topic's description, in no particular order; a topic that cannot be described carries its own error.
///
/// # Errors
/// The brokers do not answer within `timeout`, or refuse the whole request.
pub fn describe_topics<C: ClientContext>(
    client: &Client<C>,
    names: &[&str],
    timeout: Duration,
) -> Result<Vec<DescribedTopic>, NativeError> {
    let request = Request::new(client, OPERATION, timeout)?;
    request.include_operations()?;
    describe(&request, names)
}

/// Returns the same without what the brokers let us do to topics: they look through all their rules to tell that.
///
/// # Errors
/// As those of [`describe_topics`].
pub fn sight_topics<C: ClientContext>(
    client: &Client<C>,
    names: &[&str],
    timeout: Duration,
) -> Result<Vec<DescribedTopic>, NativeError> {
    describe(&Request::new(client, OPERATION, timeout)?, names)
}

fn describe(request: &Request, names: &[&str]) -> Result<Vec<DescribedTopic>, NativeError> {
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
    let (mut count, mut allowed) = (0, 0);
    // SAFETY: as above; id, partitions and operations belong to the topic.
    let (id, partitions, operations) = unsafe {
        let id = bits(sys::rd_kafka_TopicDescription_topic_id(topic));
        let partitions = array(sys::rd_kafka_TopicDescription_partitions(topic, &raw mut count), count);
        let first = sys::rd_kafka_TopicDescription_authorized_operations(topic, &raw mut allowed);
        (id, partitions, operations(first, allowed))
    };
    let description = TopicDescription {
        id: id_text(id),
        partitions: partitions.len(),
        replication_factor: partitions.first().map_or(0, |partition| replicas(*partition)),
        operations,
    };
    (name, Ok(description))
}

/// The bits of an id; zero for null.
///
/// # Safety
/// `id` is null or alive for the duration of the call.
unsafe fn bits(id: *const sys::rd_kafka_Uuid_t) -> u128 {
    if id.is_null() {
        return 0;
    }
    // SAFETY: not null, and alive by the contract above.
    let (most, least) = unsafe {
        (sys::rd_kafka_Uuid_most_significant_bits(id), sys::rd_kafka_Uuid_least_significant_bits(id))
    };
    u128::from(most.cast_unsigned()) << 64 | u128::from(least.cast_unsigned())
}

/// Kafka prints ids in the alphabet of file names and URLs, librdkafka in the other one, so its text is not used.
fn id_text(bits: u128) -> String {
    if bits == 0 { String::new() } else { BASE64_URL_SAFE_NO_PAD.encode(bits.to_be_bytes()) }
}

fn replicas(partition: *const sys::rd_kafka_TopicPartitionInfo_t) -> usize {
    let mut count = 0;
    // SAFETY: the partition belongs to the answer that the caller of `read` holds; only the count is used.
    unsafe { sys::rd_kafka_TopicPartitionInfo_replicas(partition, &raw mut count) };
    count
}

#[cfg(test)]
mod tests {
    use super::id_text;

    #[test]
    fn ids_read_as_kafka_prints_them() {
        assert_eq!(id_text(0xfbff_bfff_ffff_ffff_0123_4567_89ab_cdef), "-_-_______8BI0VniavN7w");
        assert_eq!(id_text(0), "");
    }
}
