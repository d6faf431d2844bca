//! Pure. `Pulse`: tells from outside whether something that must go round still does.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// When something last went round, by a clock that nobody sets; what has not begun does not stand still.
#[derive(Debug, Default)]
pub struct Pulse(Mutex<Option<Instant>>);

impl Pulse {
    /// Notes that it went round.
    pub fn beat(&self, now: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// Notes that it has ended as it should; what begins again beats again.
    pub fn rest(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Returns how long ago it last went round.
    #[must_use]
    pub fn age(&self, now: Instant) -> Duration {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.map_or(Duration::ZERO, |last| now.saturating_duration_since(last))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Pulse;

    #[test]
    fn age_grows_from_the_first_beat_until_the_next() {
        let begun = tokio::time::Instant::now().into_std();
        let after = |seconds| begun + Duration::from_secs(seconds);
        let pulse = Pulse::default();
        assert_eq!(pulse.age(after(5)), Duration::ZERO, "it has not begun");
        pulse.beat(after(5));
        assert_eq!(pulse.age(after(7)), Duration::from_secs(2));
        pulse.beat(after(7));
        assert_eq!(pulse.age(after(7)), Duration::ZERO);
        assert_eq!(pulse.age(after(6)), Duration::ZERO, "the reader looked at the clock before the beat");
        pulse.rest();
        assert_eq!(pulse.age(after(500)), Duration::ZERO, "it has ended");
    }
}
