//! Finds out where assigned partitions begin. IO: Kafka.

use std::time::Duration;

use kafkasink_crds::runtime_config::StartFrom;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset as KafkaOffset;
use tracing::debug;

use super::commit_metadata::{CommitMetadata, Signature};
use super::consumer_context::Context;
use super::start_rule::{Facts, Start, start, start_of_new};
use crate::record::TopicPartition;

/// Longest wait for one answer of the brokers.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was found out about assigned partitions.
pub(super) struct Resolved {
    /// Where partitions begin.
    pub(super) starts: Vec<(TopicPartition, Start)>,
    /// Partitions that the brokers do not know.
    pub(super) absent: Vec<TopicPartition>,
}

/// Returns where each partition begins.
pub(super) fn resolve(
    consumer: &BaseConsumer<Context>,
    partitions: &[TopicPartition],
    from: StartFrom,
    signature: &Signature,
) -> Result<Resolved, KafkaError> {
    let commits = read_commits(consumer, partitions)?;
    let has_new = commits.iter().any(|(committed, _)| committed.is_none());
    let from = if has_new && from == StartFrom::Latest { group_start(consumer, from)? } else { from };
    let mut resolved = Resolved { starts: Vec::with_capacity(partitions.len()), absent: Vec::new() };
    for (partition, (committed, metadata)) in partitions.iter().zip(commits) {
        let watermarks = consumer.fetch_watermarks(partition.topic.as_str(), partition.partition.0, PATIENCE);
        let (low, high) = match watermarks {
            Err(error) if is_absent(&error) => {
                debug!(%partition, %error, "no broker knows a partition, it is asked about again");
                resolved.absent.push(partition.clone());
                continue;
            }
            watermarks => watermarks?,
        };
        let facts = Facts { committed, metadata, low, high };
        resolved.starts.push((partition.clone(), start(&facts, from, signature)));
    }
    Ok(resolved)
}

fn is_absent(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownTopicOrPartition
        )
    )
}

type Committed = (Option<i64>, Option<CommitMetadata>);

fn read_commits(
    consumer: &BaseConsumer<Context>,
    partitions: &[TopicPartition],
) -> Result<Vec<Committed>, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition(partition.topic.as_str(), partition.partition.0);
    }
    let list = consumer.committed_offsets(list, PATIENCE)?;
    let mut commits = Vec::with_capacity(partitions.len());
    for element in list.elements() {
        element.error()?;
        commits.push(match element.offset() {
            KafkaOffset::Offset(offset) => (Some(offset), CommitMetadata::parse(element.metadata())),
            KafkaOffset::Beginning
            | KafkaOffset::End
            | KafkaOffset::Stored
            | KafkaOffset::Invalid
            | KafkaOffset::OffsetTail(_) => (None, None),
        });
    }
    Ok(commits)
}

/// Returns where new partitions begin, judged by what the whole group has committed.
fn group_start(consumer: &BaseConsumer<Context>, from: StartFrom) -> Result<StartFrom, KafkaError> {
    let subscription = consumer.subscription()?;
    let mut partitions = Vec::new();
    for element in subscription.elements() {
        let metadata = consumer.fetch_metadata(Some(element.topic()), PATIENCE)?;
        let topics = metadata.topics().iter();
        partitions.extend(topics.flat_map(|topic| {
            topic.partitions().iter().map(|partition| TopicPartition {
                topic: crate::record::Topic::new(topic.name()),
                partition: crate::record::Partition(partition.id()),
            })
        }));
    }
    let commits = read_commits(consumer, &partitions)?;
    let read: Vec<Option<CommitMetadata>> =
        commits.into_iter().filter(|(offset, _)| offset.is_some()).map(|(_, metadata)| metadata).collect();
    Ok(start_of_new(from, &read))
}
