//! Pure. `TopicRecord`: what the attachment `kafkasink` says, as JSON that readers may rely on.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::map::HeaderNames;
use crate::record::TopicId;

/// Counts the lives of a topic name: 1, and one more for each time it was deleted and created again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LifeNumber(pub u32);

/// The life that a commit of the consumer group names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LastLife {
    /// Its number; absent where it was committed before that was known.
    pub life: Option<LifeNumber>,
    /// The topic's id then.
    pub topic_id: TopicId,
}

/// Whose entries these are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// Namespace of the `KafkaSink`.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid; any text where there is no Kubernetes.
    pub uid: String,
    /// Its consumer group.
    pub group_id: String,
    /// Id of the Kafka cluster; empty where the brokers do not tell.
    pub cluster_id: String,
    /// Name of the topic.
    pub topic: String,
}

/// What the attachment says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicRecord {
    /// Version of this shape; fields that are not known are ignored.
    pub v: u32,
    /// Whose entries these are.
    #[serde(flatten)]
    pub owner: Owner,
    /// Id of the topic; absent where the brokers do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_id: Option<TopicId>,
    /// Ids of its earlier lives, the latest last. A broker that lags behind the others may still tell one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier_topic_ids: Vec<TopicId>,
    /// Which life of the topic that is.
    pub life: LifeNumber,
    /// The template of the entries' names.
    pub entry: String,
    /// The original names behind labels, of all partitions.
    #[serde(flatten)]
    pub header_names: HeaderNames,
}

/// The version that this program writes.
pub(super) const VERSION: u32 = 1;

/// Most earlier ids that are kept: no broker lags behind by more lives than that.
const EARLIER_MAX: usize = 16;

impl LifeNumber {
    /// A topic that was never deleted.
    pub const FIRST: Self = Self(1);

    /// Returns the life after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Returns the mark that records of this life carry; none for the first, nor where the topic's id is not known.
    #[must_use]
    pub fn mark(self, id: Option<TopicId>) -> Option<u32> {
        id.filter(|_| self > Self::FIRST).map(TopicId::life_mark)
    }
}

impl LastLife {
    /// Returns the number of the life that a topic of this id is in, as far as this one tells: the same, or the next.
    #[must_use]
    pub fn number_of(self, id: Option<TopicId>) -> Option<LifeNumber> {
        let is_same = id.is_none_or(|id| id == self.topic_id);
        if is_same { self.life } else { Some(self.life.unwrap_or(LifeNumber::FIRST).next()) }
    }
}

impl Owner {
    /// Tells whether what this owner has kept belongs to `now`, which may have been created again since.
    #[must_use]
    pub fn is_same(&self, now: &Self) -> bool {
        let is_namesake = (&self.namespace, &self.name) == (&now.namespace, &now.name);
        let shares_group = self.group_id == now.group_id && self.may_be_of_same_cluster(now);
        let is_same_resource = self.uid == now.uid && is_unique(&now.uid);
        // Another topic in the same entries: their messages could not be told apart.
        self.topic == now.topic && (is_same_resource || (is_namesake && shares_group))
    }

    /// Returns this owner, with the id of the cluster that was known before where its brokers do not tell it now.
    pub(super) fn completed(&self, known: Option<&Self>) -> Self {
        let before = known.filter(|_| self.cluster_id.is_empty());
        let cluster_id = before.map_or(&self.cluster_id, |before| &before.cluster_id).clone();
        Self { cluster_id, ..self.clone() }
    }

    /// A cluster that does not tell its id is no evidence against it.
    pub(super) fn may_be_of_same_cluster(&self, now: &Self) -> bool {
        self.cluster_id == now.cluster_id || self.cluster_id.is_empty() || now.cluster_id.is_empty()
    }
}

/// Only Kubernetes gives uids that nobody else has.
fn is_unique(uid: &str) -> bool {
    Uuid::parse_str(uid).is_ok_and(|uid| !uid.is_nil())
}

impl TopicRecord {
    /// Returns the life that it tells; none without an id.
    #[must_use]
    pub fn last_life(&self) -> Option<LastLife> {
        self.topic_id.map(|topic_id| LastLife { life: Some(self.life), topic_id })
    }

    /// Returns the ids of all lives but the one of `id`.
    pub(super) fn ids_before(&self, id: Option<TopicId>) -> Vec<TopicId> {
        let replaced = self.topic_id.filter(|known| id.is_some_and(|id| id != *known));
        let ids: Vec<TopicId> = self.earlier_topic_ids.iter().copied().chain(replaced).collect();
        ids.get(ids.len().saturating_sub(EARLIER_MAX)..).unwrap_or_default().to_vec()
    }
}

impl fmt::Display for LifeNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespace, name, uid, group_id, cluster_id, topic } = self;
        write!(
            formatter,
            "{namespace}/{name} (uid {uid}) for topic {topic} of Kafka cluster {cluster_id} in group {group_id}"
        )
    }
}
