//! Pure. `Proving`: the commit gate. Records that the store has answered for wait here until it has shown them.
//!
//! An answer of 200 proves nothing: it hides disk errors and is given for a write that an older block shadows. So a
//! while after the answer the heads are read back, many with one range, since each question costs the store as much as
//! dozens of heads.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::entry_names::EntryNames;
use super::request::ReadBack;
use crate::ledger::Ledger;
use crate::record::{Entry, Identity, TimestampUs};
use crate::writer::{Head, Range};

/// Most records that one question by ranges asks for.
const RANGED_MAX: usize = 2_000;

/// Most records that one question point by point asks for: each is a request, and writes wait meanwhile.
const POINTS_MAX: usize = 200;

/// As many ripe records are asked for at once, without waiting for more.
const RIPE_ENOUGH: usize = 1_000;

/// Shortest time between two questions.
const PACE: Duration = Duration::from_millis(50);

/// Places at most this far apart are asked about with one range, in microseconds.
const GAP_US_MAX: u64 = 10_000_000;

/// What a range may cost, besides a millisecond for each record: more, and its blocks overlap.
const RANGE_COST: Duration = Duration::from_millis(50);

/// How long an entry with overlapping blocks is asked about point by point.
const POINTS_FOR: Duration = Duration::from_mins(1);

/// Places that are added at once: a queue that doubles would take twice what the memory plan counts.
const GROWTH: usize = 256;

/// A record that the store has answered for.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    pub(super) entry: Entry,
    pub(super) place: TimestampUs,
    pub(super) identity: Identity,
    pub(super) at: Instant,
}

/// Records that were answered for and not yet shown.
#[derive(Debug)]
pub(super) struct Proving {
    delay: Duration,
    /// In the order of the answers.
    waiting: VecDeque<Answered>,
    asked: Vec<Answered>,
    /// Those of all of them.
    names: EntryNames,
    pace_until: Option<Instant>,
    gap_us: u64,
    points_until: Option<Instant>,
}

/// What a question has shown.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// Records at their place.
    pub(super) proven: Vec<Answered>,
    /// Records that are not.
    pub(super) missing: Vec<Answered>,
}

impl Proving {
    /// Bytes that are remembered of a record, here and in the ledger, but for the name of its entry.
    const BYTES_EACH: usize = size_of::<Answered>() + Ledger::BYTES_EACH;

    pub(super) fn new(delay: Duration) -> Self {
        Self {
            delay,
            waiting: VecDeque::new(),
            asked: Vec::new(),
            names: EntryNames::default(),
            pace_until: None,
            gap_us: GAP_US_MAX,
            points_until: None,
        }
    }

    pub(super) fn push(&mut self, mut answered: Answered) {
        answered.entry = self.names.keep(answered.entry);
        if self.waiting.len() == self.waiting.capacity() {
            self.waiting.reserve_exact(GROWTH);
        }
        self.waiting.push_back(answered);
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.asked.len()
    }

    /// Returns how many records more could be remembered in the place of the names of their entries.
    pub(super) fn displaced_by_names(&self) -> usize {
        self.names.bytes().div_ceil(Self::BYTES_EACH)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.asked.is_empty()
    }

    /// Tells whether a question is under way.
    pub(super) fn is_asked(&self) -> bool {
        !self.asked.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.asked.clear();
        self.names = EntryNames::default();
    }

    /// Returns when the next question is due: when the oldest record has waited for company, or many are ripe.
    pub(super) fn due(&self) -> Option<Instant> {
        let oldest = self.waiting.front()?.at + self.delay + self.delay / 2;
        let many = self.waiting.get(RIPE_ENOUGH - 1).map(|answered| answered.at + self.delay);
        Some(many.map_or(oldest, |many| many.min(oldest))).max(self.pace_until)
    }

    /// Returns when everything is ripe: nothing more will come.
    pub(super) fn last_due(&self) -> Option<Instant> {
        let last = self.waiting.back()?.at + self.delay;
        Some(last).max(self.pace_until)
    }

    /// Returns the question about all that is ripe.
    pub(super) fn ask(&mut self, now: Instant) -> Option<ReadBack> {
        let by_points = self.points_until.is_some_and(|until| now < until);
        let most = if by_points { POINTS_MAX } else { RANGED_MAX };
        let is_ripe = |answered: &&Answered| answered.at + self.delay <= now;
        let ripe = self.waiting.iter().take(most).take_while(is_ripe).count();
        if ripe == 0 {
            return None;
        }
        self.asked = self.waiting.drain(..ripe).collect();
        self.pace_until = Some(now + PACE);
        let places = self.asked.iter().map(|asked| (asked.entry.clone(), asked.place)).collect();
        Some(if by_points { ReadBack::Points(places) } else { ReadBack::Ranges(ranges(places, self.gap_us)) })
    }

    /// Takes note that the question was not answered.
    pub(super) fn unanswered(&mut self) {
        self.waiting.reserve_exact(self.asked.len());
        for asked in std::mem::take(&mut self.asked).into_iter().rev() {
            self.waiting.push_front(asked);
        }
    }

    /// Takes what the store has shown, and what the question cost.
    pub(super) fn shown(&mut self, now: Instant, heads: &[(Entry, Head)], took: Duration) -> Shown {
        self.adapt(now, heads.len(), took);
        let there: HashMap<(&Entry, TimestampUs), Option<Identity>> =
            heads.iter().map(|(entry, head)| ((entry, head.place), head.identity)).collect();
        let mut shown = Shown::default();
        for asked in std::mem::take(&mut self.asked) {
            self.names.release(&asked.entry);
            let identity = there.get(&(&asked.entry, asked.place)).copied().flatten();
            let is_there = identity == Some(asked.identity);
            if is_there { shown.proven.push(asked) } else { shown.missing.push(asked) }
        }
        shown
    }

    /// Ranges that hold more than twice what was sought get shorter; where they cost too much, points are asked.
    fn adapt(&mut self, now: Instant, shown: usize, took: Duration) {
        let sought = self.asked.len();
        if shown > sought * 2 {
            self.gap_us /= 8;
        } else {
            self.gap_us = (self.gap_us * 2).clamp(1, GAP_US_MAX);
        }
        let cost_max = Duration::from_millis(sought.max(shown) as u64) + RANGE_COST;
        if took > cost_max {
            self.points_until = Some(now + POINTS_FOR);
        }
    }
}

/// Returns ranges that cover the places, none across a larger gap.
pub(super) fn ranges(mut places: Vec<(Entry, TimestampUs)>, gap_us: u64) -> Vec<Range> {
    places.sort();
    let mut ranges: Vec<Range> = Vec::new();
    for (entry, place) in places {
        match ranges.last_mut() {
            Some(range) if range.entry == entry && place <= range.last.later(gap_us) => range.last = place,
            Some(_) | None => ranges.push(Range { entry, first: place, last: place }),
        }
    }
    ranges
}

#[cfg(test)]
mod tests;
