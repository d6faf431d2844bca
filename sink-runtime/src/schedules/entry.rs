//! Pure. `SimulatedEntry`: one entry of the simulated store, in blocks, with what the real ones do wrong.
//!
//! A record older than the newest one goes into the block that covers it; a full one is split by a new block that
//! overlaps it. Whether a place is taken is asked in that one block only. What a block has not saved may be lost.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand::{Rng, RngExt};

/// Blocks of one entry that the store keeps in its cache for writes.
const CACHED_BLOCKS: usize = 2;

/// What lies at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// A whole record of this message.
    Ours(i64),
    /// A whole record of a foreign writer.
    Foreign,
    /// A record without data: its request was cut off, or is under way.
    Half,
}

/// One place of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) content: Content,
    /// It outlives a kill.
    pub(super) is_saved: bool,
    written: Duration,
}

/// What became of a record that a request began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// It has a place, in the block that begins there.
    In(u64),
    /// The store says yes and an older block hides it.
    Shadowed,
    /// The store says that the place is taken.
    Taken,
}

/// How a block comes through a kill of the store.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wound {
    /// Its write-ahead log is whole.
    None,
    /// The last tenth of a second is gone.
    Tail,
    /// Its write-ahead log is torn: all that was not saved is gone.
    Torn,
}

/// The blocks of one entry by their first place.
#[derive(Debug, Default)]
pub(super) struct SimulatedEntry {
    pub(super) blocks: BTreeMap<u64, BTreeMap<u64, Slot>>,
    /// Blocks that were written to last: what leaves this cache is saved.
    cache: VecDeque<u64>,
}

impl SimulatedEntry {
    /// Begins a record.
    pub(super) fn begin(&mut self, place: u64, block_records: usize) -> Begun {
        let last = self.blocks.last_key_value();
        let is_newest =
            last.is_some_and(|(_, slots)| slots.keys().next_back().is_none_or(|newest| *newest < place));
        let covering = self.blocks.range(..=place).next_back().map(|(first, _)| *first);
        let candidate = if is_newest { last.map(|(first, _)| *first) } else { covering };
        let holds = |slots: &BTreeMap<u64, Slot>| slots.contains_key(&place);
        if candidate.is_some_and(|first| holds(&self.blocks[&first])) {
            return Begun::Taken;
        }
        if self.whole(place).is_some() {
            return Begun::Shadowed;
        }
        let first = match candidate {
            Some(first) if self.blocks[&first].len() < block_records => first,
            Some(full) => {
                self.save_block(full);
                place
            }
            None => place,
        };
        let slot = Slot { content: Content::Half, is_saved: false, written: Duration::ZERO };
        self.blocks.entry(first).or_default().insert(place, slot);
        self.touch(first);
        Begun::In(first)
    }

    /// Ends a record that was begun, unless its block is gone.
    pub(super) fn finish(&mut self, first: u64, place: u64, offset: i64, now: Duration) {
        let slot = self.blocks.get_mut(&first).and_then(|slots| slots.get_mut(&place));
        if let Some(slot) = slot.filter(|slot| slot.content == Content::Half) {
            *slot = Slot { content: Content::Ours(offset), is_saved: false, written: now };
            self.touch(first);
        }
    }

    /// Puts a foreign record somewhere, if there is none.
    pub(super) fn put_foreign(&mut self, place: u64, block_records: usize) {
        if let Begun::In(first) = self.begin(place, block_records) {
            let slot = Slot { content: Content::Foreign, is_saved: true, written: Duration::ZERO };
            self.blocks.entry(first).or_default().insert(place, slot);
        }
    }

    /// Returns what a reader of one place gets: the first whole record, or a half one.
    pub(super) fn at(&self, place: u64) -> Option<Content> {
        let half = || self.slots().find(|(at, _)| *at == place).map(|(_, slot)| slot.content);
        self.whole(place).or_else(half)
    }

