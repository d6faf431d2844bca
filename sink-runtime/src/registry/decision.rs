//! Pure. Whether the entries of a topic are ours, and in which life the topic is.
//!
//! Ours are those of the same `KafkaSink` by its uid, and those of its namesake in the same consumer group of the same
//! Kafka cluster: a resource that was deleted and created again, or a program without Kubernetes. That is safe because
//! the group lets only one of the two read a partition at a time. Everybody else is a foreign owner.

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
    if !known.owner.is_same(&now.owner) {
        return foreign();
    }
    match (known.topic_id, now.topic_id) {
        (_, Some(id)) if known.earlier_topic_ids.contains(&id) => Decision::Stale,
        (Some(then), Some(id)) if then != id => {
            let next = known.life.next();
            Decision::NewLife { life: now.remembered().map_or(next, |life| life.max(next)) }
        }
        // Offsets of another cluster mean other messages, and without ids nothing could tell them apart.
        (None, _) | (_, None) if !known.owner.may_be_of_same_cluster(&now.owner) => foreign(),
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
            owner: self.owner.completed(known.map(|known| &known.owner)),
            topic_id: self.topic_id.or(known.and_then(|known| known.topic_id)),
            earlier_topic_ids: known.map(|known| known.ids_before(self.topic_id)).unwrap_or_default(),
            life,
            entry: self.entry.clone(),
            header_names: known.map(|known| known.header_names.clone()).unwrap_or_default(),
        }
    }

    /// Returns the life by what the group's commits name: the attachment may have been lost with the store's disk.
    fn remembered(&self) -> Option<LifeNumber> {
        self.last_life.and_then(|last| last.number_of(self.topic_id))
    }
}

#[cfg(test)]
mod tests;
