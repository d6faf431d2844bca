//! Pure. `Safety`: the point below which a kill of the store can take nothing back, though its write-ahead log be torn.
//!
//! What was read back is safe once the store has saved its block: after a while at the latest, or when so many later
//! records of the entry were read back that its block must be full, or when it outlived a restart, since the store
//! saves what it recovers.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::ledger::CommitPoint;
use crate::record::{Entry, TimestampUs};

/// By then the store has saved every block: its compaction runs each minute and may skip a busy entry.
pub(super) const SAFE_AFTER: Duration = Duration::from_mins(3);

/// Shortest time between two points that are remembered.
const MARK_EVERY: Duration = Duration::from_secs(1);

/// Entries whose order is followed; with more, only time makes safe.
const ENTRIES_MAX: usize = 1_000;

/// What is proven and what of it is safe.
#[derive(Debug)]
pub(super) struct Safety {
    safe: CommitPoint,
    marks: VecDeque<Mark>,
    marked: Option<Instant>,
    sequences: HashMap<Entry, Sequence>,
    since: Since,
}

/// A point up to which everything is proven, and what would make it safe.
#[derive(Debug)]
struct Mark {
    point: CommitPoint,
    at: Instant,
    basis: Basis,
}

/// What makes a point safe, besides time.
#[derive(Debug)]
enum Basis {
    /// The number of records in order that each entry had at this point.
    Counted(Vec<(Entry, u64)>),
    /// Nothing: something was out of order, or there are too many entries.
    Time,
}

/// The records of one entry that were proven in rising order: they lie in its last block, one block after another.
#[derive(Debug)]
struct Sequence {
    highest: TimestampUs,
    count: u64,
}

/// What was proven since the last mark.
#[derive(Debug, Default)]
struct Since {
    touched: HashMap<Entry, u64>,
    is_late: bool,
}

impl Safety {
    pub(super) fn new(safe: CommitPoint) -> Self {
        Self {
            safe,
            marks: VecDeque::new(),
            marked: None,
            sequences: HashMap::new(),
            since: Since::default(),
        }
    }

    /// Returns the safe point.
    pub(super) fn point(&self) -> CommitPoint {
        self.safe
    }

    /// Notes a record that the store has shown, in the order of offsets.
    pub(super) fn proven(&mut self, entry: &Entry, place: TimestampUs) {
        if self.sequences.len() > ENTRIES_MAX {
            self.sequences.clear();
            self.since.is_late = true;
        }
        let sequence =
            self.sequences.entry(entry.clone()).or_insert(Sequence { highest: TimestampUs(0), count: 0 });
        if sequence.count > 0 && place <= sequence.highest {
            self.since.is_late = true;
            return;
        }
        *sequence = Sequence { highest: place, count: sequence.count + 1 };
        self.since.touched.insert(entry.clone(), sequence.count);
    }

    /// Notes that everything below `point` is proven now. Points that follow closely count as one.
    pub(super) fn reached(&mut self, now: Instant, point: CommitPoint) {
        let last = self.marks.back_mut().map_or(&mut self.safe, |mark| &mut mark.point);
        if last.offset >= point.offset {
            return;
        }
        if self.since.is_empty() {
            // What lies between outlived a restart or is no record: it is as safe as the point before.
            *last = point;
            return;
        }
        if self.marked.is_some_and(|at| now < at + MARK_EVERY) {
            return;
        }
        let since = std::mem::take(&mut self.since);
        let basis =
            if since.is_late { Basis::Time } else { Basis::Counted(since.touched.into_iter().collect()) };
        self.marked = Some(now);
        self.marks.push_back(Mark { point, at: now, basis });
    }

    /// Moves the safe point as far as it goes; `block_records` is the most that one block of the store holds.
    pub(super) fn advance(&mut self, now: Instant, block_records: Option<u64>) {
        while let Some(mark) = self.marks.front() {
            let is_safe = now >= mark.at + SAFE_AFTER
                || match &mark.basis {
                    Basis::Counted(counts) => {
                        block_records.is_some_and(|records| self.is_covered(counts, records))
                    }
                    Basis::Time => false,
                };
            if !is_safe {
                return;
            }
            self.safe = mark.point;
            self.marks.pop_front();
        }
    }

    /// Returns when time alone moves the safe point next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.marks.front().map(|mark| mark.at + SAFE_AFTER)
    }

    /// Goes back to a point, from which everything is read again.
    pub(super) fn go_back(&mut self, to: CommitPoint) {
        self.marks.retain(|mark| mark.point.offset <= to.offset);
        self.since = Since { is_late: true, ..Since::default() };
    }

    /// Goes back to the safe point after a restart of the store: what is found from there on has outlived it.
    pub(super) fn restart(&mut self) {
        self.marks.clear();
        self.marked = None;
        self.since = Since::default();
    }

    fn is_covered(&self, counts: &[(Entry, u64)], block_records: u64) -> bool {
        counts.iter().all(|(entry, count)| {
            self.sequences.get(entry).is_some_and(|sequence| sequence.count >= count + block_records)
        })
    }
}

impl Since {
    fn is_empty(&self) -> bool {
        !self.is_late && self.touched.is_empty()
    }
}

#[cfg(test)]
mod tests;
