//! Pure. The invariants of the program, each with a name and one predicate.
//!
//! They are used by unit tests, by the seeded schedules, and in production as a debug assertion plus a counter.

use std::collections::HashSet;

use crate::record::{Entry, Offset, Record, TimestampUs};

/// What must always hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Invariant {
    /// I1: nothing is committed past the lowest offset that is not yet stored, dead-lettered or expired.
    CommitsOnlyStored,
    /// I2: each message is in exactly one place.
    EachInOnePlace,
    /// I3: nothing is committed for a partition that is no longer owned.
    CommitsOnlyOwned,
    /// I4: a batch never exceeds its limits.
    BatchWithinLimits,
    /// I5: one (entry, timestamp) occurs at most once in a batch.
    PlacesUniqueInBatch,
    /// I6: a partition takes a message only while it holds less than its share of the budget.
    BytesWithinBudget,
}

impl Invariant {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::CommitsOnlyStored,
        Self::EachInOnePlace,
        Self::CommitsOnlyOwned,
        Self::BatchWithinLimits,
        Self::PlacesUniqueInBatch,
        Self::BytesWithinBudget,
    ];

    /// Returns the short name used in logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CommitsOnlyStored => "I1",
            Self::EachInOnePlace => "I2",
            Self::CommitsOnlyOwned => "I3",
            Self::BatchWithinLimits => "I4",
            Self::PlacesUniqueInBatch => "I5",
            Self::BytesWithinBudget => "I6",
        }
    }
}

/// I1: `commit` is the next offset to read, `lowest_open` the lowest one without an end.
#[must_use]
pub fn commits_only_stored(commit: Offset, lowest_open: Option<Offset>) -> bool {
    lowest_open.is_none_or(|open| commit <= open)
}

/// I2: the messages without an end are those that wait (for a batch, a letter or a person), travel, are to be shown, or
/// were not.
#[must_use]
pub fn each_in_one_place(open: usize, places: [usize; 4]) -> bool {
    places.iter().sum::<usize>() == open
}

/// I4: a batch of one record may exceed the limit of bytes, no other may exceed any.
#[must_use]
pub fn batch_within_limits(records: usize, records_max: usize, bytes: usize, bytes_max: usize) -> bool {
    records <= records_max && (bytes <= bytes_max || records == 1)
}

/// I5: no two records of a batch share their entry and timestamp.
#[must_use]
pub fn places_unique<'a>(records: impl Iterator<Item = &'a Record>) -> bool {
    let mut places: HashSet<(&Entry, TimestampUs)> = HashSet::new();
    records.into_iter().all(|record| places.insert((&record.entry, record.place)))
}

/// I6: `held` is what the partition held before it took its latest message.
#[must_use]
pub fn bytes_within_budget(held: usize, share: usize) -> bool {
    held < share
}

#[cfg(test)]
mod tests {
    use super::{batch_within_limits, commits_only_stored, each_in_one_place};
    use crate::record::Offset;

    #[test]
    fn commit_may_reach_the_lowest_open_offset_and_not_pass_it() {
        assert!(commits_only_stored(Offset(5), Some(Offset(5))));
        assert!(commits_only_stored(Offset(5), None));
        assert!(!commits_only_stored(Offset(6), Some(Offset(5))));
    }

    #[test]
    fn only_a_single_record_may_be_larger_than_a_batch() {
        assert!(batch_within_limits(1, 80, 9, 8));
        assert!(!batch_within_limits(2, 80, 9, 8));
        assert!(!batch_within_limits(81, 80, 1, 8));
    }

    #[test]
    fn lost_and_doubled_messages_are_noticed() {
        assert!(each_in_one_place(3, [1, 1, 1, 0]));
        assert!(!each_in_one_place(3, [1, 1, 0, 0]));
        assert!(!each_in_one_place(3, [2, 1, 1, 0]));
    }
}
