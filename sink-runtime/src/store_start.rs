//! Pure. `StoreStart`: since when the store runs, by which members tell whether it was restarted; `StartClock` finds it.
//!
//! A store that was killed may have lost what it had shown before (its write-ahead log can be torn), so a restart must
//! not go unnoticed. The store tells only its uptime, in whole seconds.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How far the clocks of two members' machines may differ, and the store's uptime from the truth.
const TOLERANCE_S: u64 = 5;

/// One part in so many that two machines' clocks may run apart.
const DRIFT: u32 = 1_000;

/// Moves starts before that of this machine above zero: a hundred years.
const EPOCH: Duration = Duration::from_hours(24 * 36_525);

/// What a whole number of seconds leaves open.
const SECOND: Duration = Duration::from_secs(1);

/// When the store began to run, in seconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StoreStart(pub i64);

/// One look at the store's uptime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Time since the machine was started, sleep included, just before the store was asked.
    pub asked: Duration,
    /// The same when its answer was there.
    pub answered: Duration,
    /// The wall clock then, in seconds since 1970-01-01 UTC.
    pub wall_s: i64,
    /// What the store said, whole seconds.
    pub uptime: Duration,
}

/// Tells restarts from the store's uptime.
#[derive(Debug, Default)]
pub struct StartClock {
    known: Option<Known>,
}

/// When the store was started at the earliest and at the latest, by the clock since boot, and when that was seen.
#[derive(Clone, Copy, Debug)]
struct Known {
    earliest: Duration,
    latest: Duration,
    seen: Duration,
}

impl StoreStart {
    /// How long a store must run before what it shows counts: a later start is then told from this one by every member.
    pub const PROVABLE_AFTER: Duration = Duration::from_secs(2 * TOLERANCE_S + 2);

    /// Tells whether both may be the same start.
    #[must_use]
    pub fn is_same(self, other: Self) -> bool {
        self.0.abs_diff(other.0) <= TOLERANCE_S
    }
}

impl StartClock {
    /// Takes a look; returns the start where it is the first one seen, or another than before.
    pub fn see(&mut self, sighting: Sighting) -> Option<StoreStart> {
        let seen = Known::from(sighting);
        match self.known.map(|known| known.widened(seen.seen)) {
            Some(known) if seen.earliest <= known.latest => {
                self.known = Some(Known {
                    earliest: known.earliest.max(seen.earliest),
                    latest: known.latest.min(seen.latest),
                    seen: seen.seen,
                });
                None
            }
            Some(_) | None => {
                self.known = Some(seen);
                let uptime = i64::try_from(sighting.uptime.as_secs()).unwrap_or(i64::MAX);
                Some(StoreStart(sighting.wall_s.saturating_sub(uptime)))
            }
        }
    }
}

impl Known {
    /// Clocks run apart, so what was seen a while ago is known less well.
    fn widened(self, now: Duration) -> Self {
        let drift = now.saturating_sub(self.seen) / DRIFT;
        Self { earliest: self.earliest.saturating_sub(drift), latest: self.latest + drift, ..self }
    }
}

impl From<Sighting> for Known {
    fn from(sighting: Sighting) -> Self {
        let before = |moment: Duration| (moment + EPOCH).saturating_sub(sighting.uptime);
        Self {
            earliest: before(sighting.asked).saturating_sub(SECOND),
            latest: before(sighting.answered),
            seen: sighting.answered,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Sighting, StartClock, StoreStart};

    fn see(clock: &mut StartClock, boot_ms: u64, uptime_s: u64) -> Option<StoreStart> {
        let wall_s = 1_000_000 + i64::try_from(boot_ms / 1_000).unwrap();
        let asked = Duration::from_millis(boot_ms);
        clock.see(Sighting {
            asked,
            answered: asked + Duration::from_millis(20),
            wall_s,
            uptime: Duration::from_secs(uptime_s),
        })
    }

    #[test]
    fn first_sighting_tells_the_start_and_later_ones_only_a_restart() {
        let mut clock = StartClock::default();
        assert_eq!(see(&mut clock, 10_000, 4_000), Some(StoreStart(996_010)));
        assert_eq!(see(&mut clock, 15_900, 4_005), None);
        assert_eq!(see(&mut clock, 20_000, 4_010), None);
        assert_eq!(see(&mut clock, 25_000, 1), Some(StoreStart(1_000_024)));
        assert_eq!(see(&mut clock, 30_000, 6), None);
    }

    #[test]
    fn a_store_that_lives_for_seconds_only_is_noticed() {
        let mut clock = StartClock::default();
        see(&mut clock, 10_000, 0);
        assert!(see(&mut clock, 13_000, 0).is_some());
    }

    #[test]
    fn a_slow_answer_makes_no_restart() {
        let mut clock = StartClock::default();
        see(&mut clock, 10_000, 100);
        let slow = Sighting {
            asked: Duration::from_secs(15),
            answered: Duration::from_secs(24),
            wall_s: 0,
            uptime: Duration::from_secs(114),
        };
        assert_eq!(clock.see(slow), None);
        assert_eq!(see(&mut clock, 30_000, 120), None);
        assert!(see(&mut clock, 35_000, 122).is_some());
    }

    #[test]
    fn clocks_that_run_apart_make_no_restart() {
        let mut clock = StartClock::default();
        see(&mut clock, 10_000, 0);
        for second in 1..100_000 {
            // The store's clock loses one second in ten thousand.
            assert_eq!(see(&mut clock, 10_000 + second * 1_000, second - second / 10_000), None);
        }
    }

    #[test]
    fn clocks_of_members_may_differ_a_little() {
        assert!(StoreStart(100).is_same(StoreStart(105)));
        assert!(!StoreStart(100).is_same(StoreStart(106)));
    }
}
