//! Pure. `LaneStatus`: what a partition tells its driver; `Health`: what the member tells the outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::stall::KnownReason;
use crate::progress::Progress;
use crate::pulse::Pulse;
use crate::record::Offset;
use crate::registry::LastLife;
use crate::source::{Commit, Promise};

/// What a partition tells its driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LaneStatus {
    /// What a commit says.
    pub(super) progress: Progress,
    /// The life of the topic that a commit names.
    pub(super) life: Option<LastLife>,
    /// Commits may bear this member's name.
    pub(super) is_owner: bool,
    /// The mapping that made the records above the safe point, where it is another one than this member's.
    pub(super) other_mapping: Option<Arc<str>>,
    /// How far members of that mapping may have gone.
    pub(super) promise: Promise,
    /// The offset below which the store has answered for every message.
    pub(super) answered_to: Offset,
    /// The time of the oldest message here that is not stored.
    pub(super) oldest_timestamp_ms: Option<i64>,
    /// The time of the message that was stored last.
    pub(super) stored_timestamp_ms: Option<i64>,
    /// The partition stands still until a person acts.
    pub(super) is_held: bool,
    /// How many records the store has shown so far.
    pub(super) shown: u64,
    /// There are messages here that have not ended.
    pub(super) has_backlog: bool,
    /// Why it may stand still.
    pub(super) known_reason: Option<KnownReason>,
}

impl LaneStatus {
    /// Returns the status of a lane that begins where something was committed.
    pub(super) fn new(committed: &Commit) -> Self {
        Self {
            progress: committed.progress,
            life: committed.life,
            is_owner: committed.is_owner,
            other_mapping: committed.other_mapping.clone(),
            promise: committed.promise,
            answered_to: committed.progress.point.offset,
            oldest_timestamp_ms: None,
            stored_timestamp_ms: None,
            is_held: false,
            shown: 0,
            has_backlog: false,
            known_reason: None,
        }
    }
}

/// What the member tells the outside about itself.
#[derive(Debug, Default)]
pub struct Health {
    has_joined: AtomicBool,
    is_store_reachable: AtomicBool,
    driver: Pulse,
    standstill_ms: AtomicU64,
}

impl Health {
    /// Notes that the member takes part in its group.
    pub fn set_joined(&self) {
        self.has_joined.store(true, Ordering::Relaxed);
    }

    /// Notes that the group does not count the member in any more, until it joins anew.
    pub fn set_session_over(&self) {
        self.has_joined.store(false, Ordering::Relaxed);
    }

    /// Notes that the member has closed its consumer and takes no part in its group until the next one joins.
    pub fn set_left(&self) {
        self.set_session_over();
        // Until the next driver begins nothing goes round, and nothing stands still.
        self.driver.rest();
        self.note_standstill(Duration::ZERO);
    }

    /// Notes whether the store answers.
    pub fn set_store_reachable(&self, is_reachable: bool) {
        self.is_store_reachable.store(is_reachable, Ordering::Relaxed);
    }

    /// Tells whether the store answered when it was looked at last.
    #[must_use]
    pub fn is_store_reachable(&self) -> bool {
        self.is_store_reachable.load(Ordering::Relaxed)
    }

    /// Notes that the driver went round, and how long the partition that stands still longest has done so.
    pub(super) fn note_round(&self, now: Instant, standstill: Duration) {
        self.driver.beat(now);
        self.note_standstill(standstill);
    }

    fn note_standstill(&self, standstill: Duration) {
        let milliseconds = u64::try_from(standstill.as_millis()).unwrap_or(u64::MAX);
        self.standstill_ms.store(milliseconds, Ordering::Relaxed);
    }

    /// Returns how long ago the driver last went round.
    #[must_use]
    pub fn driver_age(&self, now: Instant) -> Duration {
        self.driver.age(now)
    }

    /// Returns how long a partition with a backlog has stood still without a known reason.
    #[must_use]
    pub fn standstill(&self) -> Duration {
        Duration::from_millis(self.standstill_ms.load(Ordering::Relaxed))
    }

    /// Returns what keeps the member from being ready; none where it is.
    #[must_use]
    pub fn obstacle(&self) -> Option<&'static str> {
        if !self.has_joined.load(Ordering::Relaxed) {
            return Some("the consumer has not joined its group");
        }
        (!self.is_store_reachable()).then_some("the store is not reachable")
    }
}

#[cfg(test)]
mod tests {
    use super::Health;

    #[test]
    fn ready_again_only_when_a_group_that_forgot_the_member_has_taken_it_in_anew() {
        let health = Health::default();
        health.set_store_reachable(true);
        health.set_joined();
        assert_eq!(health.obstacle(), None);
        health.set_session_over();
        assert_eq!(health.obstacle(), Some("the consumer has not joined its group"));
        health.set_joined();
        assert_eq!(health.obstacle(), None);
    }
}
