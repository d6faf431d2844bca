//! IO: Kafka. `ListOffsets`: where topics begin and end.
//!
//! Not by librdkafka's admin call of that name, which can take the process down (seen in 2.12.1): the thread that calls
//! `rd_kafka_ListOffsets` looks for the partitions' leaders itself. Where it finds none, because a topic or its broker is
//! just going, it registers its operation for the next news of the cluster, sees that there is nothing to wait for, and
//! frees the operation. News that come between these steps hand the same operation to the client's own thread, which
//! frees it too. The older call used here looks for leaders under the client's locks and registers nothing.

use std::time::Duration;

use rdkafka::client::{Client, ClientContext};
use rdkafka_sys as sys;

use super::error::{NativeError, check};
use super::memory::{Guard, array, c_string, text};

/// A position in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionOffset {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
}

/// Which end of a partition is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetSpec {
    /// The oldest message that the partition still holds.
    Earliest,
    /// The offset after the newest message that readers of committed messages see, unless the client's own
    /// `isolation.level` says otherwise.
    Latest,
}

/// Returns one end of each partition; a partition without a leader is absent.
///
/// # Errors
/// The brokers do not answer within `timeout`, or refuse us; no partition has a leader.
pub fn list_offsets<C: ClientContext>(
    client: &Client<C>,
    partitions: &[(&str, i32)],
    spec: OffsetSpec,
    timeout: Duration,
) -> Result<Vec<PartitionOffset>, NativeError> {
    let list = partition_list(partitions, spec)?;
    let milliseconds = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: client and list are live; the call has ended with both when it returns.
    check(
        unsafe { sys::rd_kafka_offsets_for_times(client.native_ptr(), list.as_ptr(), milliseconds) },
        None,
    )?;
    // SAFETY: the list is live, and holds as many elements as it says.
    let elements = unsafe {
        let list = list.pointer.as_ref();
        array(list.elems, usize::try_from(list.cnt).unwrap_or(0))
    };
    Ok(elements.iter().filter_map(read).collect())
}

fn partition_list(
    partitions: &[(&str, i32)],
    spec: OffsetSpec,
) -> Result<Guard<sys::rd_kafka_topic_partition_list_t>, NativeError> {
    let spec = match spec {
        OffsetSpec::Earliest => sys::rd_kafka_OffsetSpec_t::RD_KAFKA_OFFSET_SPEC_EARLIEST,
        OffsetSpec::Latest => sys::rd_kafka_OffsetSpec_t::RD_KAFKA_OFFSET_SPEC_LATEST,
    };
    let size = i32::try_from(partitions.len()).unwrap_or(0);
    // SAFETY: `size` is only a hint for the first allocation.
    let list = Guard::own(
        unsafe { sys::rd_kafka_topic_partition_list_new(size) },
        sys::rd_kafka_topic_partition_list_destroy,
    )?;
    for (topic, partition) in partitions {
        let topic = c_string(topic)?;
        // SAFETY: the list is live, the topic is a terminated string, which is copied, and the returned element
        // is valid until the next addition.
        unsafe {
            let element = sys::rd_kafka_topic_partition_list_add(list.as_ptr(), topic.as_ptr(), *partition);
            (*element).offset = spec as i64;
        }
    }
    Ok(list)
}

/// A partition that carries an error of its own has no offset to report, one that nobody was asked about still has the
/// negative number that stands for the end in question.
pub(super) fn read(element: &sys::rd_kafka_topic_partition_t) -> Option<PartitionOffset> {
    if element.err != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR || element.offset < 0 {
        return None;
    }
    // SAFETY: the element borrows the list, which owns the topic's name; it is copied.
    let topic = unsafe { text(element.topic) }.unwrap_or_default();
    Some(PartitionOffset { topic, partition: element.partition, offset: element.offset })
}
