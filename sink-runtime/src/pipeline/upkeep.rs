//! Pure. `Upkeep`: what a partition asks of the registry, and when: leave to write at all, and later that readers find there
//! what they need.

use std::time::{Duration, Instant};

use crate::map::HeaderNames;
use crate::record::{Life, TopicId};
use crate::registry::{Admission, LastLife, LifeNumber, Owner, RegistryError};

/// Time to the second question whether the keeper has claimed the topic: mostly it is about to. It doubles from there.
const ASK_SOON: Duration = Duration::from_millis(20);

/// Longest time between these questions.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Time between questions whether the foreign owner has gone.
const ASK_FOREIGN: Duration = Duration::from_mins(1);

/// Time between the keeper's looks whether the store still has what it took: it can lose what it has shown.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// Least time between lists of header names, which are written only where there is a new one.
const PUBLISH_EVERY: Duration = Duration::from_mins(1);

/// Time from the leave to write to the first list: by then most names have occurred.
const PUBLISH_FIRST: Duration = Duration::from_secs(10);

/// Time from the keeper's leave to write to its first round, when the others have published.
const GATHER_FIRST: Duration = Duration::from_secs(30);

/// Time between the keeper's rounds through the lists of all partitions.
const GATHER_EVERY: Duration = Duration::from_mins(10);

/// What is asked of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// May this partition be written, and in which life of its topic? The life that commits name goes with it.
    Admit(Option<LastLife>),
    /// Keep the header names of this partition.
    Publish(HeaderNames),
    /// Join the header names of all partitions.
    Gather,
}

/// What came of it, where the registry has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// Whether the partition may be written.
    Admission(Admission),
    /// These names are kept.
    Published(HeaderNames),
    /// All names are joined.
    Gathered,
}

/// What an answer changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    None,
    /// The partition may be written, in this life.
    Admitted {
        number: LifeNumber,
        life: Life,
    },
    /// The entries are somebody else's.
    Foreign(Box<Owner>),
}

/// What only a person can remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    /// The entries are somebody else's.
    Foreign,
    /// What stands where the registry should is none of a sink.
    Unreadable,
}

/// When the registry is asked for what.
#[derive(Debug)]
pub(super) struct Upkeep {
    is_admitted: bool,
    is_keeper: bool,
    obstacle: Option<Obstacle>,
    life: Option<LastLife>,
    published: HeaderNames,
    /// Absent: at once, or never where the registry is not asked.
    admit_at: Option<Instant>,
    /// How long the next wait for the keeper is.
    keeper_pause: Duration,
    publish_at: Option<Instant>,
    gather_at: Option<Instant>,
}

impl Upkeep {
    /// Returns the upkeep of a partition whose commits name `life`; one that `is_admitted` never asks the registry.
    pub(super) fn new(life: Option<LastLife>, is_keeper: bool, is_admitted: bool) -> Self {
        Self {
            is_admitted,
            is_keeper,
            obstacle: None,
            life,
            published: HeaderNames::default(),
            admit_at: None,
            keeper_pause: ASK_SOON,
            publish_at: None,
            gather_at: None,
        }
    }

    /// Tells whether the partition may be written.
    pub(super) fn is_admitted(&self) -> bool {
        self.is_admitted
    }

    /// Tells whether the entries are somebody else's.
    pub(super) fn is_foreign(&self) -> bool {
        self.obstacle == Some(Obstacle::Foreign)
    }

    /// Tells whether the partition may not be written before a person acts.
    pub(super) fn is_held(&self) -> bool {
        self.obstacle.is_some() && !self.is_admitted
    }

    /// Returns the life that commits name.
    pub(super) fn life(&self) -> Option<LastLife> {
        self.life
    }

    /// Returns when something is due; none where that is at once, or never.
    pub(super) fn due(&self) -> Option<Instant> {
        [self.admit_at, self.publish_at, self.gather_at].into_iter().flatten().min()
    }

    /// Returns what to ask now; `names` are those that the partition has learnt.
    pub(super) fn next(&mut self, now: Instant, names: &HeaderNames) -> Option<Errand> {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| now >= at);
        if is_due(self.admit_at) || (!self.is_admitted && self.admit_at.is_none()) {
            return Some(Errand::Admit(self.life));
        }
        if is_due(self.publish_at) {
            self.publish_at = Some(now + PUBLISH_EVERY);
            if self.published != *names {
                return Some(Errand::Publish(names.clone()));
            }
        }
        if is_due(self.gather_at) {
            self.gather_at = Some(now + GATHER_EVERY);
            return Some(Errand::Gather);
        }
        None
    }

    /// Takes an answer.
    pub(super) fn done(&mut self, now: Instant, done: Done) -> News {
        self.obstacle = self.obstacle.filter(|obstacle| *obstacle == Obstacle::Foreign);
        match done {
            Done::Admission(Admission::Admitted { life, topic_id }) => self.admitted(now, life, topic_id),
            Done::Admission(Admission::Waiting) => {
                self.is_admitted = false;
                self.admit_at = Some(now + self.keeper_pause);
                self.keeper_pause = (self.keeper_pause * 2).min(ASK_AGAIN);
                News::None
            }
            Done::Admission(Admission::Refused { owner }) => {
                self.is_admitted = false;
                self.admit_at = Some(now + ASK_FOREIGN);
                let before = self.obstacle.replace(Obstacle::Foreign);
                if before == Some(Obstacle::Foreign) { News::None } else { News::Foreign(owner) }
            }
            Done::Published(names) => {
                self.published = names;
                News::None
            }
            Done::Gathered => News::None,
        }
    }

    /// Takes note that the registry did not answer: what was asked is asked again by its own time. Leave that was given holds.
    pub(super) fn failed(&mut self, now: Instant, error: &RegistryError) {
        if self.obstacle != Some(Obstacle::Foreign) {
            let is_unreadable = matches!(error, RegistryError::Unreadable { .. });
            self.obstacle = is_unreadable.then_some(Obstacle::Unreadable);
        }
        if self.is_admitted && self.is_keeper {
            self.admit_at = Some(now + LOOK_AGAIN);
        }
    }

    fn admitted(&mut self, now: Instant, number: LifeNumber, topic_id: Option<TopicId>) -> News {
        let was_admitted = std::mem::replace(&mut self.is_admitted, true);
        self.obstacle = None;
        self.keeper_pause = ASK_SOON;
        self.admit_at = self.is_keeper.then(|| now + LOOK_AGAIN);
        self.life = topic_id.map(|topic_id| LastLife { life: Some(number), topic_id });
        if was_admitted {
            return News::None;
        }
        self.publish_at = Some(now + PUBLISH_FIRST);
        self.gather_at = self.is_keeper.then(|| now + GATHER_FIRST);
        News::Admitted { number, life: Life(number.mark(topic_id)) }
    }
}

#[cfg(test)]
mod tests;
