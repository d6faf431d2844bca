//! Pure. `Lease`: how long this member may believe that its partitions are still its own.
//!
//! A member that was frozen does not know that its session has ended and that others write its entries. So it sends
//! nothing to the store unless the group took a commit of it that was begun a short while ago: 30 s of session less 15 s
//! that a request may take, less 5 s in reserve.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

/// How long a commit is believed, counted from its begin.
pub const BELIEVED_FOR: Duration = Duration::from_secs(10);

/// How often a commit is asked for while there is none to believe.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// The last commit that the group took.
#[derive(Debug, Default)]
pub struct Lease {
    /// When it was begun, in milliseconds since the machine was started; zero before the first one.
    begun_ms: AtomicU64,
    renewed: Notify,
    wanted: Notify,
}

impl Lease {
    /// Notes that the group took a commit that was begun at this time since the machine was started.
    pub fn renew(&self, begun: Duration) {
        self.begun_ms.fetch_max(milliseconds(begun), Ordering::Relaxed);
        self.renewed.notify_waiters();
    }

    /// Tells whether a request may be sent at this time since the machine was started.
    #[must_use]
    pub fn holds(&self, now: Duration) -> bool {
        let begun = self.begun_ms.load(Ordering::Relaxed);
        begun != 0 && Duration::from_millis(begun) + BELIEVED_FOR > now
    }

    /// Waits until a request may be sent, and asks for a commit meanwhile. The caller must send at once.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn wait(&self, clock: impl Fn() -> Duration) {
        loop {
            let renewed = self.renewed.notified();
            if self.holds(clock()) {
                return;
            }
            self.ask();
            // Where nobody commits in time, it is asked for again.
            let _in_time = timeout(ASK_EVERY, renewed).await.is_ok();
        }
    }

    /// Asks for a commit.
    pub fn ask(&self) {
        self.wanted.notify_one();
    }

    /// Waits until somebody asks for a commit.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::{BELIEVED_FOR, Lease};

    #[test]
    fn a_commit_is_believed_for_a_while_from_its_begin() {
        let lease = Lease::default();
        assert!(!lease.holds(Duration::from_secs(1)), "nothing was committed yet");
        lease.renew(Duration::from_secs(100));
        assert!(lease.holds(Duration::from_millis(109_999)));
        assert!(!lease.holds(Duration::from_secs(100) + BELIEVED_FOR));
        lease.renew(Duration::from_secs(50));
        assert!(lease.holds(Duration::from_secs(109)), "an older answer takes nothing back");
    }

    #[tokio::test]
    async fn who_waits_asks_for_a_commit() {
        let lease = Arc::new(Lease::default());
        let now_s = AtomicU64::new(100);
        let clock = move || Duration::from_secs(now_s.load(Ordering::Relaxed));
        let waiter = Arc::clone(&lease);
        let waiting = tokio::spawn(async move { waiter.wait(clock).await });
        lease.wanted().await;
        assert!(!waiting.is_finished());
        lease.renew(Duration::from_secs(99));
        waiting.await.unwrap();
    }
}
