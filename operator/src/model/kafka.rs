//! Pure. What the operator knows of a Kafka cluster.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kafkasink_crds::runtime_config::StartFrom;
use kafkasink_crds::topic_name::TopicName;

use super::{KafkaCredentials, Rights};

/// How a cluster is reached; sinks with the same connection share one client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KafkaConnection {
    /// `host:port` of one or more brokers.
    pub(crate) bootstrap_servers: Vec<String>,
    /// Further librdkafka settings.
    pub(crate) properties: BTreeMap<String, String>,
    /// By what the brokers and the sink know each other: changed ones make another connection.
    pub(crate) credentials: KafkaCredentials,
}

/// A cluster as it was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KafkaView {
    /// The cluster's id.
    pub(crate) cluster_id: String,
    /// Number of brokers that are up.
    pub(crate) brokers: usize,
    /// Whether brokers create whatever topic they are asked for; `None` where they do not tell.
    pub(crate) auto_creates_topics: Option<bool>,
    /// Those of the sink's topics that exist.
    pub(crate) topics: BTreeMap<TopicName, TopicView>,
    /// How far the sink has come; `None` where the group's coordinator is not up yet.
    pub(crate) group: Option<GroupView>,
    /// What the brokers let the sink do.
    pub(crate) rights: Rights,
    /// Until when the brokers' certificates are valid, where they show any.
    pub(crate) certificate_end: Option<Timestamp>,
}

/// A topic as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopicView {
    /// Its id, base64.
    pub(crate) id: String,
    /// Number of partitions.
    pub(crate) partitions: u32,
    /// Number of replicas.
    pub(crate) replication_factor: u16,
    /// Every configuration value in force, broker defaults included; `None` where the brokers do not tell us.
    pub(crate) config: Option<BTreeMap<String, String>>,
}

/// A consumer group as it was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct GroupView {
    /// Number of members; `None` where the brokers did not tell.
    pub(crate) members: Option<u32>,
    /// Every partition of the consumed topics.
    pub(crate) partitions: Vec<PartitionView>,
}

/// A partition and how far the group has come in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartitionView {
    /// The topic.
    pub(crate) topic: TopicName,
    /// The partition.
    pub(crate) partition: i32,
    /// The oldest offset that the partition still holds.
    pub(crate) first: i64,
    /// The offset after the newest message.
    pub(crate) end: i64,
    /// The next offset the group would read; `None` where it never committed.
    pub(crate) committed: Option<i64>,
}

/// A place in a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    /// The topic.
    pub(crate) topic: TopicName,
    /// The partition.
    pub(crate) partition: i32,
    /// The offset.
    pub(crate) offset: i64,
}

impl GroupView {
    /// Returns the number of messages not yet stored; `None` where that cannot be told: nothing was ever committed
    /// for a partition, and the group does not begin at its oldest message.
    pub(crate) fn lag(&self, start_from: StartFrom) -> Option<u64> {
        self.partitions.iter().map(|partition| partition.lag(start_from)).sum()
    }
}

impl PartitionView {
    fn lag(&self, start_from: StartFrom) -> Option<u64> {
        u64::try_from(self.end - self.next(start_from)?).ok().or(Some(0))
    }

    /// Returns the offset of the next message that there is to store; `None` where it is not known where the group begins.
    pub(crate) fn next(&self, start_from: StartFrom) -> Option<i64> {
        // What retention has taken is lost, not waiting.
        match (self.committed, start_from) {
            (Some(committed), StartFrom::Earliest | StartFrom::Latest) => Some(committed.max(self.first)),
            (None, StartFrom::Earliest) => Some(self.first),
            (None, StartFrom::Latest) => (self.first == self.end).then_some(self.end),
        }
    }

    /// Returns the number of messages that retention took before they were committed.
    pub(crate) fn lost(&self) -> u64 {
        self.committed.and_then(|committed| u64::try_from(self.first - committed).ok()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::{GroupView, PartitionView, StartFrom, TopicName};

    fn check(committed: Option<i64>, start_from: StartFrom, expected: Option<u64>) {
        let topic = TopicName::parse("t").unwrap();
        let partition = PartitionView { topic, partition: 0, first: 10, end: 30, committed };
        let group = GroupView { members: None, partitions: vec![partition] };
        assert_eq!(group.lag(start_from), expected, "{committed:?} {start_from:?}");
    }

    #[test]
    fn counts_only_messages_that_the_topic_still_holds() {
        check(Some(30), StartFrom::Earliest, Some(0));
        check(Some(25), StartFrom::Latest, Some(5));
        check(Some(3), StartFrom::Earliest, Some(20));
        check(Some(31), StartFrom::Earliest, Some(0));
    }

    #[test]
    fn tells_nothing_where_nothing_was_committed_and_the_start_is_unknown() {
        check(None, StartFrom::Earliest, Some(20));
        check(None, StartFrom::Latest, None);
    }
}
