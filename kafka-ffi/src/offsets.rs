//! IO: Kafka. `ListOffsets`: where topics begin and end.

use std::time::Duration;

use rdkafka::client::{Client, ClientContext};
use rdkafka_sys as sys;

use super::error::NativeError;
use super::memory::{Guard, array, c_string, check_owned, text};
use super::request::Request;

/// A position in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionOffset {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset; negative where there is none.
    pub offset: i64,
}

/// Which end of a partition is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetSpec {
    /// The oldest message that the partition still holds.
    Earliest,
    /// The offset after the newest message that readers of committed messages see.
    Latest,
}

/// Returns one end of each partition; a partition that cannot tell, above all one without a leader, is absent.
///
/// # Errors
/// The brokers do not answer within `timeout`, or refuse us.
pub fn list_offsets<C: ClientContext>(
    client: &Client<C>,
    partitions: &[(&str, i32)],
    spec: OffsetSpec,
    timeout: Duration,
) -> Result<Vec<PartitionOffset>, NativeError> {
    let operation = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTOFFSETS;
    let request = Request::new(client, operation, timeout)?;
    let list = partition_list(partitions, spec)?;
    let level = sys::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED;
    // SAFETY: the options are live, and the error that the call returns is ours.
    unsafe {
        check_owned(sys::rd_kafka_AdminOptions_set_isolation_level(request.options.as_ptr(), level))?;
    }
    // SAFETY: client, list, options and queue are live; the call copies what it needs.
    unsafe {
        sys::rd_kafka_ListOffsets(
            request.client,
            list.as_ptr(),
            request.options.as_ptr(),
            request.queue.as_ptr(),
        );
    }
    let event = match request.wait() {
        Err(error) if error.code == sys::RDKafkaErrorCode::NoEnt => return Ok(Vec::new()), // None has a leader.
        answered => answered?,
    };
    let mut count = 0;
    // SAFETY: the event is the answer to this call and alive until the end of the function.
    let infos = unsafe {
        let answer = sys::rd_kafka_event_ListOffsets_result(event.as_ptr());
        array(sys::rd_kafka_ListOffsets_result_infos(answer, &raw mut count), count)
    };
    Ok(infos.iter().filter_map(|info| read_info(*info)).collect())
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

/// A partition that carries an error of its own has no offset to report.
fn read_info(info: *const sys::rd_kafka_ListOffsetsResultInfo_t) -> Option<PartitionOffset> {
    // SAFETY: the info belongs to the answer that the caller holds, and so does its element.
    let element = unsafe { sys::rd_kafka_ListOffsetsResultInfo_topic_partition(info).as_ref() }?;
    if element.err != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return None;
    }
    // SAFETY: the element borrows the answer, which owns the topic's name; it is copied.
    let topic = unsafe { text(element.topic) }.unwrap_or_default();
    Some(PartitionOffset { topic, partition: element.partition, offset: element.offset })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use rdkafka::ClientConfig;
    use rdkafka::consumer::{BaseConsumer, Consumer};
    use rdkafka::mocking::MockCluster;

    use super::{OffsetSpec, list_offsets};

    /// Longest wait for one answer.
    const PATIENCE: Duration = Duration::from_mins(1);

    /// Asks librdkafka's own broker about partitions, some of which have no leader; a real one cannot be brought to that alone.
    #[allow(clippy::disallowed_methods, reason = "a test looks at the clock")]
    fn check(leaderless: &[i32], expected: &[i32]) {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("cameras", 3, 1).unwrap();
        for partition in leaderless {
            cluster.partition_leader("cameras", *partition, None).unwrap();
        }
        let servers = cluster.bootstrap_servers();
        let consumer: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", servers).set("group.id", "plant").create().unwrap();
        let partitions = [("cameras", 0), ("cameras", 1), ("cameras", 2)];
        let begun = Instant::now();
        let told = list_offsets(consumer.client(), &partitions, OffsetSpec::Earliest, PATIENCE).unwrap();
        assert_eq!(told.iter().map(|end| end.partition).collect::<Vec<_>>(), expected);
        assert!(begun.elapsed() < PATIENCE / 2, "the others were held up");
    }

    #[test]
    fn partition_without_a_leader_is_left_out_and_holds_up_no_other() {
        check(&[], &[0, 1, 2]);
        check(&[1], &[0, 2]);
        check(&[0, 1, 2], &[]);
    }
}
