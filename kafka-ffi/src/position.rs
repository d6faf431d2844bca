//! IO: none but librdkafka's own memory. How far a consumer has handed out a partition.

use rdkafka::client::{Client, ClientContext};
use rdkafka_sys as sys;

use super::error::{NativeError, check};
use super::memory::{Guard, c_string};

/// Returns the offset after the last message or transaction marker that was taken out of a partition's queue; none
/// since the partition was assigned or given up and nothing was taken.
///
/// The safe wrapper asks the library's main thread for the whole assignment first; this asks nobody.
///
/// # Errors
/// The client does not know the partition, because its topic is new or deleted.
pub fn position<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    partition: i32,
) -> Result<Option<i64>, NativeError> {
    let topic = c_string(topic)?;
    // SAFETY: the size is only a hint for the first allocation.
    let list = Guard::own(
        unsafe { sys::rd_kafka_topic_partition_list_new(1) },
        sys::rd_kafka_topic_partition_list_destroy,
    )?;
    // SAFETY: client and list are live, the topic is a terminated string, which is copied, and the element is valid
    // until the list is freed: none is added after it.
    let (code, offset) = unsafe {
        let element = sys::rd_kafka_topic_partition_list_add(list.as_ptr(), topic.as_ptr(), partition);
        check(sys::rd_kafka_position(client.native_ptr(), list.as_ptr()), None)?;
        ((*element).err, (*element).offset)
    };
    check(code, None)?;
    Ok((offset >= 0).then_some(offset))
}
