//! Pure. What the life of a topic means for its partitions: where they begin, and when they must stop.
//!
//! Kafka forgets a group's offsets of a topic that is deleted, at once or a little later. So a partition whose commit
//! names another id than the topic has now, and one without a commit whose topic was known under another id, both begin
//! at the start of the log. One that should have a commit and has none was idle for longer than the brokers keep offsets:
//! where it stood is not known any more, and a person must say.

use crate::record::TopicId;
use crate::registry::{LastLife, LifeNumber, TopicRecord};

/// What the brokers say of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// It exists under this id.
    Known(TopicId),
    /// It does not exist now.
    Absent,
    /// They do not tell: too old, not allowed, or no answer in time.
    Untold {
        /// What they said instead.
        reason: String,
    },
}

/// What is known of a partition and its topic when the partition is assigned.
#[derive(Clone, Copy, Debug)]
pub struct LifeFacts<'a> {
    /// What the brokers say of the topic now.
    pub now: &'a Sighting,
    /// Tells whether the group has committed this partition.
    pub is_committed: bool,
    /// The life that this partition's commit names.
    pub own: Option<LastLife>,
    /// Tells whether the group has committed any partition of the topic.
    pub is_topic_committed: bool,
    /// The latest life that the commits of all the topic's partitions name, see [`latest_life`]. For a partition that is
    /// committed its own will do.
    pub latest: Option<LastLife>,
    /// What the registry holds; see [`needs_registry`].
    pub registered: Option<&'a TopicRecord>,
}

/// Where a partition begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// At its commit, with the state that travels there.
    Commit,
    /// At the start of its log, without a state: the topic is another one.
    NewLife,
    /// Where the sink says for partitions that it never read.
    Unread,
    /// It was read and its offset is gone: nowhere, until a person has set an offset.
    Expired {
        /// The group that read it.
        group_id: String,
    },
    /// Not yet: there is no such topic now, or the brokers do not agree.
    Later,
}

/// What has become of a topic that is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing that is known.
    None,
    /// It was deleted: write and commit nothing until it is known what comes.
    Gone,
    /// It was deleted and created again: write and commit nothing, give its partitions up and take them anew.
    Replaced(TopicId),
}

/// Tells whether the registry must be asked before a partition can begin: where there is no commit to go by, and where
/// a commit names another life than a broker, which may lag behind.
#[must_use]
pub fn needs_registry(facts: &LifeFacts<'_>) -> bool {
    let is_other = |last: LastLife| matches!(facts.now, Sighting::Known(id) if *id != last.topic_id);
    !facts.is_topic_committed || [facts.own, facts.latest].into_iter().flatten().any(is_other)
}

/// Returns where a partition begins.
#[must_use]
pub fn beginning(facts: &LifeFacts<'_>) -> Beginning {
    let id = match facts.now {
        Sighting::Absent => return Beginning::Later,
        Sighting::Untold { .. } => None,
        Sighting::Known(id) => Some(*id),
    };
    let is_other = |then: TopicId| id.is_some_and(|id| id != then);
    if let (Some(id), Some(registered)) = (id, facts.registered)
        && registered.earlier_topic_ids.contains(&id)
    {
        return Beginning::Later;
    }
    if facts.is_committed {
        let is_over = facts.own.is_some_and(|last| is_other(last.topic_id));
        return if is_over { Beginning::NewLife } else { Beginning::Commit };
    }
    if facts.is_topic_committed {
        // Also where another member began this later life: the group read the topic before, so nothing is skipped.
        let is_later = |last: LastLife| is_other(last.topic_id) || last.life > Some(LifeNumber::FIRST);
        return if facts.latest.is_some_and(is_later) { Beginning::NewLife } else { Beginning::Unread };
    }
    match facts.registered {
        None => Beginning::Unread,
        Some(registered) if registered.topic_id.is_some_and(is_other) => Beginning::NewLife,
        Some(registered) => Beginning::Expired { group_id: registered.owner.group_id.clone() },
    }
}

/// Returns the latest life that commits name, of the topic as it is now if any of them does.
#[must_use]
pub fn latest_life(commits: &[LastLife], now: &Sighting) -> Option<LastLife> {
    let is_now = |last: &&LastLife| matches!(now, Sighting::Known(id) if *id == last.topic_id);
    commits.iter().filter(is_now).max().or_else(|| commits.iter().max()).copied()
}

/// Returns what has become of a topic that is read under `id`; what the brokers do not tell has not changed.
#[must_use]
pub fn change(id: Option<TopicId>, now: &Sighting) -> Change {
    match (id, now) {
        (_, Sighting::Absent) => Change::Gone,
        (Some(id), Sighting::Known(now)) if id != *now => Change::Replaced(*now),
        (Some(_) | None, Sighting::Known(_) | Sighting::Untold { .. }) => Change::None,
    }
}

#[cfg(test)]
mod tests;
