//! IO: Kafka. `DescribeCluster`: which cluster this is and which brokers it has.

use std::time::Duration;

use rdkafka::client::{Client, ClientContext};
use rdkafka_sys as sys;

use super::error::NativeError;
use super::memory::{array, text};
use super::request::Request;

/// What a cluster says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterDescription {
    /// The cluster's id; empty where it has none.
    pub id: String,
    /// Ids of the brokers that are up.
    pub brokers: Vec<i32>,
}

/// Returns the cluster's id and its brokers.
///
/// # Errors
/// No broker answers within `timeout`, or the brokers refuse us.
pub fn describe_cluster<C: ClientContext>(
    client: &Client<C>,
    timeout: Duration,
) -> Result<ClusterDescription, NativeError> {
    let request = Request::new(client, sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER, timeout)?;
    // SAFETY: client, options and queue are live; the call copies what it needs.
    unsafe {
        sys::rd_kafka_DescribeCluster(request.client, request.options.as_ptr(), request.queue.as_ptr());
    }
    let event = request.wait()?;
    let mut count = 0;
    // SAFETY: the event is the answer to this call and alive until the end of the function; all is copied.
    unsafe {
        let answer = sys::rd_kafka_event_DescribeCluster_result(event.as_ptr());
        let nodes = array(sys::rd_kafka_DescribeCluster_result_nodes(answer, &raw mut count), count);
        let id = text(sys::rd_kafka_DescribeCluster_result_cluster_id(answer)).unwrap_or_default();
        let brokers = nodes.iter().map(|node| sys::rd_kafka_Node_id(*node)).collect();
        Ok(ClusterDescription { id, brokers })
    }
}
