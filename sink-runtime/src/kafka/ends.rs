//! Where partitions begin and end: their leaders are asked in one round, and one without a leader holds up no other.
//! IO: Kafka.

use std::collections::BTreeMap;
use std::time::Duration;

use kafkasink_kafka_ffi::{NativeError, OffsetSpec, PartitionOffset, list_offsets};
use rdkafka::consumer::{BaseConsumer, Consumer};
use tracing::debug;

use super::consumer_context::Context;
use crate::record::{Offset, Partition, Topic, TopicPartition};

/// Longest wait for one round. It is short because commits and the lease wait for the thread that asks.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where a partition's log begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ends {
    /// Its oldest message.
    pub(super) low: Offset,
    /// Behind its newest message.
    pub(super) high: Offset,
}

/// Returns where partitions begin and end; those that nobody tells of now are absent.
pub(super) fn ends(
    consumer: &BaseConsumer<Context>,
    partitions: &[TopicPartition],
) -> BTreeMap<TopicPartition, Ends> {
    let lows = ask(consumer, partitions, OffsetSpec::Earliest);
    let told: Vec<TopicPartition> = lows.keys().cloned().collect();
    pair(lows, &highs(consumer, &told))
}

/// Returns where partitions begin; those that nobody tells of now are absent.
pub(super) fn lows(
    consumer: &BaseConsumer<Context>,
    partitions: &[TopicPartition],
) -> BTreeMap<TopicPartition, Offset> {
    ask(consumer, partitions, OffsetSpec::Earliest)
}

/// Returns where partitions end; those that nobody tells of now are absent.
pub(super) fn highs(
    consumer: &BaseConsumer<Context>,
    partitions: &[TopicPartition],
) -> BTreeMap<TopicPartition, Offset> {
    ask(consumer, partitions, OffsetSpec::Latest)
}

fn ask(
    consumer: &BaseConsumer<Context>,
    partitions: &[TopicPartition],
    spec: OffsetSpec,
) -> BTreeMap<TopicPartition, Offset> {
    if partitions.is_empty() {
        return BTreeMap::new();
    }
    let names: Vec<(&str, i32)> = partitions.iter().map(|p| (p.topic.as_str(), p.partition.0)).collect();
    let answers = match list_offsets(consumer.client(), &names, spec, PATIENCE) {
        // One that its broker cannot read would spoil the answer for all.
        Err(error) if error.is_refusal() => {
            names.chunks(1).flat_map(|name| ask_alone(consumer, name, spec)).collect()
        }
        answers => answers.unwrap_or_else(|error| untold(&error)),
    };
    sort(answers)
}

fn ask_alone(
    consumer: &BaseConsumer<Context>,
    name: &[(&str, i32)],
    spec: OffsetSpec,
) -> Vec<PartitionOffset> {
    list_offsets(consumer.client(), name, spec, PATIENCE).unwrap_or_else(|error| untold(&error))
}

fn untold(error: &NativeError) -> Vec<PartitionOffset> {
    debug!(%error, "no broker tells where partitions begin and end");
    Vec::new()
}

/// Returns the offsets by their partition; one whose leader did not answer in time has none.
fn sort(answers: Vec<PartitionOffset>) -> BTreeMap<TopicPartition, Offset> {
    let known = answers.into_iter().filter(|answer| answer.offset >= 0);
    let keyed = known.map(|answer| {
        let partition =
            TopicPartition { topic: Topic::new(&answer.topic), partition: Partition(answer.partition) };
        (partition, Offset(answer.offset))
    });
    keyed.collect()
}

/// Returns both ends of the partitions of which both are known.
fn pair(
    lows: BTreeMap<TopicPartition, Offset>,
    highs: &BTreeMap<TopicPartition, Offset>,
) -> BTreeMap<TopicPartition, Ends> {
    let both = |(partition, low)| {
        let high = *highs.get(&partition)?;
        Some((partition, Ends { low, high }))
    };
    lows.into_iter().filter_map(both).collect()
}

#[cfg(test)]
mod tests {
    use kafkasink_kafka_ffi::PartitionOffset;

    use super::{pair, sort};

    fn answers(offsets: &[(i32, i64)]) -> Vec<PartitionOffset> {
        let answer = |(partition, offset)| PartitionOffset { topic: "cameras".to_owned(), partition, offset };
        offsets.iter().copied().map(answer).collect()
    }

    #[test]
    fn partition_that_has_not_told_both_ends_is_left_out_and_no_other() {
        // The library leaves out one without a leader, and gives an impossible offset where a broker said nothing.
        let lows = sort(answers(&[(0, 5), (1, 7), (2, -1001), (4, 0)]));
        let highs = sort(answers(&[(0, 9), (2, 8), (4, 0)]));
        let told: Vec<String> = pair(lows, &highs)
            .iter()
            .map(|(partition, ends)| format!("{partition} {} {}", ends.low, ends.high))
            .collect();
        assert_eq!(told, ["cameras/0 5 9", "cameras/4 0 0"]);
    }
}
