//! Pure. What a candidate does about the Lease as it saw it.
//!
//! Nobody's clock but our own is believed: a record has run out when it has not changed for as long as it asks for,
//! counted from when we first saw it. The times that it shows are for people.

use std::time::Duration;

use jiff::Timestamp;

/// A point of time by the local clock: the time since the machine was started.
pub(crate) type Moment = Duration;

/// How leadership is kept and lost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// How long a record keeps others away.
    pub(crate) lease: Duration,
    /// How long its holder believes in it, counted from before it was written.
    pub(crate) believed: Duration,
    /// Time between two renewals.
    pub(crate) renewal: Duration,
    /// Time between two looks of those who wait, and before what has failed is tried again.
    pub(crate) retry: Duration,
    /// Longest wait for one answer.
    pub(crate) request: Duration,
}

impl Pace {
    /// Returns the pace for records that keep others away for so long.
    pub(crate) fn of(lease: Duration) -> Self {
        Self { lease, believed: lease * 2 / 3, renewal: lease / 3, retry: lease / 15, request: lease / 6 }
    }
}

/// What a Lease says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Who holds it; nobody after a release.
    pub(crate) holder: Option<String>,
    /// How long it keeps others away; `None` where it does not say.
    pub(crate) lease: Option<Duration>,
    /// When its holder became that, by the holder's clock.
    pub(crate) acquired: Option<Timestamp>,
    /// When it was written last, by the holder's clock: every renewal changes it.
    pub(crate) renewed: Option<Timestamp>,
    /// How often the holder changed.
    pub(crate) transitions: i32,
}

/// A Lease as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// What it said; `None` where there was no Lease.
    pub(crate) record: Option<Record>,
    /// When we first saw it say that.
    pub(crate) since: Moment,
}

/// What a candidate does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Writes itself into the Lease.
    Acquire,
    /// Writes the Lease that it holds anew.
    Renew,
    /// Leaves it to its holder, and looks again.
    Wait,
    /// Ceases to work at once.
    StepDown(Loss),
}

/// Why leadership ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Loss {
    /// No renewal succeeded in time.
    #[error("the lease could not be renewed in time")]
    RanOut,
    /// Somebody else holds the Lease, or nobody does: it was edited or deleted.
    #[error("the lease names this operator no more")]
    Taken,
}

/// Decides what `me` does. `begun` is when the last write that succeeded was begun, `None` for one that does not lead.
pub(crate) fn decide(me: &str, seen: &Seen, begun: Option<Moment>, pace: &Pace, now: Moment) -> Decision {
    let holder = seen.record.as_ref().and_then(|record| record.holder.as_deref());
    match begun {
        Some(begun) if now >= begun + pace.believed => Decision::StepDown(Loss::RanOut),
        Some(_) if holder == Some(me) => Decision::Renew,
        Some(_) => Decision::StepDown(Loss::Taken),
        // A write of ours may have succeeded although its answer was lost.
        None if holder.is_none_or(|holder| holder == me) => Decision::Acquire,
        None if has_run_out(seen, pace, now) => Decision::Acquire,
        None => Decision::Wait,
    }
}

/// The record's own time counts, not ours: during an upgrade they may differ, and it is what its holder relies on.
fn has_run_out(seen: &Seen, pace: &Pace, now: Moment) -> bool {
    let lease = seen.record.as_ref().and_then(|record| record.lease).unwrap_or(pace.lease);
    now.saturating_sub(seen.since) >= lease
}

#[cfg(test)]
mod tests {
    use super::{Decision, Duration, Loss, Moment, Pace, Record, Seen, decide};

    const PACE: Pace = Pace {
        lease: Duration::from_secs(30),
        believed: Duration::from_secs(20),
        renewal: Duration::from_secs(10),
        retry: Duration::from_secs(2),
        request: Duration::from_secs(5),
    };

    fn held_by(holder: Option<&str>, lease: Option<u64>) -> Record {
        Record {
            holder: holder.map(str::to_owned),
            lease: lease.map(Duration::from_secs),
            acquired: None,
            renewed: None,
            transitions: 0,
        }
    }

    fn check(
        record: impl Into<Option<Record>>,
        since: u64,
        begun: Option<u64>,
        now: u64,
        expected: Decision,
    ) {
        let seen = Seen { record: record.into(), since: Moment::from_secs(since) };
        let decision = decide("me", &seen, begun.map(Moment::from_secs), &PACE, Moment::from_secs(now));
        assert_eq!(decision, expected, "{seen:?} {begun:?} {now}");
    }

    #[test]
    fn waits_until_a_record_of_another_has_stood_still_for_as_long_as_it_asks_for() {
        check(held_by(Some("another"), Some(30)), 100, None, 129, Decision::Wait);
        check(held_by(Some("another"), Some(30)), 100, None, 130, Decision::Acquire);
        check(held_by(Some("another"), Some(60)), 100, None, 159, Decision::Wait);
        check(held_by(Some("another"), Some(6)), 100, None, 106, Decision::Acquire);
        check(held_by(Some("another"), None), 100, None, 129, Decision::Wait);
        check(held_by(Some("another"), None), 100, None, 130, Decision::Acquire);
    }

    #[test]
    fn takes_what_nobody_holds_and_what_it_was_given_unheard() {
        check(None, 100, None, 100, Decision::Acquire);
        check(held_by(None, Some(30)), 100, None, 100, Decision::Acquire);
        check(held_by(Some("me"), Some(30)), 100, None, 100, Decision::Acquire);
    }

    #[test]
    fn leads_only_while_it_can_be_sure_of_it() {
        check(held_by(Some("me"), Some(30)), 100, Some(100), 119, Decision::Renew);
        check(held_by(Some("me"), Some(30)), 100, Some(100), 120, Decision::StepDown(Loss::RanOut));
        check(held_by(Some("another"), Some(30)), 110, Some(100), 110, Decision::StepDown(Loss::Taken));
        check(held_by(None, Some(30)), 110, Some(100), 110, Decision::StepDown(Loss::Taken));
        check(None, 110, Some(100), 110, Decision::StepDown(Loss::Taken));
    }

    #[test]
    fn a_holder_is_sure_for_less_time_than_others_wait() {
        for seconds in [5, 15, 30, 300] {
            let pace = Pace::of(Duration::from_secs(seconds));
            assert!(pace.believed < pace.lease && pace.renewal + pace.request + pace.retry < pace.believed);
        }
    }
}
