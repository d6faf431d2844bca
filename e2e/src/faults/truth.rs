//! Reads back what is in the topic: the truth that the store is held against. IO: Kafka.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::compare::Truth;
use super::workload::{NUMBER, Workload};
use crate::trial::Topic;

/// Longest wait for the next message.
const POLL_TIMEOUT: Duration = Duration::from_secs(30);

/// Returns the messages of each partition in order, and makes sure that each that was produced is there once: what is
/// missing in Kafka is not the sink's loss.
///
/// # Errors
/// The topic cannot be read, or does not hold what was produced.
pub async fn read(
    bootstrap: &str,
    topic: &Topic,
    workload: Workload,
    produced: u64,
) -> anyhow::Result<Vec<Vec<Truth>>> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("group.id", "truth").set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create()?;
    let mut list = TopicPartitionList::new();
    for partition in 0..i32::try_from(workload.partitions)? {
        list.add_partition_offset(&topic.name, partition, Offset::Beginning)?;
    }
    consumer.assign(&list)?;
    tokio::task::spawn_blocking(move || read_all(&consumer, workload, produced)).await?
}

fn read_all(consumer: &BaseConsumer, workload: Workload, produced: u64) -> anyhow::Result<Vec<Vec<Truth>>> {
    let mut truths = vec![Vec::new(); usize::try_from(workload.partitions)?];
    let mut seen = vec![false; usize::try_from(produced)?];
    for count in 0..produced {
        let message =
            consumer.poll(POLL_TIMEOUT).with_context(|| format!("only {count} messages are there"))??;
        let truth = truth(&message)?;
        let is_seen = seen.get_mut(usize::try_from(truth.number)?).context("a message that nobody sent")?;
        ensure!(!std::mem::replace(is_seen, true), "Kafka holds message {} twice", truth.number);
        ensure!(
            message.payload() == workload.message(truth.number).value.as_deref(),
            "Kafka holds another value"
        );
        let partition = truths.get_mut(usize::try_from(message.partition())?).context("another partition")?;
        ensure!(usize::try_from(message.offset())? == partition.len(), "the offsets have a gap");
        partition.push(truth);
    }
    Ok(truths)
}

fn truth(message: &BorrowedMessage<'_>) -> anyhow::Result<Truth> {
    let headers = message.headers().context("a message without headers")?;
    let number = headers.iter().find(|header| header.key == NUMBER).and_then(|header| header.value);
    let number = std::str::from_utf8(number.context("a message without number")?)?.parse()?;
    Ok(Truth { number, timestamp_ms: message.timestamp().to_millis().context("a message without time")? })
}
