//! Pure. `Throttle`: how many partitions write at the same time, fewer while the store is slow.
//!
//! Additive increase, multiplicative decrease: each sign of distress halves the number, each success adds a little.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Most writes at the same time.
const WRITES_MAX: usize = 64;

/// Signs of distress that come together count once.
const SLOWED_FOR: Duration = Duration::from_secs(1);

/// Bounds the writes that are under way. Whoever waits longest is let in first.
#[derive(Debug)]
pub struct Throttle {
    turns: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limit: usize,
    /// Turns that there are, taken and free: more than the limit while writes are under way that began before it sank.
    turns: usize,
    /// Writes that went well since the limit was changed.
    successes: usize,
    slowed: Option<Instant>,
}

/// One write under way; dropping it lets the next one in.
#[derive(Debug)]
pub struct Pass<'a> {
    throttle: &'a Throttle,
    turn: Option<SemaphorePermit<'a>>,
}

impl Default for Throttle {
    fn default() -> Self {
        let state = State { limit: WRITES_MAX, turns: WRITES_MAX, successes: 0, slowed: None };
        Self { turns: Semaphore::new(WRITES_MAX), state: Mutex::new(state) }
    }
}

impl Throttle {
    /// Waits for its turn.
    ///
    /// # Cancel safety
    /// Dropping the future gives the turn up.
    pub async fn enter(&self) -> Pass<'_> {
        // Nobody closes it.
        let turn = self.turns.acquire().await.ok();
        Pass { throttle: self, turn }
    }

    /// Notes that the store is slow, or asks to be spared.
    pub fn slow_down(&self, now: Instant) {
        let mut state = self.state();
        if state.slowed.is_some_and(|at| now < at + SLOWED_FOR) {
            return;
        }
        state.slowed = Some(now);
        state.successes = 0;
        let under_way = state.turns.saturating_sub(self.turns.available_permits());
        state.limit = (state.limit.min(under_way) / 2).max(1);
        // Those that are taken go where they are given back.
        let surplus = state.turns.saturating_sub(state.limit);
        state.turns -= self.turns.forget_permits(surplus);
    }

    /// Notes that a write went well.
    pub fn speed_up(&self) {
        let mut state = self.state();
        state.successes += 1;
        if state.limit == WRITES_MAX || state.successes < state.limit {
            return;
        }
        state.successes = 0;
        state.limit += 1;
        if state.turns < state.limit {
            state.turns += 1;
            self.turns.add_permits(1);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut state = self.throttle.state();
        if let Some(turn) = self.turn.take_if(|_| state.turns > state.limit) {
            state.turns -= 1;
            turn.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tokio::task::coop::unconstrained;
    use tokio::time::Instant;

    use super::Throttle;

    fn enter_all(throttle: &Throttle) -> Vec<super::Pass<'_>> {
        std::iter::from_fn(|| unconstrained(throttle.enter()).now_or_never()).take(100).collect()
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
        for _ in 0..32 {
            throttle.speed_up();
        }
        assert_eq!(enter_all(&throttle).len(), 33);
    }

    #[tokio::test]
    async fn whoever_waits_longest_is_let_in_first() {
        let throttle = Throttle::default();
        throttle.slow_down(Instant::now());
        let pass = throttle.enter().now_or_never();
        assert!(pass.is_some());
        let mut first = Box::pin(throttle.enter());
        assert!(first.as_mut().now_or_never().is_none());
        drop(pass);
        assert!(throttle.enter().now_or_never().is_none(), "overtook the one that waits");
        assert!(first.now_or_never().is_some());
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
