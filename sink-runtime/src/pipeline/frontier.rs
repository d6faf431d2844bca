//! Pure. `Frontier`: the place of each entry above which there is nothing, so that a write there needs no question.

use std::collections::HashMap;

use crate::record::{Entry, TimestampUs};

/// What an entry takes besides its name: its slot in a table that doubles when it is full, and the head of the name.
const ENTRY: usize = 160;

/// What is known about the entries of one partition.
#[derive(Debug)]
pub(super) struct Frontier {
    /// The highest place that may be occupied; none where none is.
    highest: HashMap<Entry, Option<TimestampUs>>,
    /// Bytes that entries may take; beyond that all are forgotten and asked about again.
    room: usize,
    bytes: usize,
}

impl Frontier {
    /// Returns a frontier for which so many bytes are set aside: more than the entries of one batch take.
    pub(super) fn new(room: usize) -> Self {
        Self { highest: HashMap::new(), room, bytes: 0 }
    }

    /// Tells whether the entry has been asked about.
    pub(super) fn knows(&self, entry: &Entry) -> bool {
        self.highest.contains_key(entry)
    }

    /// Makes room for all entries of one question: they are needed together, so none of them makes room for another.
    pub(super) fn make_room<'a>(&mut self, entries: impl Iterator<Item = &'a Entry>) {
        let more: usize = entries.map(bytes).sum();
        if self.bytes + more > self.room {
            // A table that is only emptied would keep its slots.
            *self = Self::new(self.room);
        }
    }

    /// Notes the newest place at or after `from`, as the store tells it; returns the highest that may be occupied.
    pub(super) fn learn(
        &mut self,
        entry: Entry,
        from: TimestampUs,
        newest: Option<TimestampUs>,
    ) -> Option<TimestampUs> {
        let below = from.0.checked_sub(1).map(TimestampUs);
        let highest = newest.or(below);
        let cost = bytes(&entry);
        if self.highest.insert(entry, highest).is_none() {
            self.bytes += cost;
        }
        highest
    }

    /// Notes that a write to a place is about to begin.
    pub(super) fn reach(&mut self, entry: &Entry, place: TimestampUs) {
        if let Some(highest) = self.highest.get_mut(entry) {
            *highest = (*highest).max(Some(place));
        }
    }

    /// Tells whether nothing can be at the place.
    pub(super) fn is_beyond(&self, entry: &Entry, place: TimestampUs) -> bool {
        self.highest.get(entry).is_some_and(|highest| Some(place) > *highest)
    }
}

fn bytes(entry: &Entry) -> usize {
    ENTRY + entry.as_str().len()
}

#[cfg(test)]
mod tests {
    use super::Frontier;
    use crate::record::{Entry, TimestampUs};

    fn check(newest: Option<u64>, beyond: &[u64], within: &[u64]) {
        let entry = Entry::new("e");
        let mut frontier = Frontier::new(10_000);
        assert!(!frontier.is_beyond(&entry, TimestampUs(u64::MAX)));
        frontier.learn(entry.clone(), TimestampUs(100), newest.map(TimestampUs));
        assert!(beyond.iter().all(|place| frontier.is_beyond(&entry, TimestampUs(*place))));
        assert!(!within.iter().any(|place| frontier.is_beyond(&entry, TimestampUs(*place))));
    }

    #[test]
    fn nothing_is_known_below_where_the_question_began() {
        check(None, &[100, 101], &[0, 99]);
        check(Some(200), &[201], &[100, 200]);
    }

    /// What a frontier holds, by the slots of its table (of which an eighth stays free) and the heap of its names.
    fn held(frontier: &Frontier) -> usize {
        let slots = (frontier.highest.capacity() * 8 / 7).next_power_of_two();
        let names: usize = frontier.highest.keys().map(|entry| 16 + entry.as_str().len()).sum();
        slots * (size_of::<(Entry, Option<TimestampUs>)>() + 1) + names
    }

    /// Asks for one batch after the other, all entries new; compares what is held with the room.
    fn check_room(length: usize, room: usize) {
        let mut frontier = Frontier::new(room);
        for batch in 0..200 {
            let name = |key: u32| Entry::new(&format!("{:0>length$}", batch * 80 + key));
            let entries: Vec<Entry> = (0..80).map(name).collect();
            frontier.make_room(entries.iter());
            for entry in &entries {
                frontier.learn(entry.clone(), TimestampUs(0), None);
            }
            assert!(entries.iter().all(|entry| frontier.knows(entry)));
            assert!(held(&frontier) <= room, "{} of {room}", held(&frontier));
        }
    }

    #[test]
    fn entries_without_number_stay_within_their_room_and_those_of_one_question_stay_together() {
        check_room(20, 100_000);
        check_room(255, 100_000);
        check_room(255, 60 * 1024);
    }

    #[test]
    fn frontier_moves_with_every_write() {
        let entry = Entry::new("e");
        let mut frontier = Frontier::new(10_000);
        frontier.learn(entry.clone(), TimestampUs(0), None);
        assert!(frontier.is_beyond(&entry, TimestampUs(0)));
        frontier.reach(&entry, TimestampUs(5));
        assert!(!frontier.is_beyond(&entry, TimestampUs(5)));
    }
}
