//! Pure. `Safety`: the point below which a kill of the store can take nothing back, though its write-ahead log be torn.
//!
//! What was read back is safe once the store has saved its block: after a while at the latest, or when so many later
//! records of the entry were read back that its block must be full, or when it outlived a restart, since the store
//! saves what it recovers.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::ledger::CommitPoint;
use crate::record::{Entry, Offset, TimestampUs};

/// By then the store has saved every block: its compaction runs each minute and may skip a busy entry.
pub(super) const SAFE_AFTER: Duration = Duration::from_mins(3);

/// Shortest time between two points that are remembered.
const MARK_EVERY: Duration = Duration::from_secs(1);

/// Bytes that an entry takes whose order is followed: its slots in two tables that double when they are full, its name,
/// and its part of the counts.
const ENTRY: usize = 640;

/// Counts that the marks may hold together, for each entry that may be followed.
const COUNTS_EACH: usize = 8;

/// What is proven and what of it is safe.
#[derive(Debug)]
pub(super) struct Safety {
    safe: CommitPoint,
    marks: VecDeque<Mark>,
    /// Points that are safe if the store was not restarted before that time.
    ripe: VecDeque<(CommitPoint, Instant)>,
    marked: Option<Instant>,
    sequences: HashMap<Entry, Sequence>,
    /// Entries whose order is followed; with more, only time makes safe.
    entries_max: usize,
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
    /// Everything since the point before outlived a restart.
    Outlived,
    /// The number of records in order that each entry had at this point.
    Counted(Vec<(Entry, u64)>),
    /// Nothing: something was out of order, or there are too many entries.
    Time,
}

/// The records of one entry that were proven in rising order: they lie in its last block, one block after another.
#[derive(Debug)]
struct Sequence {
    /// The highest place, proven or there before; none where there is none.
    highest: Option<TimestampUs>,
    count: u64,
}

/// What was proven since the last mark.
#[derive(Debug, Default)]
struct Since {
    touched: HashMap<Entry, u64>,
    is_late: bool,
}

impl Safety {
    /// Returns what is known where only `safe` is; so many bytes are set aside for entries.
    pub(super) fn new(safe: CommitPoint, room: usize) -> Self {
        // What lies between the safe point and a commit was proven by somebody else, nobody knows when.
        let since = Since { is_late: true, ..Since::default() };
        Self {
            safe,
            marks: VecDeque::new(),
            ripe: VecDeque::new(),
            marked: None,
            sequences: HashMap::new(),
            entries_max: room / ENTRY,
            since,
        }
    }

    /// Forgets everything but a point that is safe.
    pub(super) fn begin_anew(&mut self, safe: CommitPoint) {
        *self = Self { entries_max: self.entries_max, ..Self::new(safe, 0) };
    }

    /// Notes that nothing lies between two points: where one is safe, so is the other.
    pub(super) fn pass(&mut self, from: CommitPoint, to: CommitPoint) {
        if self.safe.offset == from.offset {
            self.safe = to;
        }
    }

    /// Returns the safe point.
    pub(super) fn point(&self) -> CommitPoint {
        self.safe
    }

    /// Notes the newest place of an entry before anything is written there: what lies below it goes into blocks that
    /// later records do not fill.
    pub(super) fn begin(&mut self, entry: &Entry, newest: Option<TimestampUs>) {
        if self.sequences.len() < self.entries_max {
            self.sequences.entry(entry.clone()).or_insert(Sequence { highest: newest, count: 0 });
        }
    }

    /// Notes a record that the store has shown, in the order of offsets.
    pub(super) fn proven(&mut self, entry: &Entry, place: TimestampUs) {
        // The name that is remembered, so that all marks share it.
        let name = self.sequences.get_key_value(entry).map(|(name, _)| name.clone());
        let sequence = self.sequences.get_mut(entry).filter(|sequence| Some(place) > sequence.highest);
        let Some((name, sequence)) = name.zip(sequence) else {
            // It may keep an older block in the store's hands, which counting takes for saved.
            self.since.is_late = true;
            self.marks.iter_mut().filter(|mark| mark.is_counted()).for_each(|mark| mark.basis = Basis::Time);
            return;
        };
        *sequence = Sequence { highest: Some(place), count: sequence.count + 1 };
        self.since.touched.insert(name, sequence.count);
    }

