//! Pure. `Throttle`: how many partitions write at the same time, fewer while the store is slow.
//!
//! Additive increase, multiplicative decrease: each sign of distress halves the number, each success adds a little.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Most writes at the same time.
const WRITES_MAX: f64 = 64.0;

/// Signs of distress that come together count once.
const SLOWED_FOR: Duration = Duration::from_secs(1);

/// Bounds the writes that are under way.
#[derive(Debug)]
pub struct Throttle {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    limit: f64,
    under_way: u32,
    slowed: Option<Instant>,
}

/// One write under way; dropping it lets the next one in.
#[derive(Debug)]
pub struct Pass<'a>(&'a Throttle);

impl Default for Throttle {
    fn default() -> Self {
        let state = State { limit: WRITES_MAX, under_way: 0, slowed: None };
        Self { state: Mutex::new(state), freed: Notify::new() }
    }
}

impl Throttle {
    /// Waits for its turn.
    ///
    /// # Cancel safety
    /// Dropping the future gives the turn up.
    pub async fn enter(&self) -> Pass<'_> {
        loop {
            let freed = self.freed.notified();
            if self.try_enter() {
                return Pass(self);
            }
            freed.await;
        }
    }

    /// Notes that the store is slow, or asks to be spared.
    pub fn slow_down(&self, now: Instant) {
        let mut state = self.state();
        if state.slowed.is_some_and(|at| now < at + SLOWED_FOR) {
            return;
        }
        state.slowed = Some(now);
        let at_work = state.limit.min(f64::from(state.under_way.max(1)));
        state.limit = (at_work / 2.0).max(1.0);
    }

    /// Notes that a write went well.
    pub fn speed_up(&self) {
        let mut state = self.state();
        if state.limit < WRITES_MAX {
            state.limit = (state.limit + 1.0 / state.limit).min(WRITES_MAX);
            drop(state);
            self.freed.notify_one();
        }
    }

    fn try_enter(&self) -> bool {
        let mut state = self.state();
        let has_room = f64::from(state.under_way) + 1.0 <= state.limit;
        state.under_way += u32::from(has_room);
        has_room
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.0.state().under_way -= 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tokio::time::Instant;

    use super::Throttle;

    fn enter_all(throttle: &Throttle) -> Vec<super::Pass<'_>> {
        std::iter::from_fn(|| throttle.enter().now_or_never()).take(100).collect()
    }

    #[tokio::test]
    async fn distress_halves_what_is_under_way_and_success_lets_it_grow() {
        let throttle = Throttle::default();
        let passes = enter_all(&throttle);
        assert_eq!(passes.len(), 64);
        let now = Instant::now();
        throttle.slow_down(now);
        throttle.slow_down(now);
        drop(passes);
        let fewer = enter_all(&throttle);
        assert_eq!(fewer.len(), 32, "signs that come together count once");
        drop(fewer);
        for _ in 0..33 {
            throttle.speed_up();
        }
        assert_eq!(enter_all(&throttle).len(), 33);
    }

    #[tokio::test]
    async fn one_write_is_always_allowed() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for second in 0..10 {
            throttle.slow_down(now + super::SLOWED_FOR * second);
        }
        assert_eq!(enter_all(&throttle).len(), 1);
    }
}
