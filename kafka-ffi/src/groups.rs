//! IO: Kafka. Which partitions the members of a group have.
//!
//! By `rd_kafka_list_groups`, which asks every broker for its groups, and not by `rd_kafka_DescribeConsumerGroups`, which
//! looks for the group's coordinator: a look that is not over when the request times out goes on, and takes the process
//! down when the coordinator comes back (<https://github.com/confluentinc/librdkafka/issues/4605>).

use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka_sys as sys;

use super::assignment::{instance_id, partitions};
use super::error::{NativeError, check};
use super::memory::{Guard, array, c_string, text};

/// What brokers call the state of a group in which no rebalance is under way.
const STABLE: &str = "Stable";

/// What the brokers say about one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDescription {
    /// Whether no rebalance is under way.
    pub is_stable: bool,
    /// Topics and partitions of all members together.
    pub assigned: Vec<(String, i32)>,
    /// The `group.instance.id` of each static member, and the `client.id` of each other one.
    pub instance_ids: Vec<String>,
}

/// How often the brokers are asked at most, the time divided between the attempts.
///
/// Every broker is asked, and the library drops what one has told of the group where another one fails later. That is no
/// news of the group; and one that has just failed is not connected to again at once, so that it is only late next time.
const ATTEMPTS: u32 = 3;

/// Returns what the brokers say about a group of consumers with the classic protocol. Other brokers than the group's may be
/// away.
///
/// # Errors
/// No broker tells about the group within `timeout`, or it refuses; the group does not exist.
pub fn describe_group<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    group: &str,
    timeout: Duration,
) -> Result<GroupDescription, NativeError> {
    let attempt = || list(consumer, group, timeout / ATTEMPTS);
    let mut groups = attempt();
    for _ in 1..ATTEMPTS {
        if !groups.as_ref().is_err_and(|error| !error.is_refusal()) {
            break;
        }
        groups = attempt();
    }
    describe(&groups?)
}

/// Returns what the first broker says that tells about the group; its coordinator was another one before, perhaps.
fn describe(groups: &Guard<sys::rd_kafka_group_list>) -> Result<GroupDescription, NativeError> {
    // SAFETY: the list is live for as long as it is borrowed, and nothing of it is returned.
    let (first, count) = unsafe { ((*groups.as_ptr()).groups, (*groups.as_ptr()).group_cnt) };
    let mut told = Err(NativeError::invalid("no broker has the group"));
    for index in 0..usize::try_from(count).unwrap_or(0) {
        // SAFETY: there are as many groups as the list says, and it is live.
        told = unsafe { describe_one(first.add(index)) };
        if told.is_ok() {
            break;
        }
    }
    told
}

/// No reference to the group is made: its error is the number that the broker sent, which may be one that the library's
/// enumeration does not have.
///
/// # Safety
/// The group belongs to a list that is live for the duration of the call.
unsafe fn describe_one(described: *const sys::rd_kafka_group_info) -> Result<GroupDescription, NativeError> {
    // SAFETY: by the contract above.
    let (code, state, members, count) = unsafe {
        let code = (&raw const (*described).err).cast::<i32>().read();
        (code, (*described).state, (*described).members, (*described).member_cnt)
    };
    if code != 0 {
        return Err(NativeError::invalid(&format!("the group is not told about, error {code}")));
    }
    // SAFETY: the strings belong to the list as well.
    let is_stable = unsafe { text(state) }.as_deref() == Some(STABLE);
    // SAFETY: as above.
    let members = unsafe { array(members, usize::try_from(count).unwrap_or(0)) };
    let (mut assigned, mut instance_ids) = (Vec::new(), Vec::new());
    for member in members {
        // SAFETY: as above.
        let member_id = unsafe { text(member.member_id) };
        instance_ids.extend(member_id.as_deref().map(instance_id).map(str::to_owned));
        // SAFETY: as above.
        let assignment = unsafe { bytes(member.member_assignment, member.member_assignment_size) };
        let partitions = partitions(assignment);
        assigned.extend(partitions.ok_or_else(|| NativeError::invalid("cannot read what a member has"))?);
    }
    Ok(GroupDescription { is_stable, assigned, instance_ids })
}

/// Returns what the brokers have of this group.
fn list<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    group: &str,
    timeout: Duration,
) -> Result<Guard<sys::rd_kafka_group_list>, NativeError> {
    let name = c_string(group)?;
    let milliseconds = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    let mut list: *const sys::rd_kafka_group_list = ptr::null();
    // SAFETY: the consumer's client is live, the name is terminated and outlives the call, and the list is ours afterwards.
    let code = unsafe {
        sys::rd_kafka_list_groups(consumer.client().native_ptr(), name.as_ptr(), &raw mut list, milliseconds)
    };
    let list = NonNull::new(list.cast_mut()).map(|pointer| Guard { pointer, destroy });
    match list {
        // Some broker has not answered, and another has told about the group.
        Some(list) if code == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTIAL => Ok(list),
        Some(list) => check(code, None).map(|()| list),
        None => Err(untold(code)),
    }
}

/// Returns why nothing is known of the group.
fn untold(code: sys::rd_kafka_resp_err_t) -> NativeError {
    let Err(error) = check(code, None) else {
        return NativeError::invalid("librdkafka has no list");
    };
    if error.is_refusal() {
        return error;
    }
    let message = format!("not every broker has answered, and none of them has the group: {error}");
    NativeError { message, ..error }
}

/// Frees a list: the library takes it as a constant.
unsafe extern "C" fn destroy(list: *mut sys::rd_kafka_group_list) {
    // SAFETY: the guard that calls this is the list's only owner.
    unsafe { sys::rd_kafka_group_list_destroy(list) }
}

/// # Safety
/// As that of [`array`].
unsafe fn bytes<'a>(first: *mut c_void, count: i32) -> &'a [u8] {
    // SAFETY: by the contract above.
    unsafe { array(first.cast(), usize::try_from(count).unwrap_or(0)) }
}
