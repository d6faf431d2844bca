//! Pure. How a partition comes to its end: the one request is finished, and what was written is shown, if that takes no
//! longer than it may.

use std::time::Instant;

use super::PartitionState;
use crate::pipeline::effect::Effect;

/// Whether the partition comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopping {
    /// It does not.
    No,
    /// It waits until then for what it wrote to be shown. Afterwards it gives it up unproven, and the next owner looks it up.
    Proving { until: Instant },
    /// It does not even wait for that.
    GivenUp,
}

impl Stopping {
    /// Returns the same with a last moment, unless there was an earlier one.
    pub(super) fn at_latest(self, until: Instant) -> Self {
        match self {
            Self::No => Self::Proving { until },
            Self::Proving { until: before } => Self::Proving { until: until.min(before) },
            Self::GivenUp => Self::GivenUp,
        }
    }

    /// Returns until when the store may take to show what was written.
    pub(super) fn patience(self) -> Option<Instant> {
        match self {
            Self::No | Self::GivenUp => None,
            Self::Proving { until } => Some(until),
        }
    }

    fn may_wait_until(self, due: Instant) -> bool {
        match self {
            Self::No => true,
            Self::Proving { until } => due <= until,
            Self::GivenUp => false,
        }
    }
}

impl PartitionState {
    /// Proves what was written, and begins nothing else.
    pub(super) fn advance_to_the_end(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        self.break_off(now, effects);
        if self.is_requesting || self.outbox.is_travelling() {
            return;
        }
        let due = self.request_due().filter(|due| self.stopping.may_wait_until(*due));
        if due.is_some_and(|due| now < due) {
            return;
        }
        if due.is_some() {
            self.ask_for_proof(now, effects);
        }
        if !self.is_requesting {
            self.standing.advance(now, self.ledger.commit_point());
            effects.push(Effect::Stopped);
        }
    }

    /// Lets the question under way end early: one before a write at once, the proof of what was written when that has
    /// taken too long.
    fn break_off(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let is_over = self.stopping.patience().is_none_or(|until| now >= until);
        if !self.is_breakable || (self.proving.is_asked() && !is_over) {
            return;
        }
        if self.proving.is_asked() {
            self.stopping = Stopping::GivenUp;
        }
        self.is_breakable = false;
        effects.push(Effect::BreakOff);
    }
}
