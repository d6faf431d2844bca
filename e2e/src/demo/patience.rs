//! Waits for what is still to come. IO: clock.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Longest wait for anything: a kubelet or an operator may look only once a minute, and then need some time.
const LONGEST: Duration = Duration::from_mins(3);

/// Looks again and again until `look` succeeds; its error says why it is not yet so.
///
/// # Errors
/// It has not been so for three minutes; the message is that of the last look.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let (begun, mut ticks) = (Instant::now(), interval(LOOK_EVERY));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match look().await {
            Err(error) if begun.elapsed() > LONGEST => {
                return Err(error).with_context(|| format!("wait until {what}, for {LONGEST:?}"));
            }
            Err(_) => {}
            Ok(found) => return Ok(found),
        }
    }
}
