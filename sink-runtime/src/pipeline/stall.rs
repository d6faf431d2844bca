//! Pure. `Stall`: how long a partition has stood still although there is work and nothing is known to hold it up.

use std::time::{Duration, Instant};

use crate::record::Offset;

/// Why a partition may stand still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownReason {
    /// What was stored before is looked for again.
    Replay,
    /// The store has not been seen, or does not answer.
    StoreAway,
    /// No broker that leads the partition is connected.
    KafkaAway,
    /// The store is slow, and other partitions write first.
    TurnWait,
    /// The group has not lately told that the partitions are still this member's.
    LeaseWait,
    /// The broker has not taken a commit yet that covers what comes next.
    CommitWait,
    /// The registry has not told yet that the partition may be written.
    LeaveWait,
    /// Records made by another mapping must be safe first.
    MappingDrain,
    /// The last owner may still have a request open.
    FencingWait,
    /// The store's own lock must time out first.
    LockTimeout,
    /// Something failed and is tried again after a pause.
    BackOff,
    /// A rejected message holds it.
    Hold,
    /// It was told to stop.
    Draining,
}

/// How far a partition has come; any change is progress. The point that may be committed alone would not do: one record
/// that the store does not show keeps it where it is, while everything behind it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marks {
    /// How far may be committed.
    pub(super) committable: Offset,
    /// The offset below which the store has answered for every message.
    pub(super) answered_to: Offset,
    /// How many records the store has shown so far.
    pub(super) shown: u64,
}

/// What a partition shows at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Glimpse {
    /// How far it has come.
    pub(super) marks: Marks,
    /// There are messages that have not ended.
    pub(super) has_backlog: bool,
    /// Why it may stand still.
    pub(super) known_reason: Option<KnownReason>,
}

/// How long one partition has stood still.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stall {
    /// What was seen last; nothing before the first look.
    marks: Option<Marks>,
    since: Instant,
}

impl Stall {
    /// Returns a partition that moves.
    pub(super) fn new(now: Instant) -> Self {
        Self { marks: None, since: now }
    }

    /// Takes what a partition shows; returns how long it has stood still without a known reason.
    pub(super) fn look(&mut self, now: Instant, glimpse: Glimpse) -> Duration {
        let moves = self.marks.replace(glimpse.marks).is_some_and(|before| before != glimpse.marks);
        if moves || !glimpse.has_backlog || glimpse.known_reason.is_some() {
            self.since = now;
        }
        now.saturating_duration_since(self.since)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Glimpse, KnownReason, Marks, Stall};
    use crate::record::Offset;

    fn marks(answered_to: i64) -> Marks {
        Marks { committable: Offset(0), answered_to: Offset(answered_to), shown: 0 }
    }

    /// Looks once a second; compares the seconds of standing still that were seen.
    fn check_glimpses(glimpses: impl IntoIterator<Item = Glimpse>, expected: &[u64]) {
        let begun = tokio::time::Instant::now().into_std();
        let mut stall = Stall::new(begun);
        let mut look = |(second, glimpse)| stall.look(begun + Duration::from_secs(second), glimpse).as_secs();
        let seen: Vec<u64> = (1..).zip(glimpses).map(&mut look).collect();
        assert_eq!(seen, expected);
    }

    fn check(glimpses: &[(i64, bool, Option<KnownReason>)], expected: &[u64]) {
        let glimpse = |(answered_to, has_backlog, known_reason): &(i64, bool, Option<KnownReason>)| Glimpse {
            marks: marks(*answered_to),
            has_backlog: *has_backlog,
            known_reason: *known_reason,
        };
        check_glimpses(glimpses.iter().map(glimpse), expected);
    }

    #[test]
    fn stands_still_only_with_a_backlog() {
        check(&[(0, true, None), (0, true, None), (0, false, None), (0, true, None)], &[1, 2, 0, 1]);
    }

    #[test]
    fn any_progress_ends_it_also_backwards() {
        check(&[(0, true, None), (5, true, None), (5, true, None), (3, true, None)], &[1, 0, 1, 0]);
    }

    #[test]
    fn each_mark_alone_is_progress() {
        let glimpse = |marks| Glimpse { marks, has_backlog: true, known_reason: None };
        for moved in [Marks { committable: Offset(1), ..marks(0) }, marks(1), Marks { shown: 1, ..marks(0) }]
        {
            check_glimpses([marks(0), marks(0), moved, moved].map(glimpse), &[1, 2, 0, 1]);
        }
    }

    #[test]
    fn every_known_reason_excuses_it_and_time_counts_anew_afterwards() {
        for reason in [
            KnownReason::Replay,
            KnownReason::StoreAway,
            KnownReason::KafkaAway,
            KnownReason::LeaseWait,
            KnownReason::MappingDrain,
            KnownReason::FencingWait,
            KnownReason::LockTimeout,
            KnownReason::BackOff,
            KnownReason::Hold,
            KnownReason::Draining,
        ] {
            check(&[(0, true, None), (0, true, Some(reason)), (0, true, None)], &[1, 0, 1]);
        }
    }
}
