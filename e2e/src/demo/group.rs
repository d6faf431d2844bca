//! How far a sink's consumer group is. IO: Kafka.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::time::{Instant, interval};

use super::compare::Produced;

/// Between two looks at the group.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Longest time without any progress of the group.
const STANDSTILL_MAX: Duration = Duration::from_secs(90);

/// Longest wait for one answer of the broker.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Waits until `group` has committed all of `produced` in `topic`; `tell` is called with what is left.
///
/// # Errors
/// The broker does not answer, or the group has not moved for 90 s.
pub async fn wait_until_committed(
    bootstrap: &str,
    group: &str,
    topic: &'static str,
    produced: &Produced,
    tell: impl Fn(u64),
) -> Result<()> {
    let consumer = ClientConfig::new().set("bootstrap.servers", bootstrap).set("group.id", group).create();
    let consumer: Arc<BaseConsumer> = Arc::new(consumer.context("create a client of the group")?);
    let ends = Arc::new(ends(produced));
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

/// The offset after the last produced one, by partition.
fn ends(produced: &Produced) -> BTreeMap<i32, i64> {
    let mut ends = BTreeMap::new();
    for (partition, offset) in produced.keys() {
        let end = ends.entry(*partition).or_insert(0);
        *end = (*end).max(offset + 1);
    }
    ends
}

fn left(consumer: &BaseConsumer, topic: &str, ends: &BTreeMap<i32, i64>) -> Result<u64> {
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

#[cfg(test)]
mod tests {
    use super::ends;

    #[test]
    fn the_end_of_a_partition_is_after_its_highest_offset() {
        let produced = [((0, 4), 1), ((0, 2), 0), ((3, 0), 2)].into();
        assert_eq!(ends(&produced), [(0, 5), (3, 1)].into());
    }
}
