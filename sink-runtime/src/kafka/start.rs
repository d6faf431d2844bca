//! Finds out where assigned partitions begin. IO: Kafka.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use kafkasink_crds::runtime_config::StartFrom;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::MetadataTopic;
use rdkafka::topic_partition_list::Offset as KafkaOffset;
use tracing::debug;

use super::commit_metadata::{CommitMetadata, Signature};
use super::consumer_context::Context;
use super::life_rule::{Beginning, LifeFacts, Sighting, beginning, latest_life, needs_registry};
use super::start_rule::{Facts, Start, start, start_of_life, start_of_new};
use crate::record::{Partition, Topic, TopicPartition};
use crate::registry::{LastLife, Lineage, TopicRecord};

/// Longest wait for one answer of the brokers.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is known before the group's commits are read.
pub(super) struct Known<'a> {
    /// Where partitions begin that the group has never read.
    pub(super) from: StartFrom,
    /// Who asks.
    pub(super) signature: &'a Signature,
    /// Id of the Kafka cluster; empty where the brokers do not tell.
    pub(super) cluster_id: &'a str,
    /// What the brokers say of the topics.
    pub(super) sightings: &'a HashMap<Topic, Sighting>,
    /// What the registry says of those that it was asked about.
    pub(super) registered: &'a HashMap<Topic, Option<TopicRecord>>,
}

/// What was found out about assigned partitions; each is in one of the lists.
#[derive(Default)]
pub(super) struct Resolved {
    /// Where partitions begin, and in which life of their topic.
    pub(super) starts: Vec<(TopicPartition, Start, Lineage)>,
    /// Partitions that the brokers do not know, or do not agree on.
    pub(super) absent: Vec<TopicPartition>,
    /// Partitions for whose topic the registry must be asked first.
    pub(super) unregistered: Vec<TopicPartition>,
    /// Partitions whose offsets have expired, with the group that had read them.
    pub(super) expired: Vec<(TopicPartition, String)>,
}

/// Returns where each partition begins.
pub(super) fn resolve(
    consumer: &BaseConsumer<Context>,
    partitions: Vec<TopicPartition>,
    known: &Known<'_>,
) -> Result<Resolved, KafkaError> {
    let mut resolved = Resolved::default();
    let is_seen = |topic: &Topic| !matches!(known.sightings.get(topic), None | Some(Sighting::Absent));
    let (seen, absent): (Vec<_>, Vec<_>) = partitions.into_iter().partition(|p| is_seen(&p.topic));
    resolved.absent = absent;
    let topics: BTreeSet<Topic> = seen.iter().map(|partition| partition.topic.clone()).collect();
    let commits = Commits::read(consumer, &topics)?;
    // Deleted, or so new that not every broker knows it.
    let (seen, unlisted): (Vec<_>, Vec<_>) = seen.into_iter().partition(|p| commits.0.contains_key(p));
    resolved.absent.extend(unlisted);
    let has_new = seen.iter().any(|partition| commits.of(partition).0.is_none());
    let from = if has_new { group_start(consumer, known.from)? } else { known.from };
    for partition in seen {
        resolve_one(consumer, partition, &commits, &Known { from, ..*known }, &mut resolved)?;
    }
    Ok(resolved)
}

fn resolve_one(
    consumer: &BaseConsumer<Context>,
    partition: TopicPartition,
    commits: &Commits,
    known: &Known<'_>,
    resolved: &mut Resolved,
) -> Result<(), KafkaError> {
    let now = known.sightings.get(&partition.topic).unwrap_or(&Sighting::Absent);
    let (committed, metadata) = commits.of(&partition);
    let registered = known.registered.get(&partition.topic);
    let (is_topic_committed, lives, partitions) = commits.of_topic(&partition.topic);
    let latest = latest_life(&lives, now);
    let life = LifeFacts {
        now,
        is_committed: committed.is_some(),
        own: metadata.as_ref().and_then(CommitMetadata::last_life),
        is_topic_committed,
        latest,
        registered: registered.and_then(Option::as_ref),
    };
    if needs_registry(&life) && registered.is_none() {
        resolved.unregistered.push(partition);
        return Ok(());
    }
    let (beginning, registered_life) = (beginning(&life), life.registered.and_then(TopicRecord::last_life));
    let is_new_life = beginning == Beginning::NewLife;
    match beginning {
        Beginning::Expired { group_id } => {
            resolved.expired.push((partition, group_id));
            return Ok(());
        }
        Beginning::Later => {
            resolved.absent.push(partition);
            return Ok(());
        }
        Beginning::Commit | Beginning::NewLife | Beginning::Unread => {}
    }
    let Some((low, high)) = ends(consumer, &partition)? else {
        resolved.absent.push(partition);
        return Ok(());
    };
    let facts = Facts { committed, metadata, low, high };
    let start = if is_new_life {
        start_of_life(&facts, known.signature)
    } else {
        start(&facts, known.from, known.signature)
    };
    let topic_id = match now {
        Sighting::Known(id) => Some(*id),
        Sighting::Absent | Sighting::Untold { .. } => None,
    };
    let cluster_id = known.cluster_id.to_owned();
    let lineage = Lineage { cluster_id, topic_id, last_life: latest.or(registered_life), partitions };
    resolved.starts.push((partition, start, lineage));
    Ok(())
}

