//! How far a sink's consumer group is. IO: Kafka.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::time::{Instant, interval};

use crate::lab::in_cluster::NAMESPACE;

/// Between two looks at the group.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Longest time without any progress of the group.
const STANDSTILL_MAX: Duration = Duration::from_secs(90);

/// Longest wait for one answer of the broker.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The offset after the last one that counts, by partition.
pub type Ends = BTreeMap<i32, i64>;

/// Waits until the sink of `topic` has committed everything below `ends`; `tell` is called with what is left.
///
/// # Errors
/// The broker does not answer, or the group has not moved for 90 s.
pub async fn wait_until_committed(
    bootstrap: &str,
    topic: &'static str,
    ends: Ends,
    tell: impl Fn(u64),
) -> Result<()> {
    let group = format!("{NAMESPACE}.{topic}");
    let consumer = ClientConfig::new().set("bootstrap.servers", bootstrap).set("group.id", &group).create();
    let consumer: Arc<BaseConsumer> = Arc::new(consumer.context("create a client of the group")?);
    let ends = Arc::new(ends);
    let (mut look, mut last, mut moved) = (interval(LOOK_EVERY), u64::MAX, Instant::now());
    loop {
        look.tick().await;
        let (client, goal) = (Arc::clone(&consumer), Arc::clone(&ends));
        let left = tokio::task::spawn_blocking(move || left(&client, topic, &goal)).await??;
        tell(left);
        if left == 0 {
            return Ok(());
        }
        if left != last {
            (last, moved) = (left, Instant::now());
        } else if moved.elapsed() > STANDSTILL_MAX {
            bail!(
                "group {group} has {left} messages of {topic} left and has not moved for {STANDSTILL_MAX:?}"
            );
        }
    }
}

fn left(consumer: &BaseConsumer, topic: &str, ends: &Ends) -> Result<u64> {
    let mut wanted = TopicPartitionList::new();
    for partition in ends.keys() {
        wanted.add_partition(topic, *partition);
    }
    let committed =
        consumer.committed_offsets(wanted, REQUEST_TIMEOUT).context("ask for the group's offsets")?;
    let behind = ends.iter().map(|(partition, end)| {
        let offset = committed.find_partition(topic, *partition).map(|element| element.offset());
        let reached = if let Some(Offset::Offset(offset)) = offset { offset } else { 0 };
        u64::try_from(end - reached).unwrap_or(0) // beyond the last one: a transaction marker
    });
    Ok(behind.sum())
}
