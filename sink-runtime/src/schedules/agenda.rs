//! Pure. `Agenda`: the simulated time, what is to happen when, and the dice.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// What is to happen, in the order of time, and of asking where the time is the same.
pub(super) struct Agenda<E> {
    pub(super) now: Duration,
    pub(super) random: SmallRng,
    /// The moment at which the simulation begins, by the clock that the code under test is given.
    epoch: Instant,
    items: BinaryHeap<Item<E>>,
    asked: u64,
}

struct Item<E> {
    at: Duration,
    number: u64,
    event: E,
}

impl<E> Agenda<E> {
    pub(super) fn new(seed: u64, epoch: Instant) -> Self {
        let random = SmallRng::seed_from_u64(seed);
        Self { now: Duration::ZERO, random, epoch, items: BinaryHeap::new(), asked: 0 }
    }

    /// Returns this moment as the code under test sees it.
    pub(super) fn instant(&self) -> Instant {
        self.instant_at(self.now)
    }

    /// Returns another moment as the code under test sees it.
    pub(super) fn instant_at(&self, time: Duration) -> Instant {
        self.epoch + time
    }

    /// Returns a moment of the code under test as simulated time.
    pub(super) fn time_of(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.epoch)
    }

    /// Lets something happen at a time, or now where that is over.
    pub(super) fn at(&mut self, at: Duration, event: E) {
        self.asked += 1;
        self.items.push(Item { at: at.max(self.now), number: self.asked, event });
    }

    /// Lets something happen after a while.
    pub(super) fn after(&mut self, delay: Duration, event: E) {
        self.at(self.now + delay, event);
    }

    /// Moves on to what happens next.
    pub(super) fn next(&mut self) -> Option<E> {
        let item = self.items.pop()?;
        self.now = item.at;
        Some(item.event)
    }

    /// Returns true so many times out of a thousand.
    pub(super) fn chance(&mut self, per_mille: u32) -> bool {
        per_mille > 0 && self.random.random_ratio(per_mille, 1_000)
    }

    /// Returns a number out of a range.
    pub(super) fn pick(&mut self, range: Range<u64>) -> u64 {
        self.random.random_range(range)
    }

    /// Returns a time span out of a range of milliseconds.
    pub(super) fn span(&mut self, range_ms: Range<u64>) -> Duration {
        Duration::from_millis(self.random.random_range(range_ms))
    }
}

impl<E> PartialEq for Item<E> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<E> Eq for Item<E> {}

impl<E> PartialOrd for Item<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Item<E> {
    /// The heap gives the greatest first, so the earliest is the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}
