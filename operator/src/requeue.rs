//! Pure but for its own memory. When a resource is looked at again: kube's controller counts no attempts, so this
//! does, per resource.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Pause before the first new attempt.
const FIRST: Duration = Duration::from_secs(1);

/// Longest pause after failures: the time a mended mistake may go unnoticed where nothing tells us of it.
const FAILURE_MAX: Duration = Duration::from_mins(1);

/// Pause while all is well: lag in the status is refreshed and drift is found this often.
const HEALTHY: Duration = Duration::from_mins(1);

/// Least pause while pods start or stop; the watch on the `StatefulSet` usually comes first. What keeps a single pod from
/// running only a look at it tells.
const ROLLING_MIN: Duration = Duration::from_secs(5);

/// Longest pause while pods start or stop.
const ROLLING_MAX: Duration = Duration::from_mins(1);

/// The pause while pods start or stop is this part of the time that they have taken already.
const ROLLING_PART: u32 = 4;

/// Pause where only the user can change something; a change of the resource comes by watch at once.
const REFUSED: Duration = Duration::from_mins(10);

/// What a reconciliation left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// All is as the resource says.
    Healthy,
    /// Pods start or stop.
    Rolling,
    /// The resource itself must change.
    Refused,
    /// Kafka, the store or Kubernetes did not do what was asked.
    Failed,
}

/// Remembers what each resource that is not as it should be was left as.
#[derive(Debug, Default)]
pub(crate) struct Requeue {
    rows: Mutex<HashMap<String, Row>>,
}

/// Reconciliations that left the same behind, one after the other.
#[derive(Clone, Copy, Debug)]
struct Row {
    next: Next,
    count: u32,
    since: Instant,
}

impl Requeue {
    /// Returns the pause before the resource with this uid is looked at again.
    pub(crate) fn after(&self, uid: &str, next: Next, now: Instant) -> Duration {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let before = rows.remove(uid).filter(|row| row.next == next);
        let row = before.map_or(Row { next, count: 1, since: now }, |row| Row {
            count: row.count.saturating_add(1),
            ..row
        });
        match next {
            Next::Failed | Next::Rolling => drop(rows.insert(uid.to_owned(), row)),
            Next::Healthy | Next::Refused => {}
        }
        jittered(pause(row, now), uid, row.count)
    }

    /// Forgets a resource that is gone.
    pub(crate) fn forget(&self, uid: &str) {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

fn pause(row: Row, now: Instant) -> Duration {
    match row.next {
        Next::Healthy => HEALTHY,
        // Changes of the pods wake us too: how often that was says nothing of how long it lasts.
        Next::Rolling => (now.duration_since(row.since) / ROLLING_PART).clamp(ROLLING_MIN, ROLLING_MAX),
        Next::Refused => REFUSED,
        Next::Failed => {
            let doublings = row.count.saturating_sub(1).min(16);
            (FIRST * 2_u32.pow(doublings)).min(FAILURE_MAX)
        }
    }
}

/// Adds up to a quarter, the same for the same resource and attempt: resources that failed together do not come
/// back together.
fn jittered(pause: Duration, uid: &str, attempt: u32) -> Duration {
    let mut hasher = DefaultHasher::new();
    (uid, attempt).hash(&mut hasher);
    let share = u32::try_from(hasher.finish() % 256).unwrap_or(0);
    pause + pause / 4 * share / 256
}

#[cfg(test)]
mod tests {
    use super::{Duration, Instant, Next, Requeue};

    fn check(pause: Duration, seconds: u64) {
        let least = Duration::from_secs(seconds);
        assert!(pause >= least && pause <= least * 5 / 4, "{pause:?} is not about {least:?}");
    }

    #[tokio::test]
    async fn doubles_after_every_failure_up_to_a_minute_and_starts_again_after_success() {
        let (requeue, now) = (Requeue::default(), Instant::now());
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            check(requeue.after("a", Next::Failed, now), seconds);
        }
        check(requeue.after("b", Next::Failed, now), 1);
        check(requeue.after("a", Next::Healthy, now), 60);
        check(requeue.after("a", Next::Failed, now), 1);
    }

    #[tokio::test]
    async fn looks_more_seldom_the_longer_pods_take() {
        let (requeue, start) = (Requeue::default(), Instant::now());
        for (second, pause) in [(0, 5), (1, 5), (20, 5), (60, 15), (240, 60), (9_999, 60)] {
            check(requeue.after("a", Next::Rolling, start + Duration::from_secs(second)), pause);
        }
        let later = start + Duration::from_secs(9_999);
        check(requeue.after("a", Next::Healthy, later), 60);
        check(requeue.after("a", Next::Rolling, later), 5);
    }

    #[tokio::test]
    async fn spreads_resources_that_failed_together() {
        let (requeue, now) = (Requeue::default(), Instant::now());
        let pauses: std::collections::BTreeSet<_> =
            (0..50).map(|uid| requeue.after(&format!("{uid}"), Next::Rolling, now)).collect();
        assert!(pauses.len() > 30, "{pauses:?}");
    }
}
