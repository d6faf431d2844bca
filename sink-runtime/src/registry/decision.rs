//! Pure. Whether the entries of a topic are ours, and in which life the topic is.
//!
//! Ours are those of the same `KafkaSink` by its uid, and those of its namesake in the same consumer group of the same
//! Kafka cluster: a resource that was deleted and created again, or a program without Kubernetes. That is safe because
//! the group lets only one of the two read a partition at a time. Everybody else is a foreign owner.

use uuid::Uuid;

use super::topic_record::{LastLife, LifeNumber, Owner, TopicRecord, VERSION};
use crate::record::TopicId;

/// What a member knows of itself and of a topic now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who the member works for.
    pub owner: Owner,
    /// Id of the topic; none where the brokers do not tell.
    pub topic_id: Option<TopicId>,
    /// The template of the entries' names.
    pub entry: String,
    /// The life that the group's commits name, the latest of them.
    pub last_life: Option<LastLife>,
}

/// Whose a topic's entries are, and in which life the topic is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nobody claimed them yet.
    New {
        /// The first, unless the group remembers another.
        life: LifeNumber,
    },
    /// They are ours and the topic is the one that they came from.
    Ours {
        /// The life, unchanged.
        life: LifeNumber,
        /// The attachment says exactly what it would say now.
        is_current: bool,
    },
    /// They are ours and the topic was deleted and created again since.
    NewLife {
        /// The next one.
        life: LifeNumber,
    },
    /// They are ours, and the id that a broker told is that of an earlier life: it lags behind, ask again.
    Stale,
    /// They are somebody else's.
    Foreign {
        /// Whose.
        owner: Box<Owner>,
    },
}

/// Decides by what the attachment says.
#[must_use]
pub fn decide(known: Option<&TopicRecord>, now: &Claim) -> Decision {
    let Some(known) = known else {
        return Decision::New { life: now.remembered().unwrap_or(LifeNumber::FIRST) };
    };
    let foreign = || Decision::Foreign { owner: Box::new(known.owner.clone()) };
    if !is_same_owner(&known.owner, &now.owner) {
        return foreign();
    }
    match (known.topic_id, now.topic_id) {
        (_, Some(id)) if known.earlier_topic_ids.contains(&id) => Decision::Stale,
        (Some(then), Some(id)) if then != id => {
            Decision::NewLife { life: now.remembered().unwrap_or(known.life.next()) }
        }
        // Offsets of another cluster mean other messages, and without ids nothing could tell them apart.
        (None, _) | (_, None) if !may_be_same_cluster(&known.owner, &now.owner) => foreign(),
        (Some(_) | None, Some(_) | None) => {
            let life = now.remembered().map_or(known.life, |life| life.max(known.life));
            Decision::Ours { life, is_current: now.record(life, Some(known)) == *known }
        }
    }
}

impl Claim {
    /// Returns what the attachment should say. What it says already and is not known now stays.
    #[must_use]
    pub fn record(&self, life: LifeNumber, known: Option<&TopicRecord>) -> TopicRecord {
        TopicRecord {
            v: VERSION,
            owner: self.owner.clone(),
            topic_id: self.topic_id.or(known.and_then(|known| known.topic_id)),
            earlier_topic_ids: known.map(|known| known.ids_before(self.topic_id)).unwrap_or_default(),
            life,
            entry: self.entry.clone(),
            header_names: known.map(|known| known.header_names.clone()).unwrap_or_default(),
        }
    }

    /// Returns the life by what the group's commits name: the attachment may have been lost with the store's disk.
    fn remembered(&self) -> Option<LifeNumber> {
        let last = self.last_life?;
        let is_same = self.topic_id.is_none_or(|id| id == last.topic_id);
        if is_same { last.life } else { Some(last.life.unwrap_or(LifeNumber::FIRST).next()) }
    }
}

fn is_same_owner(known: &Owner, now: &Owner) -> bool {
    let is_namesake = (&known.namespace, &known.name) == (&now.namespace, &now.name);
    let shares_group = known.group_id == now.group_id && may_be_same_cluster(known, now);
    let is_same_resource = known.uid == now.uid && is_unique(&now.uid);
    // Another topic in the same entries: their messages could not be told apart.
    known.topic == now.topic && (is_same_resource || (is_namesake && shares_group))
}

/// A cluster that does not tell its id is no evidence against it.
fn may_be_same_cluster(known: &Owner, now: &Owner) -> bool {
    known.cluster_id == now.cluster_id || known.cluster_id.is_empty() || now.cluster_id.is_empty()
}

/// Only Kubernetes gives uids that nobody else has.
fn is_unique(uid: &str) -> bool {
    Uuid::parse_str(uid).is_ok_and(|uid| !uid.is_nil())
}

#[cfg(test)]
mod tests;
