//! Pure. `Stall`: how long a partition has stood still although there is work and nothing is known to hold it up.

use std::time::{Duration, Instant};

use crate::record::Offset;

/// Why a partition may stand still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownReason {
    /// What was stored before is looked for again.
    Replay,
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

/// What a partition shows at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Glimpse {
    /// How far it has come; any change is progress.
    pub(super) progress: Offset,
    /// There are messages that are not stored.
    pub(super) has_backlog: bool,
    /// Why it may stand still.
    pub(super) known_reason: Option<KnownReason>,
}

/// How long one partition has stood still.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stall {
    progress: Offset,
    since: Instant,
}

impl Stall {
    /// Returns a partition that moves.
    pub(super) fn new(now: Instant, progress: Offset) -> Self {
        Self { progress, since: now }
    }

    /// Takes what a partition shows; returns how long it has stood still without a known reason.
    pub(super) fn look(&mut self, now: Instant, glimpse: Glimpse) -> Duration {
        let moves = glimpse.progress != self.progress;
        if moves || !glimpse.has_backlog || glimpse.known_reason.is_some() {
            *self = Self::new(now, glimpse.progress);
        }
        now.saturating_duration_since(self.since)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Glimpse, KnownReason, Stall};
    use crate::record::Offset;

    /// Looks once a second; returns the seconds of standing still that were seen.
    fn check(glimpses: &[(i64, bool, Option<KnownReason>)], expected: &[u64]) {
        let begun = tokio::time::Instant::now().into_std();
        let mut stall = Stall::new(begun, Offset(0));
        let seen: Vec<u64> = (1..)
            .zip(glimpses)
            .map(|(second, (progress, has_backlog, known_reason))| {
                let (progress, has_backlog, known_reason) = (Offset(*progress), *has_backlog, *known_reason);
                let glimpse = Glimpse { progress, has_backlog, known_reason };
                stall.look(begun + Duration::from_secs(second), glimpse).as_secs()
            })
            .collect();
        assert_eq!(seen, expected);
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
    fn every_known_reason_excuses_it_and_time_counts_anew_afterwards() {
        for reason in [
            KnownReason::Replay,
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
