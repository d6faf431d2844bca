//! Pure. The next request about records on their way.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::items::{Conflict, Item, NEIGHBOURHOOD_US, Work};
use crate::batch::Batch;
use crate::pipeline::frontier::Frontier;
use crate::pipeline::request::{Check, Request};
use crate::record::{Entry, Record, TimestampUs};
use crate::writer::Range;

/// Places at most this far apart are asked about with one range, in microseconds.
const RANGE_GAP_US: u64 = 10_000_000;

/// How long a place must have been half-written before it is deleted: its request may still be at work.
const HALF_WRITTEN_FOR: Duration = Duration::from_secs(2);

impl Work {
    /// Returns the next request; none where all records are settled.
    pub(in crate::pipeline) fn next_request(
        &mut self,
        now: Instant,
        frontier: &mut Frontier,
    ) -> Option<Request> {
        if self.items.is_empty() {
            return None;
        }
        let ripe = self.places_where(|conflict| is_ripe(conflict, now));
        if !ripe.is_empty() {
            return Some(Request::Mend(ripe));
        }
        let taken = self.places_where(|conflict| conflict != Conflict::None);
        if !taken.is_empty() {
            return Some(Request::Probe(taken));
        }
        let unknown = self.unknown_entries(frontier);
        if !unknown.is_empty() {
            return Some(Request::Survey(unknown));
        }
        let ranges = self.doubtful_ranges(frontier);
        if !ranges.is_empty() {
            return Some(Request::Check(Check { ranges, horizons_of: self.expiring_entries() }));
        }
        Some(Request::Write(self.begin_write(frontier)))
    }

    fn places_where(&self, is_wanted: impl Fn(Conflict) -> bool) -> Vec<(Entry, TimestampUs)> {
        self.items.iter().filter(|item| is_wanted(item.conflict)).map(Item::key).collect()
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
            !item.may_have_expired && frontier.is_beyond(&item.record().entry, item.record().place)
        };
        let is_doubtful = |item: &&Item| !item.is_checked && !is_beyond(item);
        let mut doubtful: Vec<&Record> =
            self.items.iter().take(self.window).filter(is_doubtful).map(Item::record).collect();
        doubtful.sort_by(|a, b| (&a.entry, a.place).cmp(&(&b.entry, b.place)));
        let mut ranges: Vec<Range> = Vec::new();
        for record in doubtful {
            let (first, last) = (
                record.place.earlier(NEIGHBOURHOOD_US),
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
        self.was_sent = true;
        self.items.iter_mut().take(self.window).for_each(|item| item.was_sent = true);
        let records: Vec<Arc<Record>> =
            self.items.iter().take(self.window).map(|item| Arc::clone(&item.planned.record)).collect();
        for record in &records {
            frontier.reach(&record.entry, record.place);
        }
        Batch::new(records)
    }
}

fn is_ripe(conflict: Conflict, now: Instant) -> bool {
    match conflict {
        Conflict::HalfWritten { since } => now.saturating_duration_since(since) >= HALF_WRITTEN_FOR,
        Conflict::None | Conflict::Unknown => false,
    }
}
