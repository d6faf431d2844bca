//! Pure. `SimulatedStore`: what the simulated bucket holds, what it shows, and what it deletes or loses by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, RngExt};

use super::entry::{Begun, Content, SimulatedEntry, Wound};
use super::log::WALL_MS;
use crate::batch::Batch;
use crate::record::{Entry, Identity, Life, Offset, Record, TimestampUs};
use crate::writer::{Head, Range, StoreError};

/// The bucket, and since when the store that has it runs.
#[derive(Debug)]
pub(super) struct SimulatedStore {
    pub(super) entries: BTreeMap<Entry, SimulatedEntry>,
    /// Since when it runs; none while it does not.
    pub(super) up_since: Option<Duration>,
    /// How often it was killed.
    pub(super) kills: u32,
    pub(super) block_records: usize,
    /// Records above which the oldest block goes.
    pub(super) quota: Option<usize>,
    /// Age above which records go.
    pub(super) retention: Option<Duration>,
    /// Messages whose records a policy has deleted.
    pub(super) evicted: BTreeSet<i64>,
    /// Messages whose records a kill has taken, and that were not stored again since.
    pub(super) lost: BTreeSet<i64>,
    /// Messages that it has had, whatever became of them.
    pub(super) had: BTreeSet<i64>,
    /// How often it has said that it has a message.
    pub(super) answers: BTreeMap<i64, u32>,
    /// Entries that will be saved.
    unsaved: BTreeSet<Entry>,
}

impl SimulatedStore {
    pub(super) fn new(random: &mut SmallRng) -> Self {
        let quota = random.random_ratio(1, 6).then(|| random.random_range(24..60));
        let retention = random.random_ratio(1, 8).then(|| Duration::from_mins(random.random_range(2..40)));
        let mut store = Self {
            entries: BTreeMap::new(),
            up_since: Some(Duration::ZERO),
            kills: 0,
            block_records: random.random_range(2..9),
            quota,
            retention,
            evicted: BTreeSet::new(),
            lost: BTreeSet::new(),
            had: BTreeSet::new(),
            answers: BTreeMap::new(),
            unsaved: BTreeSet::new(),
        };
        for _ in 0..random.random_range(0..4) {
            store.put_foreign(random, Duration::ZERO);
        }
        store
    }

    /// Begins a record.
    pub(super) fn begin(&mut self, record: &Record) -> Begun {
        self.entries.entry(record.entry.clone()).or_default().begin(record.place.0, self.block_records)
    }

    /// Ends a record that was begun.
    ///
    /// # Panics
    /// The store has the message already: this is the second record of it.
    pub(super) fn finish(&mut self, record: &Record, first: u64, now: Duration) {
        let offset = record.identity.offset.0;
        let slots = || self.entries.values().flat_map(SimulatedEntry::slots);
        let twin = slots().find(|(_, slot)| slot.message() == Some(offset)).map(|(place, _)| place);
        assert!(twin.is_none(), "message {offset} is stored twice: {record:?}, before at {twin:?}");
        self.lost.remove(&offset);
        self.had.insert(offset);
        self.entries.get_mut(&record.entry).unwrap().finish(first, record.place.0, offset, now);
        self.keep_quota();
    }

    /// Returns the whole records of a range.
    pub(super) fn heads(&self, range: &Range) -> Vec<(Entry, Head)> {
        let found = self.entries.get(&range.entry).map(|entry| entry.range(range.first.0, range.last.0));
        let head = |(place, content)| (range.entry.clone(), head(place, content));
        found.into_iter().flatten().map(head).collect()
    }

    /// Returns what one place holds.
    pub(super) fn head(&self, entry: &Entry, place: TimestampUs) -> Result<Head, StoreError> {
        match self.entries.get(entry).and_then(|entry| entry.at(place.0)) {
            Some(Content::Half) => Err(StoreError::from_status(425, "still being written")),
            Some(content) => Ok(head(place.0, content)),
            None => Err(StoreError::from_status(404, "no record")),
        }
    }

    /// Deletes one place.
    pub(super) fn remove(&mut self, entry: &Entry, place: TimestampUs) -> Result<(), StoreError> {
        let was_there = self.entries.get_mut(entry).is_some_and(|entry| entry.remove(place.0));
        if was_there { Ok(()) } else { Err(StoreError::from_status(404, "no record")) }
    }

