//! Pure. `Frontier`: the place of each entry above which there is nothing, so that a write there needs no question.

use std::collections::HashMap;

use crate::record::{Entry, TimestampUs};

/// Entries that are remembered at most; beyond that all are asked about again.
const ENTRIES_MAX: usize = 10_000;

/// What is known about the entries of one partition.
#[derive(Debug, Default)]
pub(super) struct Frontier {
    /// The highest place that may be occupied; none where none is.
    highest: HashMap<Entry, Option<TimestampUs>>,
}

impl Frontier {
    /// Tells whether the entry has been asked about.
    pub(super) fn knows(&self, entry: &Entry) -> bool {
        self.highest.contains_key(entry)
    }

    /// Notes the newest place at or after `from`, as the store tells it; returns the highest that may be occupied.
    pub(super) fn learn(
        &mut self,
        entry: Entry,
        from: TimestampUs,
        newest: Option<TimestampUs>,
    ) -> Option<TimestampUs> {
        if self.highest.len() >= ENTRIES_MAX {
            self.highest.clear();
        }
        let below = from.0.checked_sub(1).map(TimestampUs);
        let highest = newest.or(below);
        self.highest.insert(entry, highest);
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

#[cfg(test)]
mod tests {
    use super::Frontier;
    use crate::record::{Entry, TimestampUs};

    fn check(newest: Option<u64>, beyond: &[u64], within: &[u64]) {
        let entry = Entry::new("e");
        let mut frontier = Frontier::default();
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

    #[test]
    fn frontier_moves_with_every_write() {
        let entry = Entry::new("e");
        let mut frontier = Frontier::default();
        frontier.learn(entry.clone(), TimestampUs(0), None);
        assert!(frontier.is_beyond(&entry, TimestampUs(0)));
        frontier.reach(&entry, TimestampUs(5));
        assert!(!frontier.is_beyond(&entry, TimestampUs(5)));
    }
}
