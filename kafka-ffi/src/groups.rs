//! IO: Kafka. `DescribeConsumerGroups`: which partitions the members of a group have.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka_sys as sys;

use super::error::NativeError;
use super::memory::{array, c_string, check_borrowed, text};
use super::request::Request;

/// What the brokers say about one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDescription {
    /// Whether no rebalance is under way.
    pub is_stable: bool,
    /// Topics and partitions of all members together.
    pub assigned: Vec<(String, i32)>,
    /// The `group.instance.id` of each static member.
    pub instance_ids: Vec<String>,
}

/// Returns what the brokers say about the group. Asked of a consumer of that group, because the request looks for the
/// group's coordinator (<https://github.com/confluentinc/librdkafka/issues/5040>).
///
/// # Errors
/// The brokers do not answer within `timeout`, or refuse; the group does not exist.
pub fn describe_group<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    group: &str,
    timeout: Duration,
) -> Result<GroupDescription, NativeError> {
    let operation = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS;
    let request = Request::new(consumer.client(), operation, timeout)?;
    let name = c_string(group)?;
    let mut pointers = [name.as_ptr()];
    // SAFETY: client, options and queue are live, and there is one terminated string; the call copies what it needs.
    unsafe {
        sys::rd_kafka_DescribeConsumerGroups(
            request.client,
            pointers.as_mut_ptr(),
            pointers.len(),
            request.options.as_ptr(),
            request.queue.as_ptr(),
        );
    }
    let event = request.wait()?;
    let mut count = 0;
    // SAFETY: the event is the answer to this call and alive until the end of the function; all is copied.
    let groups = unsafe {
        let answer = sys::rd_kafka_event_DescribeConsumerGroups_result(event.as_ptr());
        array(sys::rd_kafka_DescribeConsumerGroups_result_groups(answer, &raw mut count), count)
    };
    let described = groups.first().ok_or_else(|| NativeError::invalid("the answer names no group"))?;
    read(*described)
}

fn read(group: *const sys::rd_kafka_ConsumerGroupDescription_t) -> Result<GroupDescription, NativeError> {
    // SAFETY: the group belongs to the answer that the caller holds.
    let (outcome, state, members) = unsafe {
        (
            check_borrowed(sys::rd_kafka_ConsumerGroupDescription_error(group)),
            sys::rd_kafka_ConsumerGroupDescription_state(group),
            sys::rd_kafka_ConsumerGroupDescription_member_count(group),
        )
    };
    outcome?;
    let is_stable = state == sys::rd_kafka_consumer_group_state_t::RD_KAFKA_CONSUMER_GROUP_STATE_STABLE;
    // SAFETY: as above, and the index is below the count.
    let member = |index| unsafe { sys::rd_kafka_ConsumerGroupDescription_member(group, index) };
    let assigned = (0..members).flat_map(|index| partitions(member(index))).collect();
    // SAFETY: the member belongs to the answer; the name is copied.
    let name = |index| unsafe { text(sys::rd_kafka_MemberDescription_group_instance_id(member(index))) };
    let instance_ids = (0..members).filter_map(name).collect();
    Ok(GroupDescription { is_stable, assigned, instance_ids })
}

fn partitions(member: *const sys::rd_kafka_MemberDescription_t) -> Vec<(String, i32)> {
    // SAFETY: the member and all that is reached from it belong to the answer that the caller of `read` holds; the names
    // are copied.
    unsafe {
        let assignment = sys::rd_kafka_MemberDescription_assignment(member);
        let Some(list) = sys::rd_kafka_MemberAssignment_partitions(assignment).as_ref() else {
            return Vec::new();
        };
        let elements = array(list.elems, usize::try_from(list.cnt).unwrap_or(0));
        let place = |element: &sys::rd_kafka_topic_partition_t| {
            (text(element.topic).unwrap_or_default(), element.partition)
        };
        elements.iter().map(place).collect()
    }
}
