//! Finds out where assigned partitions begin. IO: Kafka.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use kafkasink_crds::runtime_config::StartFrom;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset as KafkaOffset, TopicPartitionListElem};
use tracing::debug;

use super::commit_metadata::{CommitMetadata, Signature};
use super::consumer_context::Context;
use super::ends::{Ends, ends};
use super::life_rule::{Beginning, LifeFacts, Sighting, beginning, latest_life, needs_registry};
use super::start_rule::{Facts, Start, start, start_of_life, start_of_new};
use super::topic_ids::Sight;
use crate::record::{Partition, Topic, TopicPartition};
use crate::registry::{GroupStart, LastLife, Lineage, TopicRecord};

/// Longest wait for the group's commits. It is short because commits and the lease wait for the thread that asks.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is known before the group's commits are read.
pub(super) struct Known<'a> {
    /// Where partitions begin if the group has never read anything.
    pub(super) from: StartFrom,
    /// When that is asked, in seconds since 1970-01-01 UTC.
    pub(super) now: u64,
    /// Who asks.
    pub(super) signature: &'a Signature,
    /// Id of the Kafka cluster; empty where the brokers do not tell.
    pub(super) cluster_id: &'a str,
    /// What the brokers say of all topics that are read.
    pub(super) sights: &'a HashMap<Topic, Sight>,
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
    /// Partitions of which the brokers cannot tell now what is committed, or where they begin and end.
    pub(super) untold: Vec<TopicPartition>,
    /// Partitions for whose topic the registry must be asked first.
    pub(super) unregistered: Vec<TopicPartition>,
    /// Partitions whose offsets have expired, with the group that had read them.
    pub(super) expired: Vec<(TopicPartition, String)>,
}

/// Returns where each partition begins.
///
/// # Errors
/// The brokers do not answer at all. What they do not tell of single partitions holds up no other.
pub(super) fn resolve(
    consumer: &BaseConsumer<Context>,
    partitions: Vec<TopicPartition>,
    known: &Known<'_>,
) -> Result<Resolved, KafkaError> {
    let mut resolved = Resolved::default();
    let is_seen = |topic: &Topic| !matches!(known.sighting(topic), Sighting::Absent);
    let (seen, absent): (Vec<_>, Vec<_>) = partitions.into_iter().partition(|p| is_seen(&p.topic));
    resolved.absent = absent;
    let topics: BTreeSet<&Topic> = match known.from {
        StartFrom::Earliest => seen.iter().map(|partition| &partition.topic).collect(),
        // Whether the group has read anything yet decides where it begins.
        StartFrom::Latest => known.sights.keys().collect(),
    };
    let commits = Commits::read(consumer, &topics, known.sights)?;
    let (seen, mut untold): (Vec<_>, Vec<_>) = seen.into_iter().partition(|p| commits.is_told(&p.topic));
    // Deleted, or so new that not every broker knows it.
    let (mut seen, unlisted): (Vec<_>, Vec<_>) =
        seen.into_iter().partition(|p| commits.committed.contains_key(p));
    resolved.absent.extend(unlisted);
    let is_undecided = |partition: &mut TopicPartition| {
        known.from == StartFrom::Latest && !commits.untold.is_empty() && commits.of(partition).0.is_none()
    };
    untold.extend(seen.extract_if(.., is_undecided));
    resolved.untold = untold;
    let openings: Vec<Opening> =
        seen.into_iter().filter_map(|partition| resolved.sort(partition, &commits, known)).collect();
    let asked: Vec<TopicPartition> = openings.iter().map(|opening| opening.partition.clone()).collect();
    resolved.begin(openings, &ends(consumer, &asked), known.signature);
    Ok(resolved)
}

impl Known<'_> {
    fn sighting(&self, topic: &Topic) -> &Sighting {
        self.sights.get(topic).map_or(&Sighting::Absent, |sight| &sight.sighting)
    }
}

/// A partition that begins as soon as it is known where its log does.
struct Opening {
    partition: TopicPartition,
    committed: Committed,
    /// Where it begins if nothing is committed for it.
    from: StartFrom,
    is_new_life: bool,
    lineage: Lineage,
}