    /// Returns the whole records of a range.
    pub(super) fn range(&self, first: u64, last: u64) -> BTreeMap<u64, Content> {
        let mut found = BTreeMap::new();
        let blocks = self.blocks.range(..=last).map(|(_, slots)| slots.range(first..=last));
        for (place, slot) in blocks.flatten().filter(|(_, slot)| slot.content != Content::Half) {
            found.entry(*place).or_insert(slot.content);
        }
        found
    }

    /// Returns all slots.
    pub(super) fn slots(&self) -> impl Iterator<Item = (u64, &Slot)> {
        self.blocks.values().flatten().map(|(place, slot)| (*place, slot))
    }

    /// Deletes a record; tells whether there was one.
    pub(super) fn remove(&mut self, place: u64) -> bool {
        let removed = self.blocks.values_mut().filter_map(|slots| slots.remove(&place)).count();
        self.blocks.retain(|_, slots| !slots.is_empty());
        removed > 0
    }

    /// Deletes what a condition holds for; returns the messages among it.
    pub(super) fn take(&mut self, mut is_gone: impl FnMut(u64, &Slot) -> bool) -> Vec<i64> {
        let mut gone = Vec::new();
        for slots in self.blocks.values_mut() {
            slots.retain(|place, slot| {
                let is_gone = is_gone(*place, slot);
                gone.extend(slot.message().filter(|_| is_gone));
                !is_gone
            });
        }
        self.blocks.retain(|_, slots| !slots.is_empty());
        gone
    }

    /// Saves every block.
    pub(super) fn save(&mut self) {
        self.blocks.values_mut().flat_map(BTreeMap::values_mut).for_each(|slot| slot.is_saved = true);
    }

    /// Tells whether there is something to save.
    pub(super) fn is_unsaved(&self) -> bool {
        self.slots().any(|(_, slot)| !slot.is_saved)
    }

    /// Loses what a kill takes; what is left is saved by the recovery. Returns the messages that are lost.
    pub(super) fn recover(&mut self, now: Duration, random: &mut impl Rng, worst: Wound) -> Vec<i64> {
        let mut lost = Vec::new();
        for slots in self.blocks.values_mut() {
            let wound = if random.random_bool(0.5) { worst } else { Wound::None };
            slots.retain(|_, slot| {
                let is_lost = !slot.is_saved && slot.is_lost(now, wound);
                lost.extend(slot.message().filter(|_| is_lost));
                !is_lost
            });
        }
        self.blocks.retain(|_, slots| !slots.is_empty());
        self.cache.clear();
        self.save();
        lost
    }

    fn whole(&self, place: u64) -> Option<Content> {
        let slots = self.blocks.range(..=place).filter_map(|(_, slots)| slots.get(&place));
        slots.map(|slot| slot.content).find(|content| *content != Content::Half)
    }

    fn touch(&mut self, first: u64) {
        self.cache.retain(|cached| *cached != first);
        self.cache.push_back(first);
        if self.cache.len() > CACHED_BLOCKS {
            let saved = self.cache.pop_front();
            saved.into_iter().for_each(|first| self.save_block(first));
        }
    }

    fn save_block(&mut self, first: u64) {
        let slots = self.blocks.get_mut(&first).into_iter().flat_map(BTreeMap::values_mut);
        slots.for_each(|slot| slot.is_saved = true);
    }
}

impl Slot {
    /// Returns the message whose whole record this is.
    pub(super) fn message(&self) -> Option<i64> {
        match self.content {
            Content::Ours(offset) => Some(offset),
            Content::Foreign | Content::Half => None,
        }
    }

    fn is_lost(&self, now: Duration, wound: Wound) -> bool {
        self.content == Content::Half
            || match wound {
                Wound::None => false,
                Wound::Tail => self.written + Duration::from_millis(100) >= now,
                Wound::Torn => true,
            }
    }
}
