//! Pure. `Pulse`: tells from outside whether the reading thread still goes round.

use std::sync::atomic::{AtomicI64, Ordering};

/// When the reading thread last went round, in milliseconds of the wall clock.
#[derive(Debug, Default)]
pub struct Pulse(AtomicI64);

impl Pulse {
    /// Notes that the thread went round.
    pub(super) fn beat(&self, wall_ms: i64) {
        self.0.store(wall_ms, Ordering::Relaxed);
    }

    /// Returns how long ago the thread last went round, in milliseconds.
    #[must_use]
    pub fn age_ms(&self, wall_ms: i64) -> i64 {
        wall_ms.saturating_sub(self.0.load(Ordering::Relaxed))
    }
}
