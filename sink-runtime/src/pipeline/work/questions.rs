//! Pure. The next request about records on their way.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::items::{Conflict, Item, Key, NEIGHBOURHOOD_US, Work};
use crate::batch::Batch;
use crate::pipeline::frontier::Frontier;
use crate::pipeline::request::{Check, Request};
use crate::record::{Entry, Record, TimestampUs};
use crate::writer::Range;

/// Places at most this far apart are asked about with one range, in microseconds.
const RANGE_GAP_US: u64 = 10_000_000;

/// How long a place must have been half-written before it is deleted: its request may still be at work.
pub(super) const HALF_WRITTEN_FOR: Duration = Duration::from_secs(2);

impl Work {
    /// Returns the next request; none where all records are settled.
    pub(in crate::pipeline) fn next_request(&mut self, frontier: &mut Frontier) -> Option<Request> {
        if self.items.is_empty() {
            return None;
        }
        let is_known = self.conflicts().all(|conflict| conflict != Conflict::Unknown);
        if is_known && self.conflicts().any(was_half_written) {
            return Some(Request::Mend(self.places_where(is_half_written)));
        }
        let unknown = self.unknown_entries(frontier);
        if !unknown.is_empty() {
            return Some(Request::Survey(unknown));
        }
        let ranges = self.doubtful_ranges(frontier);
        if !ranges.is_empty() {
            return Some(Request::Check(Check { ranges, horizons_of: self.expiring_entries() }));
        }
        let taken = self.places_where(|conflict| conflict != Conflict::None);
        if !taken.is_empty() {
            return Some(Request::Probe(taken));
        }
        self.beyond = None;
        Some(Request::Write(self.begin_write(frontier)))
    }

    /// Tells whether half-written records are about to be deleted and it is not known whether those that follow are too.
    ///
    /// Another member may have cut its batches elsewhere, so that its last one reaches beyond these records: hardly
    /// further than one batch more.
    pub(in crate::pipeline) fn wants_beyond(&self, now: Instant) -> bool {
        let is_due = |conflict: Conflict| match conflict {
            Conflict::HalfWritten { since, .. } => now.saturating_duration_since(since) >= HALF_WRITTEN_FOR,
            Conflict::None | Conflict::Unknown => false,
        };
        self.beyond.is_none() && self.conflicts().any(is_due)
    }

    /// Takes the places of the records that follow.
    pub(in crate::pipeline) fn look_beyond(&mut self, places: impl Iterator<Item = Key>) {
        self.beyond = Some(places.map(|place| (place, Conflict::Unknown)).collect());
    }

    fn conflicts(&self) -> impl Iterator<Item = Conflict> {
        let beyond = self.beyond.iter().flatten().map(|(_, conflict)| *conflict);
        self.items.iter().map(|item| item.conflict).chain(beyond)
    }

    fn places_where(&self, is_wanted: impl Fn(Conflict) -> bool) -> Vec<Key> {
        let own = self.items.iter().map(|item| (item.key(), item.conflict));
        let beyond = self.beyond.iter().flatten().cloned();
        own.chain(beyond).filter(|(_, conflict)| is_wanted(*conflict)).map(|(place, _)| place).collect()
    }

    fn unknown_entries(&self, frontier: &Frontier) -> Vec<(Entry, TimestampUs)> {
        let mut lowest: HashMap<&Entry, TimestampUs> = HashMap::new();
        let records = self.items.iter().take(self.window).map(Item::record);
        for record in records.filter(|record| !frontier.knows(&record.entry)) {
            let from = record.place.earlier(NEIGHBOURHOOD_US);
            lowest.entry(&record.entry).and_modify(|known| *known = from.min(*known)).or_insert(from);
        }
        lowest.into_iter().map(|(entry, from)| (entry.clone(), from)).collect()
    }

    /// Returns the entries whose records the bucket's policy may have deleted.
    fn expiring_entries(&self) -> Vec<Entry> {
        let expiring = self.items.iter().take(self.window).filter(|item| item.may_have_expired);
        let mut entries: Vec<Entry> = expiring.map(|item| item.record().entry.clone()).collect();
        entries.sort();
        entries.dedup();
        entries
    }

    fn doubtful_ranges(&self, frontier: &Frontier) -> Vec<Range> {
        // What the store had before may be planned at another place than it had, above everything that is known.
        let is_beyond = |item: &Item| {
            let lowest = item.record().place.earlier(self.drift_us);
            !item.may_have_expired && frontier.is_beyond(&item.record().entry, lowest)
        };
        let is_doubtful = |item: &&Item| !item.is_checked && !is_beyond(item);
        let mut doubtful: Vec<&Record> =
            self.items.iter().take(self.window).filter(is_doubtful).map(Item::record).collect();
        doubtful.sort_by(|a, b| (&a.entry, a.place).cmp(&(&b.entry, b.place)));
        let mut ranges: Vec<Range> = Vec::new();
        for record in doubtful {
            let (first, last) = (
                record.place.earlier(NEIGHBOURHOOD_US + self.drift_us),
                record.place.later(NEIGHBOURHOOD_US + self.slack_us),
            );
            match ranges.last_mut() {
                Some(range) if range.entry == record.entry && first <= range.last.later(RANGE_GAP_US) => {
                    range.last = last;
                }
                Some(_) | None => ranges.push(Range { entry: record.entry.clone(), first, last }),
            }
        }
        ranges
    }

    fn begin_write(&mut self, frontier: &mut Frontier) -> Batch {
        self.is_sending = true;
        let records: Vec<Arc<Record>> =
            self.items.iter().take(self.window).map(|item| Arc::clone(&item.planned.record)).collect();
        for record in &records {
            frontier.reach(&record.entry, record.place);
        }
        Batch::new(records)
    }
}

fn is_half_written(conflict: Conflict) -> bool {
    matches!(conflict, Conflict::HalfWritten { .. })
}

/// Tells whether the store has said so long enough. The others of the same request need not: it has ended.
fn was_half_written(conflict: Conflict) -> bool {
    match conflict {
        Conflict::HalfWritten { since, said } => said.saturating_duration_since(since) >= HALF_WRITTEN_FOR,
        Conflict::None | Conflict::Unknown => false,
    }
}