    /// Returns the time below which a policy may have deleted records of an entry.
    pub(super) fn horizon(&self, entry: &Entry, now: Duration) -> Option<TimestampUs> {
        let by_age = self.retention.map(|age| TimestampUs(wall_us(now) - micros(age)));
        by_age.max(self.quota.and_then(|quota| self.horizon_by_quota(entry, quota)))
    }

    fn horizon_by_quota(&self, entry: &Entry, quota: usize) -> Option<TimestampUs> {
        if self.records() + 2 * self.block_records < quota {
            return None;
        }
        let oldest = |entry: &SimulatedEntry| entry.range(0, u64::MAX).first_key_value().map(|(at, _)| *at);
        let own = self.entries.get(entry).and_then(oldest);
        own.or_else(|| self.entries.values().filter_map(oldest).min()).map(TimestampUs)
    }

    /// Returns entries with something to save that nobody knew of.
    pub(super) fn newly_unsaved(&mut self) -> Vec<Entry> {
        let planned = &self.unsaved;
        let is_new =
            |(name, entry): &(&Entry, &SimulatedEntry)| !planned.contains(*name) && entry.is_unsaved();
        let new: Vec<Entry> = self.entries.iter().filter(is_new).map(|(name, _)| name.clone()).collect();
        self.unsaved.extend(new.iter().cloned());
        new
    }

    /// Saves an entry.
    pub(super) fn compact(&mut self, entry: &Entry) {
        self.unsaved.remove(entry);
        self.entries.get_mut(entry).into_iter().for_each(SimulatedEntry::save);
    }

    /// Deletes what is too old.
    pub(super) fn expire(&mut self, now: Duration) {
        let Some(age) = self.retention else {
            return;
        };
        let limit = wall_us(now) - micros(age);
        for entry in self.entries.values_mut() {
            self.evicted.extend(entry.take(|place, slot| place < limit && slot.content != Content::Half));
        }
    }

    /// Puts a foreign record near what is written now.
    pub(super) fn put_foreign(&mut self, random: &mut impl Rng, now: Duration) {
        let key = if random.random_bool(0.7) { "a/0" } else { "b/0" };
        let place = wall_us(now) / 1_000_000 * 1_000_000 + random.random_range(0..3);
        let block_records = self.block_records;
        self.entries.entry(Entry::new(key)).or_default().put_foreign(place, block_records);
    }

    /// Tells whether a policy may delete records.
    pub(super) fn has_policy(&self) -> bool {
        self.quota.is_some() || self.retention.is_some()
    }

    /// Notes that it says to have messages.
    pub(super) fn answered(&mut self, batch: &Batch, answers: &[Result<(), StoreError>]) {
        for (record, _) in batch.records.iter().zip(answers).filter(|(_, answer)| answer.is_ok()) {
            *self.answers.entry(record.identity.offset.0).or_default() += 1;
        }
    }

    /// Ends the store at once.
    pub(super) fn kill(&mut self, now: Duration, random: &mut impl Rng) {
        self.up_since = None;
        self.kills += 1;
        let worst = [Wound::None, Wound::Tail, Wound::Torn][random.random_range(0..3)];
        for entry in self.entries.values_mut() {
            self.lost.extend(entry.recover(now, random, worst));
        }
    }

    fn records(&self) -> usize {
        self.entries.values().flat_map(SimulatedEntry::slots).count()
    }

    fn keep_quota(&mut self) {
        while self.quota.is_some_and(|quota| self.records() > quota) {
            let oldest = |entry: &SimulatedEntry| entry.blocks.first_key_value().map(|(first, _)| *first);
            let entry = self
                .entries
                .values_mut()
                .filter(|entry| !entry.blocks.is_empty())
                .min_by_key(|entry| oldest(entry));
            let Some((_, slots)) = entry.and_then(|entry| entry.blocks.pop_first()) else {
                return;
            };
            self.evicted.extend(slots.values().filter_map(super::entry::Slot::message));
        }
    }
}

fn head(place: u64, content: Content) -> Head {
    let identity = match content {
        Content::Ours(offset) => Some(Identity { life: Life::FIRST, offset: Offset(offset) }),
        Content::Foreign | Content::Half => None,
    };
    Head { place: TimestampUs(place), identity }
}

/// Returns the wall clock in microseconds.
pub(super) fn wall_us(now: Duration) -> u64 {
    WALL_MS * 1_000 + micros(now)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap()
}
