//! The messages: made from their number, so that the checker can make them again. Pure.

use super::scenario::Times;
use crate::trial::Produce;

/// The name of the header that carries the number.
pub const NUMBER: &str = "number";
/// Sizes of values, in bytes.
const VALUE_BYTES: std::ops::Range<u64> = 40..1_500;
/// How much earlier than the one before a message is whose times run backwards.
const STEP_BACK_MS: i64 = 7;
/// How far the second producer's clock is ahead.
const CLOCK_AHEAD_MS: i64 = 3_600_000;

/// Messages of one run.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Makes the bytes of each run others.
    pub seed: u64,
    /// Partitions of the topic, filled in turn.
    pub partitions: u32,
    /// Which times they have.
    pub times: Times,
    /// When the run began, in milliseconds since 1970-01-01 UTC.
    pub start_ms: i64,
}

impl Workload {
    /// Returns message `number` without its time.
    #[must_use]
    pub fn message(&self, number: u64) -> Produce {
        let mut state = self.seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let size = VALUE_BYTES.start + next(&mut state) % (VALUE_BYTES.end - VALUE_BYTES.start);
        let words = std::iter::repeat_with(|| next(&mut state).to_le_bytes());
        let value: Vec<u8> = words.flatten().zip(0..size).map(|(byte, _)| byte).collect();
        let message = Produce::value(value).header(NUMBER, number.to_string());
        // Neighbours in a batch must not inherit each other's labels.
        if number.is_multiple_of(3) { message.header("third", "yes") } else { message }
    }

    /// Returns the partition of message `number`.
    ///
    /// # Panics
    /// Never: a remainder is smaller than the number of partitions.
    #[must_use]
    pub fn partition(&self, number: u64) -> i32 {
        i32::try_from(number % u64::from(self.partitions))
            .expect("a remainder is smaller than the number of partitions")
    }

    /// Returns which of two producers sends message `number`; both send to every partition.
    #[must_use]
    pub fn is_second_producers(&self, number: u64) -> bool {
        (number / u64::from(self.partitions)) % 2 == 1
    }

    /// Returns the time of message `number` that is sent now.
    #[must_use]
    pub fn timestamp_ms(&self, number: u64, now_ms: i64) -> i64 {
        match self.times {
            Times::Constant => self.start_ms,
            Times::Backwards => self.start_ms - STEP_BACK_MS * number.cast_signed(),
            Times::TwoClocks if self.is_second_producers(number) => now_ms + CLOCK_AHEAD_MS,
            Times::Now | Times::TwoClocks => now_ms,
        }
    }
}

/// Steps a generator of well-mixed numbers (splitmix64): cheap, and no library's next version changes it.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::Workload;
    use crate::faults::scenario::Times;

    fn workload(times: Times) -> Workload {
        Workload { seed: 5, partitions: 4, times, start_ms: 1_000_000 }
    }

    #[test]
    fn message_is_made_again_from_its_number_and_like_no_other() {
        let (workload, value) = (workload(Times::Now), |message: super::Produce| message.value.unwrap());
        assert_eq!(value(workload.message(7)), value(workload.message(7)));
        assert_ne!(value(workload.message(7)), value(workload.message(8)));
    }

    #[test]
    fn times_run_as_they_are_meant_to() {
        let time = |times, number| workload(times).timestamp_ms(number, 2_000_000);
        assert_eq!(time(Times::Constant, 9), 1_000_000);
        assert!(time(Times::Backwards, 9) < time(Times::Backwards, 8));
        assert_eq!((time(Times::TwoClocks, 1), time(Times::TwoClocks, 5)), (2_000_000, 5_600_000));
    }
}