impl Resolved {
    /// Puts a partition where it belongs; returns it where it may begin.
    fn sort(&mut self, partition: TopicPartition, commits: &Commits, known: &Known<'_>) -> Option<Opening> {
        let now = known.sighting(&partition.topic);
        let committed = commits.of(&partition);
        let registered = known.registered.get(&partition.topic);
        let (is_topic_committed, lives, partitions) = commits.of_topic(&partition.topic);
        let latest = latest_life(&lives, now);
        let life = LifeFacts {
            now,
            is_committed: committed.0.is_some(),
            own: committed.1.as_ref().and_then(CommitMetadata::last_life),
            is_topic_committed,
            latest,
            registered: registered.and_then(Option::as_ref),
        };
        if needs_registry(&life) && registered.is_none() {
            self.unregistered.push(partition);
            return None;
        }
        let (beginning, registered_life) =
            (beginning(&life), life.registered.and_then(TopicRecord::last_life));
        let is_new_life = beginning == Beginning::NewLife;
        match beginning {
            Beginning::Expired { group_id } => {
                self.expired.push((partition, group_id));
                return None;
            }
            Beginning::Later => {
                self.absent.push(partition);
                return None;
            }
            Beginning::Commit | Beginning::NewLife | Beginning::Unread => {}
        }
        let topic_id = match now {
            Sighting::Known(id) => Some(*id),
            Sighting::Absent | Sighting::Untold { .. } => None,
        };
        let cluster_id = known.cluster_id.to_owned();
        let last_life = latest.or(registered_life);
        let group_start = commits.group_start(&partition.topic, partitions, known.now);
        let lineage = Lineage { cluster_id, topic_id, last_life, partitions, group_start };
        let from = start_of_new(known.from, &partition, known.now, commits.given());
        Some(Opening { partition, committed, from, is_new_life, lineage })
    }

    /// Lets those begin whose ends are known.
    fn begin(
        &mut self,
        openings: Vec<Opening>,
        ends: &BTreeMap<TopicPartition, Ends>,
        signature: &Signature,
    ) {
        for Opening { partition, committed: (committed, metadata), from, is_new_life, lineage } in openings {
            let Some(Ends { low, high }) = ends.get(&partition) else {
                self.untold.push(partition);
                continue;
            };
            let facts = Facts { committed, metadata, low: low.0, high: high.0 };
            let start =
                if is_new_life { start_of_life(&facts, signature) } else { start(&facts, from, signature) };
            self.starts.push((partition, start, lineage));
        }
    }
}

/// A committed offset, and what the sink said with it.
type Committed = (Option<i64>, Option<CommitMetadata>);

/// What the group has committed for all partitions of some topics.
#[derive(Default)]
struct Commits {
    committed: BTreeMap<TopicPartition, Committed>,
    /// Topics of which a partition is missing above. Where its partitions begin depends on all of them.
    untold: BTreeSet<Topic>,
}

impl Commits {
    fn read(
        consumer: &BaseConsumer<Context>,
        topics: &BTreeSet<&Topic>,
        sights: &HashMap<Topic, Sight>,
    ) -> Result<Self, KafkaError> {
        let (mut list, mut untold) = (TopicPartitionList::new(), BTreeSet::new());
        for topic in topics {
            let Some(count) = sights.get(*topic).and_then(|sight| sight.partitions) else {
                untold.insert(Topic::clone(topic));
                continue;
            };
            for number in (0..).take(count) {
                list.add_partition(topic.as_str(), number);
            }
        }
        if list.count() == 0 {
            return Ok(Self { untold, ..Self::default() });
        }
        let answers = consumer.committed_offsets(list, PATIENCE)?;
        let answers = answers.elements().into_iter().map(|element| {
            let (topic, partition) = (Topic::new(element.topic()), Partition(element.partition()));
            (TopicPartition { topic, partition }, committed(&element))
        });
        Ok(Self::sort(untold, answers))
    }

    fn sort(
        untold: BTreeSet<Topic>,
        answers: impl Iterator<Item = (TopicPartition, Result<Committed, KafkaError>)>,
    ) -> Self {
        let mut commits = Self { untold, ..Self::default() };
        for (partition, answer) in answers {
            match answer {
                Ok(committed) => {
                    commits.committed.insert(partition, committed);
                }
                Err(error) => {
                    debug!(%partition, %error, "the group does not tell what it has committed for a partition");
                    commits.untold.insert(partition.topic);
                }
            }
        }
        commits
    }

    fn is_told(&self, topic: &Topic) -> bool {
        !self.untold.contains(topic)
    }

    fn of(&self, partition: &TopicPartition) -> Committed {
        self.committed.get(partition).cloned().unwrap_or_default()
    }

