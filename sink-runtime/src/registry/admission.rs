//! IO: store, by the port. Claims the entries of a topic, and keeps the names of headers beside them.
//!
//! Everything here may be repeated: members that do it twice, or one after another, write the same.

use super::decision::{Claim, Decision, decide};
use super::port::{Registry, RegistryError};
use super::topic_record::{LifeNumber, Owner, TopicRecord};
use crate::map::HeaderNames;
use crate::record::{Entry, TimestampUs, TopicId};

/// Whether a partition may be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may, in this life of its topic.
    Admitted {
        /// The life.
        life: LifeNumber,
        /// The topic's id, as far as anybody ever knew it.
        topic_id: Option<TopicId>,
    },
    /// The owner of the topic's partition 0 has not claimed the topic yet, or the brokers do not agree on its id: ask
    /// both again.
    Waiting,
    /// The entries are somebody else's.
    Refused {
        /// Whose.
        owner: Box<Owner>,
    },
}

/// Finds out whether a partition of a topic may be written; the keeper, who owns partition 0, claims the topic.
///
/// Asked before the first write of each assignment, and by the keeper now and then, because the store can lose what it
/// has shown before: the claim then names the life that was admitted as its last one.
///
/// # Errors
/// The store does not answer, or the attachment is not what was written.
pub async fn admit(
    registry: &impl Registry,
    home: &Entry,
    claim: &Claim,
    is_keeper: bool,
    now: TimestampUs,
) -> Result<Admission, RegistryError> {
    let known = registry.topic(home).await?;
    let topic_id = claim.topic_id.or(known.as_ref().and_then(|known| known.topic_id));
    let life = match decide(known.as_ref(), claim) {
        Decision::Foreign { owner } => return Ok(Admission::Refused { owner }),
        Decision::Ours { life, is_current } if is_current || !is_keeper => {
            return Ok(Admission::Admitted { life, topic_id });
        }
        Decision::Stale => return Ok(Admission::Waiting),
        Decision::New { .. } | Decision::NewLife { .. } if !is_keeper => return Ok(Admission::Waiting),
        Decision::New { life } | Decision::NewLife { life } | Decision::Ours { life, .. } => life,
    };
    keep(registry, home, &claim.record(life, known.as_ref()), now).await?;
    Ok(Admission::Admitted { life, topic_id })
}

/// Adds to the names that are kept for a partition; its owner does that.
///
/// # Errors
/// The store does not answer, or the attachment is not what was written.
pub async fn publish_header_names(
    registry: &impl Registry,
    home: &Entry,
    learnt: &HeaderNames,
    now: TimestampUs,
) -> Result<(), RegistryError> {
    let mut names = registry.header_names(home).await?;
    if !names.merge(learnt) {
        return Ok(());
    }
    registry.keep_header_names(home, &names, now).await?;
    let kept = registry.header_names(home).await?;
    if kept == names { Ok(()) } else { Err(RegistryError::NotKept { home: home.clone() }) }
}

/// Adds the names of all `partitions` (their homes) to those of the topic; the keeper does that. Without a claimed topic
/// there is nothing to add to.
///
/// # Errors
/// The store does not answer, or the attachment is not what was written.
pub async fn gather_header_names(
    registry: &impl Registry,
    home: &Entry,
    partitions: &[Entry],
    now: TimestampUs,
) -> Result<(), RegistryError> {
    let mut all = HeaderNames::default();
    for partition in partitions {
        all.merge(&registry.header_names(partition).await?);
    }
    let Some(mut record) = registry.topic(home).await? else {
        return Ok(());
    };
    if record.header_names.merge(&all) { keep(registry, home, &record, now).await } else { Ok(()) }
}

async fn keep(
    registry: &impl Registry,
    home: &Entry,
    record: &TopicRecord,
    now: TimestampUs,
) -> Result<(), RegistryError> {
    registry.keep_topic(home, record, now).await?;
    let kept = registry.topic(home).await?;
    if kept.as_ref() == Some(record) { Ok(()) } else { Err(RegistryError::NotKept { home: home.clone() }) }
}

#[cfg(test)]
mod tests;
