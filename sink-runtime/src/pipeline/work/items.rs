//! Pure. `Work`: records on their way, with what is known about the place of each.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use crate::batch::Planned;
use crate::map::Rejection;
use crate::record::{Entry, Offset, Record, TimestampUs};
use crate::writer::StoreError;

/// How far from its place a record is looked for, in microseconds.
pub(super) const NEIGHBOURHOOD_US: u64 = 1_000;

/// So many requests with one record alone that are not answered in time are no accident.
const STUCK_AFTER: u32 = 3;

/// Records on their way.
#[derive(Debug)]
pub(in crate::pipeline) struct Work {
    pub(super) items: Vec<Item>,
    /// Number of records that the next write may carry; fewer after refusals.
    pub(super) window: usize,
    /// A write is under way.
    pub(super) is_sending: bool,
    /// A write has left.
    pub(super) was_sent: bool,
    /// How far above its place a record may lie, in microseconds, because messages before it are gone from the log.
    pub(super) slack_us: u64,
    /// Places of the records that follow: a request that was cut off may have reached that far.
    pub(super) beyond: Option<Vec<(Key, Conflict)>>,
    /// How far above the place that it had a record may be planned, in microseconds, for the same reason.
    pub(super) drift_us: u64,
}

/// Where a record goes.
pub(super) type Key = (Entry, TimestampUs);

/// One record on its way.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) planned: Planned,
    /// The place was asked about since the last write was begun.
    pub(super) is_checked: bool,
    pub(super) conflict: Conflict,
    /// A write of it has left, whatever became of that.
    pub(super) was_sent: bool,
    /// The store certainly had it once.
    pub(super) may_have_expired: bool,
    /// How often a request with this record alone was not answered in time.
    pub(super) timed_out_alone: u32,
}

/// What is known about what holds a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conflict {
    /// There is no reason to ask.
    None,
    /// The store called it taken, or a request that was cut off may have begun to write there.
    Unknown,
    /// A record without data holds it: so said the store at first and at last.
    HalfWritten { since: Instant, said: Instant },
}

/// What an answer settled.
#[derive(Debug, Default)]
pub(in crate::pipeline) struct Settled {
    /// Records that are in the store now.
    pub(in crate::pipeline) stored: Vec<Planned>,
    /// Records that were in the store already.
    pub(in crate::pipeline) found: Vec<Found>,
    /// Records that were in the store and were deleted by the bucket's policy.
    pub(in crate::pipeline) expired: Vec<Planned>,
    /// Records that can never be.
    pub(in crate::pipeline) rejected: Vec<(Planned, Rejection)>,
    /// Why the rest must wait, where it must.
    pub(in crate::pipeline) pause: Option<Pause>,
}

/// A record that was in the store already.
#[derive(Debug)]
pub(in crate::pipeline) struct Found {
    pub(in crate::pipeline) planned: Planned,
    /// A write without an answer may have put it there just now.
    pub(in crate::pipeline) was_sent: bool,
}

/// Why the rest must wait.
#[derive(Debug)]
pub(in crate::pipeline) struct Pause {
    /// What went wrong.
    pub(in crate::pipeline) error: StoreError,
    /// How long.
    pub(in crate::pipeline) wait: Wait,
}

/// How long records must wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pipeline) enum Wait {
    /// As long as the number of failures says.
    BackOff,
    /// Until a request that may still be at work in the store has most likely ended.
    Long,
    /// Until then: nothing failed.
    Until(Instant),
}

impl Work {
    /// Returns the records on their way; `may_have_expired` tells of which the store certainly had one once.
    pub(in crate::pipeline) fn new(records: Vec<Planned>, may_have_expired: impl Fn(Offset) -> bool) -> Self {
        let window = records.len();
        let item = |planned: Planned| Item {
            may_have_expired: may_have_expired(planned.record.identity.offset),
            planned,
            is_checked: false,
            was_sent: false,
            conflict: Conflict::None,
            timed_out_alone: 0,
        };
        let items = records.into_iter().map(item).collect();
        Self { items, window, is_sending: false, was_sent: false, slack_us: 0, drift_us: 0, beyond: None }
    }

    /// Asks about each place before it is written where a request that was cut off may have begun to write there.
    #[must_use]
    pub(in crate::pipeline) fn doubted(mut self, may_be_cut: bool) -> Self {
        if may_be_cut {
            self.doubt();
        }
        self
    }

    /// Returns the highest offset that the next write may carry.
    pub(in crate::pipeline) fn highest(&self) -> Option<Offset> {
        self.items.iter().take(self.window).map(|item| item.record().identity.offset).max()
    }

    /// Returns the highest offset on its way.
    pub(in crate::pipeline) fn last(&self) -> Option<Offset> {
        self.items.iter().map(|item| item.record().identity.offset).max()
    }

    pub(super) fn doubt(&mut self) {
        for item in &mut self.items {
            if item.conflict == Conflict::None {
                item.conflict = Conflict::Unknown;
            }
        }
    }

    /// Looks for records also that much above their places, and that much below.
    #[must_use]
    pub(in crate::pipeline) fn with_slack(self, slack_us: u64, drift_us: u64) -> Self {
        Self { slack_us, drift_us, ..self }
    }

    pub(in crate::pipeline) fn len(&self) -> usize {
        self.items.len()
    }

    pub(in crate::pipeline) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Tells whether a record was not answered for in time again and again, although it travelled alone.
    pub(in crate::pipeline) fn is_stuck(&self) -> bool {
        self.items.iter().any(|item| item.timed_out_alone >= STUCK_AFTER)
    }

    /// Tells whether a write may have left, so that records may be in the store unproven.
    pub(in crate::pipeline) fn may_be_there(&self) -> bool {
        self.is_sending || self.was_sent
    }

    /// Takes note that the write under way has never left.
    pub(in crate::pipeline) fn not_sent(&mut self) {
        self.is_sending = false;
    }

    /// Moves records off occupied places, one microsecond at a time, and never onto one another.
    pub(super) fn avoid(&mut self, occupied: &HashSet<(Entry, TimestampUs)>) {
        let is_free = |item: &&Item| !occupied.contains(&item.key());
        let mut planned: HashSet<(Entry, TimestampUs)> =
            self.items.iter().filter(is_free).map(Item::key).collect();
        for item in self.items.iter_mut().filter(|item| occupied.contains(&item.key())) {
            let before = item.record().place;
            let record = Arc::make_mut(&mut item.planned.record);
            let mut key = (record.entry.clone(), record.place.later(1));
            while occupied.contains(&key) || planned.contains(&key) {
                key.1 = key.1.later(1);
            }
            record.place = key.1;
            item.is_checked &= key.1 <= before.later(NEIGHBOURHOOD_US);
            planned.insert(key);
        }
    }
}

impl Item {
    pub(super) fn into_found(self) -> Found {
        Found { planned: self.planned, was_sent: self.was_sent }
    }

    pub(super) fn record(&self) -> &Record {
        &self.planned.record
    }

    pub(super) fn key(&self) -> Key {
        (self.record().entry.clone(), self.record().place)
    }
}

impl Settled {
    /// Tells whether any record is done with.
    pub(in crate::pipeline) fn has_progress(&self) -> bool {
        !(self.stored.is_empty()
            && self.found.is_empty()
            && self.expired.is_empty()
            && self.rejected.is_empty())
    }

    /// Returns that nothing is settled and all must wait.
    pub(super) fn waiting(error: StoreError, wait: Wait) -> Self {
        Self { pause: Some(Pause { error, wait }), ..Self::default() }
    }
}
