//! Pure. `Sink` and `Lineage`: what a member knows of itself, and of a topic's lives when a partition is assigned to it.

use serde::{Deserialize, Serialize};

use super::decision::Claim;
use super::topic_record::{LastLife, Owner};
use crate::record::{Topic, TopicId};

/// The sink that a member works for, whatever the topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sink {
    /// Namespace of the `KafkaSink`.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid; any text where there is no Kubernetes.
    pub uid: String,
    /// Its consumer group.
    pub group_id: String,
    /// The template of the entries' names.
    pub entry: String,
}

/// When a group began to read a topic, and how much there was of it. What came later is never skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupStart {
    /// In seconds since 1970-01-01 UTC, by the clock of the member that began.
    pub at: u64,
    /// Number of the topic's partitions.
    pub partitions: usize,
}

/// What Kafka told about a topic when one of its partitions was assigned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage {
    /// Id of the Kafka cluster; empty where the brokers do not tell.
    pub cluster_id: String,
    /// Id of the topic; none where the brokers do not tell.
    pub topic_id: Option<TopicId>,
    /// The latest life of the topic that was known before.
    pub last_life: Option<LastLife>,
    /// Number of the topic's partitions.
    pub partitions: usize,
    /// When and with what the group began to read it; none where that is not known any more.
    pub group_start: Option<GroupStart>,
}

impl Sink {
    /// Returns what the attachment of a topic says of this sink.
    #[must_use]
    pub fn owner(&self, cluster_id: &str, topic: &Topic) -> Owner {
        Owner {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            uid: self.uid.clone(),
            group_id: self.group_id.clone(),
            cluster_id: cluster_id.to_owned(),
            topic: topic.as_str().to_owned(),
        }
    }

    /// Returns the claim to a topic.
    #[must_use]
    pub fn claim(&self, topic: &Topic, lineage: &Lineage) -> Claim {
        Claim {
            owner: self.owner(&lineage.cluster_id, topic),
            topic_id: lineage.topic_id,
            entry: self.entry.clone(),
            last_life: lineage.last_life,
        }
    }
}

impl Lineage {
    /// Returns the life that commits name until the registry has told its number.
    #[must_use]
    pub fn committed(&self) -> Option<LastLife> {
        let Some(topic_id) = self.topic_id else {
            return self.last_life;
        };
        let life = self.last_life.and_then(|last| last.number_of(self.topic_id));
        Some(LastLife { life, topic_id })
    }
}

#[cfg(test)]
mod tests {
    use super::Lineage;
    use crate::record::TopicId;
    use crate::registry::{LastLife, LifeNumber};

    fn id(first: char) -> TopicId {
        format!("{first}AAAAAAAAAAAAAAAAAAAAA").parse().unwrap()
    }

    fn last(first: char, life: Option<u32>) -> LastLife {
        LastLife { life: life.map(LifeNumber), topic_id: id(first) }
    }

    fn check(topic_id: Option<TopicId>, last_life: Option<LastLife>, expected: Option<LastLife>) {
        let lineage = Lineage { topic_id, last_life, ..Lineage::default() };
        assert_eq!(lineage.committed(), expected, "{lineage:?}");
    }

    #[test]
    fn commits_never_take_a_later_life_for_the_first() {
        check(Some(id('B')), None, Some(last('B', None)));
        check(Some(id('B')), Some(last('B', Some(3))), Some(last('B', Some(3))));
        check(Some(id('C')), Some(last('B', Some(3))), Some(last('C', Some(4))));
        check(Some(id('C')), Some(last('B', None)), Some(last('C', Some(2))));
    }

    #[test]
    fn brokers_that_tell_no_id_do_not_make_it_forgotten() {
        check(None, Some(last('B', Some(3))), Some(last('B', Some(3))));
        check(None, None, None);
    }
}