    /// Returns the partitions for which the group has committed something, and what it said with that.
    fn given(&self) -> impl Iterator<Item = (&TopicPartition, Option<&CommitMetadata>)> {
        let is_given = |(_, (offset, _)): &(_, &Committed)| offset.is_some();
        self.committed
            .iter()
            .filter(is_given)
            .map(|(partition, (_, metadata))| (partition, metadata.as_ref()))
    }

    /// Tells whether anything of a topic is committed, in which lives, and how many partitions it has.
    fn of_topic(&self, topic: &Topic) -> (bool, Vec<LastLife>, usize) {
        let partitions = self.committed.keys().filter(|partition| partition.topic == *topic).count();
        let given: Vec<_> = self.given().filter(|(partition, _)| partition.topic == *topic).collect();
        let lives = given.iter().filter_map(|(_, metadata)| metadata.as_ref()?.last_life()).collect();
        (!given.is_empty(), lives, partitions)
    }

    /// Returns when the group began, and how many partitions a topic had when it began to read that; none where one commit
    /// does not tell. A group without any begins now, with as many as there are.
    fn group_start(&self, topic: &Topic, partitions: usize, now: u64) -> Option<GroupStart> {
        let told = self.given().map(|(partition, metadata)| Some((&partition.topic, metadata?.group_start?)));
        let told: Vec<_> = told.collect::<Option<_>>()?;
        let at = told.iter().map(|(_, start)| start.at).min();
        let first = told.iter().filter(|(of, _)| *of == topic).map(|(_, start)| start.partitions).min();
        Some(GroupStart { at: at.unwrap_or(now), partitions: first.unwrap_or(partitions) })
    }
}

fn committed(element: &TopicPartitionListElem<'_>) -> Result<Committed, KafkaError> {
    element.error()?;
    Ok(match element.offset() {
        KafkaOffset::Offset(offset) => (Some(offset), CommitMetadata::parse(element.metadata())),
        KafkaOffset::Beginning
        | KafkaOffset::End
        | KafkaOffset::Stored
        | KafkaOffset::Invalid
        | KafkaOffset::OffsetTail(_) => (None, None),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use kafkasink_crds::runtime_config::StartFrom;
    use rdkafka::error::{KafkaError, RDKafkaErrorCode};

    use super::{Commits, Opening, Resolved};
    use crate::kafka::commit_metadata::Signature;
    use crate::kafka::ends::Ends;
    use crate::record::{Offset, Partition, Topic, TopicPartition};
    use crate::registry::Lineage;

    fn partition(topic: &str, number: i32) -> TopicPartition {
        TopicPartition { topic: Topic::new(topic), partition: Partition(number) }
    }

    #[test]
    fn partition_whose_ends_nobody_tells_waits_and_the_others_begin() {
        let opening = |number| Opening {
            partition: partition("cameras", number),
            committed: (None, None),
            is_new_life: false,
            from: StartFrom::Earliest,
            lineage: Lineage::default(),
        };
        let ends = |number| (partition("cameras", number), Ends { low: Offset(3), high: Offset(9) });
        let [writer_id, sink_uid, mapping] = ["m-0", "uid", "mapping"].map(str::to_owned);
        let signature = Signature { writer_id, sink_uid, mapping };
        let mut resolved = Resolved::default();
        let told = BTreeMap::from([ends(0), ends(2)]);
        resolved.begin((0..3).map(opening).collect(), &told, &signature);
        let begun: Vec<String> = resolved
            .starts
            .iter()
            .map(|(partition, start, _)| format!("{partition} {}", start.progress.point.offset))
            .collect();
        assert_eq!(begun, ["cameras/0 3", "cameras/2 3"]);
        assert_eq!(resolved.untold, [partition("cameras", 1)]);
    }

    #[test]
    fn commit_that_is_not_told_holds_up_its_topic_and_no_other() {
        let refused = || Err(KafkaError::OffsetFetch(RDKafkaErrorCode::TopicAuthorizationFailed));
        let answers = [
            (partition("cameras", 0), Ok((Some(5), None))),
            (partition("doors", 0), Ok((None, None))),
            (partition("doors", 1), refused()),
        ];
        let commits = Commits::sort(BTreeSet::new(), answers.into_iter());
        assert!(commits.is_told(&Topic::new("cameras")));
        assert!(
            !commits.is_told(&Topic::new("doors")),
            "what is committed for one decides where the other begins"
        );
        assert_eq!(commits.of(&partition("cameras", 0)).0, Some(5));
    }
}
