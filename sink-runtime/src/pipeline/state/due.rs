//! Pure. When a partition has something to do next, where nothing else would wake it.

use std::time::Instant;

use super::PartitionState;

impl PartitionState {
    /// Returns when the next tick is due, where nothing else would wake the partition.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        let is_delivering = !self.is_stopping() && self.going_back.is_none() && self.may_deliver();
        let outbox = if is_delivering { self.outbox.due() } else { None };
        let standing = if self.is_stopping() { None } else { self.standing.due() };
        let patience = self.stopping.patience().filter(|_| self.is_breakable);
        [self.request_due(), outbox, standing, self.fenced_until, patience].into_iter().flatten().min()
    }

    /// Returns when the next request is due; none while one is under way or nothing is to be asked.
    pub(super) fn request_due(&self) -> Option<Instant> {
        let must_wait = self.is_requesting || (self.is_stopping() && self.outbox.is_travelling());
        if must_wait || self.going_back.is_some() || !self.standing.is_open() {
            return None;
        }
        let earliest = self.resume_at.max(self.fenced_until);
        let errand = if self.is_stopping() { None } else { self.upkeep.due() };
        if !self.upkeep.is_admitted() {
            return if self.is_stopping() { None } else { errand.max(earliest) };
        }
        let (proof, write) = if self.is_stopping() {
            (self.proving.last_due(), None)
        } else {
            (self.proving.due(), self.write_due(earliest))
        };
        let proof = proof.map(|due| self.standing.provable_at().map_or(due, |at| due.max(at)));
        [proof, write, errand].into_iter().flatten().min().map(|due| earliest.map_or(due, |at| due.max(at)))
    }

    fn write_due(&self, earliest: Option<Instant>) -> Option<Instant> {
        if self.is_beyond_reach() {
            return None;
        }
        let has_work = self.work.as_ref().is_some_and(|work| !work.is_empty());
        let is_ready = has_work || self.gathering.is_closed(self.settings.limits);
        if is_ready { earliest } else { self.gathering.due(self.settings.limits) }
    }
}