/// Returns where a partition's log begins and ends; none where no broker knows it.
fn ends(
    consumer: &BaseConsumer<Context>,
    partition: &TopicPartition,
) -> Result<Option<(i64, i64)>, KafkaError> {
    match consumer.fetch_watermarks(partition.topic.as_str(), partition.partition.0, PATIENCE) {
        Err(error) if is_absent(&error) => {
            debug!(%partition, %error, "no broker knows a partition, it is asked about again");
            Ok(None)
        }
        watermarks => watermarks.map(Some),
    }
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

/// A committed offset, and what the sink said with it.
type Committed = (Option<i64>, Option<CommitMetadata>);

/// What the group has committed for all partitions of some topics.
struct Commits(BTreeMap<TopicPartition, Committed>);

impl Commits {
    fn read<'a>(
        consumer: &BaseConsumer<Context>,
        topics: impl IntoIterator<Item = &'a Topic>,
    ) -> Result<Self, KafkaError> {
        let mut list = TopicPartitionList::new();
        for topic in topics {
            let metadata = consumer.fetch_metadata(Some(topic.as_str()), PATIENCE)?;
            for partition in metadata.topics().iter().flat_map(MetadataTopic::partitions) {
                list.add_partition(topic.as_str(), partition.id());
            }
        }
        if list.count() == 0 {
            return Ok(Self(BTreeMap::new()));
        }
        let mut commits = BTreeMap::new();
        for element in consumer.committed_offsets(list, PATIENCE)?.elements() {
            element.error()?;
            let partition = TopicPartition {
                topic: Topic::new(element.topic()),
                partition: Partition(element.partition()),
            };
            let committed = match element.offset() {
                KafkaOffset::Offset(offset) => (Some(offset), CommitMetadata::parse(element.metadata())),
                KafkaOffset::Beginning
                | KafkaOffset::End
                | KafkaOffset::Stored
                | KafkaOffset::Invalid
                | KafkaOffset::OffsetTail(_) => (None, None),
            };
            commits.insert(partition, committed);
        }
        Ok(Self(commits))
    }

    fn of(&self, partition: &TopicPartition) -> Committed {
        self.0.get(partition).cloned().unwrap_or_default()
    }

    /// Tells whether anything of a topic is committed, in which lives, and how many partitions it has.
    fn of_topic(&self, topic: &Topic) -> (bool, Vec<LastLife>, usize) {
        let all =
            || self.0.iter().filter(|(partition, _)| partition.topic == *topic).map(|(_, commit)| commit);
        let lives = all().filter_map(|(_, metadata)| metadata.as_ref()?.last_life());
        (all().any(|(offset, _)| offset.is_some()), lives.collect(), all().count())
    }
}

/// Returns where new partitions begin, judged by what the whole group has committed.
fn group_start(consumer: &BaseConsumer<Context>, from: StartFrom) -> Result<StartFrom, KafkaError> {
    if from == StartFrom::Earliest {
        return Ok(from);
    }
    let subscription = consumer.subscription()?;
    let topics: Vec<Topic> = subscription.elements().iter().map(|topic| Topic::new(topic.topic())).collect();
    let commits = Commits::read(consumer, &topics)?.0.into_values();
    let read: Vec<Option<CommitMetadata>> =
        commits.filter(|(offset, _)| offset.is_some()).map(|(_, metadata)| metadata).collect();
    Ok(start_of_new(from, &read))
}
