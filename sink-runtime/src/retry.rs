//! Pure. `RetryForever`: the pause before the next attempt at something that must not be given up.
//!
//! The type has no limit of attempts on purpose: Kafka keeps the data, so an outage costs time and nothing else.

use std::time::Duration;

use rand::{Rng, RngExt};

/// Shortest upper bound of a pause.
const FIRST: Duration = Duration::from_millis(50);

/// Longest upper bound of a pause.
const LONGEST: Duration = Duration::from_secs(15);

/// Exponential back-off with jitter and no last attempt.
#[derive(Clone, Debug, Default)]
pub struct RetryForever {
    attempts: u32,
}

impl RetryForever {
    /// Returns the pause before the next attempt: between half and all of a bound that doubles each time.
    pub fn pause(&mut self, random: &mut impl Rng) -> Duration {
        let bound = FIRST.saturating_mul(1 << self.attempts.min(16)).min(LONGEST);
        self.attempts = self.attempts.saturating_add(1);
        bound.mul_f64(random.random_range(0.5..=1.0))
    }

    /// Returns the number of failed attempts so far.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Forgets the failures: something succeeded.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    use super::{FIRST, LONGEST, RetryForever};

    #[test]
    fn pauses_double_up_to_the_longest_and_start_over_after_success() {
        let mut random = SmallRng::seed_from_u64(1);
        let mut retry = RetryForever::default();
        let pauses: Vec<Duration> = (0..40).map(|_| retry.pause(&mut random)).collect();
        assert!(pauses[0] >= FIRST / 2 && pauses[0] <= FIRST);
        assert!(pauses[3] >= FIRST * 4 && pauses[3] <= FIRST * 8);
        assert!(pauses[20..].iter().all(|pause| *pause >= LONGEST / 2 && *pause <= LONGEST));
        retry.reset();
        assert!(retry.pause(&mut random) <= FIRST);
    }
}
