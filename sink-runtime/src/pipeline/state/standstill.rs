//! Pure. Whether a partition stands still although there is work, and why it may.

use super::PartitionState;
use crate::pipeline::stall::KnownReason;
use crate::pipeline::work::Work;

impl PartitionState {
    /// Tells whether the partition stands still until a person acts.
    #[must_use]
    pub fn is_held(&self) -> bool {
        !self.held.is_empty()
            || self.outbox.is_blocked()
            || self.standing.is_refused()
            || self.upkeep.is_held()
            || self.work.as_ref().is_some_and(Work::is_stuck)
    }

    /// Tells whether there are messages here that have not ended: not stored, or not shown by the store.
    #[must_use]
    pub fn has_backlog(&self) -> bool {
        self.gathering.backlog() > 0 || self.ledger.span() > 0
    }

    /// Returns how many records the store has shown so far.
    #[must_use]
    pub fn shown(&self) -> u64 {
        self.shown
    }

    /// Returns why the partition may stand still, where that is known.
    #[must_use]
    pub fn known_reason(&self) -> Option<KnownReason> {
        if self.is_stopping() {
            return Some(KnownReason::Draining);
        }
        if self.is_held() {
            return Some(KnownReason::Hold);
        }
        if self.standing.is_draining() {
            return Some(KnownReason::MappingDrain);
        }
        if !self.standing.is_open() {
            return Some(KnownReason::StoreAway);
        }
        if self.fenced_until.is_some() {
            return Some(KnownReason::FencingWait);
        }
        if self.resume_at.is_some() {
            return Some(self.paused_for);
        }
        if !self.upkeep.is_admitted() {
            return Some(KnownReason::LeaveWait);
        }
        if self.is_beyond_reach() || !self.may_deliver() {
            return Some(KnownReason::CommitWait);
        }
        if self.outbox.is_failing() {
            return Some(KnownReason::BackOff);
        }
        let is_replaying = self.going_back.is_some() || self.history.was_proven(self.ledger.answered_to());
        is_replaying.then_some(KnownReason::Replay)
    }
}