    /// Notes that everything below `point` is proven now. Points that follow closely count as one.
    pub(super) fn reached(&mut self, now: Instant, point: CommitPoint) {
        let is_known = self.newest().offset >= point.offset;
        let is_early = self.marked.is_some_and(|at| now < at + MARK_EVERY);
        if is_known || is_early {
            return;
        }
        let since = std::mem::take(&mut self.since);
        let are_too_many = self.counts() + since.touched.len() > self.entries_max * COUNTS_EACH;
        let basis = if since.is_late || are_too_many {
            Basis::Time
        } else if since.touched.is_empty() {
            Basis::Outlived
        } else {
            Basis::Counted(since.touched.into_iter().collect())
        };
        self.marked = Some(now);
        self.marks.push_back(Mark { point, at: now, basis });
    }

    /// Notes which points would be safe if the store was not restarted; `block_records` is the most that one block holds.
    pub(super) fn advance(&mut self, now: Instant, block_records: Option<u64>) {
        let is_safe = |mark: &&Mark| {
            now >= mark.at + SAFE_AFTER
                || match &mark.basis {
                    Basis::Outlived => true,
                    Basis::Counted(counts) => {
                        block_records.is_some_and(|records| self.is_covered(counts, records))
                    }
                    Basis::Time => false,
                }
        };
        let count = self.marks.iter().take_while(is_safe).count();
        if let Some(mark) = self.marks.drain(..count).next_back() {
            self.ripe.push_back((mark.point, now));
        }
    }

    /// Moves the safe point: the store that was asked at this time was not restarted before.
    pub(super) fn confirm(&mut self, asked: Instant) {
        while let Some((point, _)) = self.ripe.pop_front_if(|(_, at)| *at <= asked) {
            self.safe = point;
        }
    }

    /// Returns when time alone moves the safe point next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.marks.front().map(|mark| mark.at + SAFE_AFTER)
    }

    /// Goes back to a point, from which everything is read again.
    pub(super) fn go_back(&mut self, to: CommitPoint) {
        self.marks.retain(|mark| mark.point.offset <= to.offset);
        self.ripe.retain(|(point, _)| point.offset <= to.offset);
        self.since = Since { is_late: true, ..Since::default() };
    }

    /// Goes back to the safe point after a restart of the store. Returns the offset up to which everything was proven
    /// before `started`: what is found below it has outlived the restart.
    pub(super) fn restart(&mut self, started: Option<Instant>) -> Offset {
        let is_before = |at: Instant| started.is_some_and(|started| at < started);
        let ripe = self.ripe.iter().map(|(point, at)| (*point, *at));
        let known = ripe.chain(self.marks.iter().map(|mark| (mark.point, mark.at)));
        let outlived =
            known.take_while(|(_, at)| is_before(*at)).last().map_or(self.safe, |(point, _)| point);
        self.marks.clear();
        self.ripe.clear();
        self.marked = None;
        self.since = Since::default();
        outlived.offset
    }

    /// Returns the number of counts that all marks hold.
    fn counts(&self) -> usize {
        let each = self.marks.iter().map(|mark| match &mark.basis {
            Basis::Counted(counts) => counts.len(),
            Basis::Outlived | Basis::Time => 0,
        });
        each.sum()
    }

    fn newest(&self) -> CommitPoint {
        let ripe = self.ripe.back().map_or(self.safe, |(point, _)| *point);
        self.marks.back().map_or(ripe, |mark| mark.point)
    }

    /// A record may end after its block was saved for being full, and is saved with it when the second block after it
    /// pushes it out of the store's cache.
    fn is_covered(&self, counts: &[(Entry, u64)], block_records: u64) -> bool {
        counts.iter().all(|(entry, count)| {
            self.sequences.get(entry).is_some_and(|sequence| sequence.count >= count + 2 * block_records)
        })
    }
}

impl Mark {
    fn is_counted(&self) -> bool {
        matches!(self.basis, Basis::Counted(_))
    }
}

#[cfg(test)]
mod tests;
