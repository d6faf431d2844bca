//! IO: Kafka. `OffsetFetch`: what any group has committed, asked of the one broker that is named.
//!
//! The broker is always named: without that librdkafka looks for the group's coordinator, and takes the process down where it
//! is not found in time (<https://github.com/confluentinc/librdkafka/issues/4605>). One that is not the coordinator says so;
//! then the library lets the client's own group look for its coordinator, so that the client must be a consumer's: a
//! producer has no group, and that takes the process down too (<https://github.com/confluentinc/librdkafka/issues/5040>).

use std::ptr;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka_sys as sys;

use super::error::{NativeError, check};
use super::memory::{Guard, array, c_string, check_borrowed};
use super::offsets::{PartitionOffset, read};
use super::request::{ERROR_TEXT_BYTES, ErrorText, Request};

/// Returns all offsets that a group has committed, of whatever topics; the consumer may be of another group.
///
/// # Errors
/// The broker does not answer within `timeout`, is not the group's coordinator, or refuses us.
pub fn committed_offsets<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    group: &str,
    broker: i32,
    timeout: Duration,
) -> Result<Vec<PartitionOffset>, NativeError> {
    let operation = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS;
    let request = Request::new(consumer.client(), operation, timeout)?;
    set_broker(&request, broker)?;
    let name = c_string(group)?;
    // SAFETY: the name is terminated and copied; no partitions means all of them.
    let asked = Guard::own(
        unsafe { sys::rd_kafka_ListConsumerGroupOffsets_new(name.as_ptr(), ptr::null()) },
        sys::rd_kafka_ListConsumerGroupOffsets_destroy,
    )?;
    let mut asked_for = [asked.as_ptr()];
    // SAFETY: client, question, options and queue are live, there is one question, and the call copies what it needs.
    unsafe {
        sys::rd_kafka_ListConsumerGroupOffsets(
            request.client,
            asked_for.as_mut_ptr(),
            asked_for.len(),
            request.options.as_ptr(),
            request.queue.as_ptr(),
        );
    }
    let event = request.wait()?;
    let mut count = 0;
    // SAFETY: the event is the answer to this call and alive until the end of the function; all is copied.
    let groups = unsafe {
        let answer = sys::rd_kafka_event_ListConsumerGroupOffsets_result(event.as_ptr());
        array(sys::rd_kafka_ListConsumerGroupOffsets_result_groups(answer, &raw mut count), count)
    };
    let told = *groups.first().ok_or_else(|| NativeError::invalid("the answer names no group"))?;
    // SAFETY: the group belongs to the answer.
    unsafe { check_borrowed(sys::rd_kafka_group_result_error(told)) }?;
    // SAFETY: as above; the list holds as many elements as it says, and may be absent where there is none.
    let elements = unsafe {
        let list = sys::rd_kafka_group_result_partitions(told).as_ref();
        list.map_or(&[][..], |list| array(list.elems, usize::try_from(list.cnt).unwrap_or(0)))
    };
    Ok(elements.iter().filter_map(read).collect())
}

fn set_broker(request: &Request, broker: i32) -> Result<(), NativeError> {
    let mut buffer = ErrorText::new();
    // SAFETY: the options are live and the buffer is as long as we say.
    let code = unsafe {
        sys::rd_kafka_AdminOptions_set_broker(
            request.options.as_ptr(),
            broker,
            buffer.as_mut_ptr(),
            ERROR_TEXT_BYTES,
        )
    };
    check(code, Some(buffer.read()))
}
