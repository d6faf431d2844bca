//! Pure. `Standing`: under which start of the store a partition's records were proven, and what follows from another.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::safety::{SAFE_AFTER, Safety};
use crate::ledger::CommitPoint;
use crate::progress::Progress;
use crate::record::Offset;
use crate::store_start::StoreStart;

/// What a whole number of seconds leaves open.
const WHOLE_SECOND: Duration = Duration::from_secs(1);

/// What was seen of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreSeen {
    /// Since when it runs.
    pub start: StoreStart,
    /// When it was asked.
    pub asked_at: Instant,
    /// When it had answered.
    pub seen_at: Instant,
    /// How long it had run when it answered, in whole seconds.
    pub uptime: Duration,
    /// Most records of one block of the bucket, where the store tells.
    pub block_records: Option<u64>,
}

/// What a partition knows about the store and about its own past.
#[derive(Debug)]
pub(super) struct Standing {
    seen: Option<StoreSeen>,
    written_under: Option<StoreStart>,
    /// The mapping that made the records above the safe point, or may have made some above the point, where it is another one
    /// than this member's: it would store them a second time, elsewhere.
    other_mapping: Option<Arc<str>>,
    /// It is known that it has made none above the point.
    is_bounded: bool,
    /// When its records are safe, if the store was not restarted before.
    drained_at: Option<Instant>,
    is_refused: bool,
    /// The store was restarted and the partition has not gone back yet.
    is_behind: bool,
    safety: Safety,
}

/// What a partition must do about what was seen of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Consequence {
    /// Go on.
    None,
    /// The store was restarted: go back to the safe point.
    GoBack,
    /// The store was restarted, and going back would need another mapping.
    Refuse,
}

impl Standing {
    /// Returns what is known at the begin; so many bytes are set aside for entries.
    pub(super) fn new(progress: Progress, other_mapping: Option<Arc<str>>, entry_bytes: usize) -> Self {
        Self {
            seen: None,
            written_under: progress.store_start,
            other_mapping,
            is_bounded: false,
            drained_at: None,
            is_refused: false,
            is_behind: false,
            safety: Safety::new(progress.safe, entry_bytes),
        }
    }

    /// Takes what was seen of the store; `has_nothing_beyond` tells that nothing of this partition lies there beyond the
    /// point, proven or not: what waits for a letter keeps the point behind records that are stored.
    pub(super) fn see(
        &mut self,
        seen: StoreSeen,
        point: CommitPoint,
        has_nothing_beyond: bool,
    ) -> Consequence {
        let before = self.seen.replace(seen);
        let is_restarted = match (before, self.written_under) {
            // Within one member every other start is a restart, however close.
            (Some(before), _) => before.start != seen.start,
            (None, Some(written_under)) => !written_under.is_same(seen.start),
            (None, None) => false,
        };
        if !is_restarted {
            self.written_under.get_or_insert(seen.start);
            if before.is_none() && self.other_mapping.is_some() && self.safety.point().offset < point.offset {
                self.drained_at = Some(seen.seen_at + SAFE_AFTER);
            }
            if !self.is_behind && !self.is_refused {
                self.safety.confirm(seen.asked_at);
                self.end_drain(seen.asked_at, point);
            }
            return Consequence::None;
        }
        if self.safety.point().offset >= point.offset && has_nothing_beyond {
            self.written_under = Some(seen.start);
            return Consequence::None;
        }
        if self.other_mapping.is_some() {
            self.is_refused = true;
            return Consequence::Refuse;
        }
        self.is_behind = true;
        Consequence::GoBack
    }

    /// Goes back to the safe point after a restart; returns where the partition stands then, and the offset below which
    /// everything was proven before the restart.
    pub(super) fn restart(&mut self) -> (Progress, Offset) {
        let started = self.seen.and_then(|seen| seen.asked_at.checked_sub(seen.uptime + WHOLE_SECOND));
        let outlived = self.safety.restart(started);
        self.is_behind = false;
        self.written_under = self.seen.map(|seen| seen.start);
        (self.progress(self.safety.point()), outlived)
    }

    /// Moves on with the time; `point` is what may be committed.
    pub(super) fn advance(&mut self, now: Instant, point: CommitPoint) {
        if self.is_refused || self.is_behind {
            return;
        }
        if self.other_mapping.is_none() {
            self.safety.reached(now, point);
            self.safety.advance(now, self.seen.and_then(|seen| seen.block_records));
        }
    }

    /// Tells whether the store may be asked for anything.
    pub(super) fn is_open(&self) -> bool {
        self.seen.is_some() && self.other_mapping.is_none() && !self.is_refused
    }

    /// Tells whether nothing can go on before a person acts.
    pub(super) fn is_refused(&self) -> bool {
        self.is_refused
    }

    /// Tells whether records made by another mapping are waited for.
    pub(super) fn is_draining(&self) -> bool {
        self.seen.is_some() && self.other_mapping.is_some() && !self.is_refused
    }

    /// Tells whether another mapping may have made records above the point.
    pub(super) fn is_unbounded(&self) -> bool {
        self.other_mapping.is_some() && !self.is_bounded && !self.is_refused
    }

    /// Takes note that it has made none.
    pub(super) fn bounded(&mut self, point: CommitPoint) {
        self.is_bounded = true;
        if self.safety.point().offset >= point.offset {
            self.other_mapping = None;
        }
    }

    /// Takes note that it has made some, which nobody but its own members can find.
    pub(super) fn refuse(&mut self) {
        self.is_refused = true;
    }

    /// Returns the mapping that made the records above the safe point, where it is another one than this member's.
    pub(super) fn other_mapping(&self) -> Option<Arc<str>> {
        self.other_mapping.clone()
    }

    /// Returns when what the store shows counts: a restart soon after its start could not be told by every member.
    pub(super) fn provable_at(&self) -> Option<Instant> {
        self.seen.map(|seen| seen.seen_at + StoreStart::PROVABLE_AFTER.saturating_sub(seen.uptime))
    }

    /// Returns when time alone changes something.
    pub(super) fn due(&self) -> Option<Instant> {
        if self.is_refused || self.is_behind { None } else { self.safety.due() }
    }

    /// Ends the wait for records made by another mapping, once the store was asked after it and was not restarted before.
    fn end_drain(&mut self, asked: Instant, point: CommitPoint) {
        if self.is_bounded && self.drained_at.take_if(|at| *at <= asked).is_some() {
            self.other_mapping = None;
            self.safety.begin_anew(point);
        }
    }

    pub(super) fn safety(&mut self) -> &mut Safety {
        &mut self.safety
    }

    /// Returns what a commit at `point` says, as far as the store is concerned.
    pub(super) fn progress(&self, point: CommitPoint) -> Progress {
        let (safe, store_start) = (self.safety.point(), self.written_under);
        Progress { point, safe, proven: point.offset, store_start }
    }
}

#[cfg(test)]
mod tests;
