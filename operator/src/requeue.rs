//! Pure but for its own memory. When a resource is looked at again: kube's controller counts no attempts, so this
//! does, per resource.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Pause before the first new attempt.
const FIRST: Duration = Duration::from_secs(1);

/// Longest pause after failures: the time a mended mistake may go unnoticed where nothing tells us of it.
const FAILURE_MAX: Duration = Duration::from_mins(1);

/// Pause while all is well: lag in the status is refreshed and drift is found this often.
const HEALTHY: Duration = Duration::from_mins(1);

/// Pause while pods start or stop; the watch on the `StatefulSet` usually comes first.
const ROLLING: Duration = Duration::from_secs(5);

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

/// Counts the failures in a row of each resource.
#[derive(Debug, Default)]
pub(crate) struct Requeue {
    failures: Mutex<HashMap<String, u32>>,
}

impl Requeue {
    /// Returns the pause before the resource with this uid is looked at again.
    pub(crate) fn after(&self, uid: &str, next: Next) -> Duration {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let attempt = match next {
            Next::Failed => {
                let count = failures.entry(uid.to_owned()).or_default();
                *count = count.saturating_add(1);
                *count
            }
            Next::Healthy | Next::Rolling | Next::Refused => {
                failures.remove(uid);
                0
            }
        };
        jittered(pause(next, attempt), uid, attempt)
    }

    /// Forgets a resource that is gone.
    pub(crate) fn forget(&self, uid: &str) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

fn pause(next: Next, attempt: u32) -> Duration {
    match next {
        Next::Healthy => HEALTHY,
        Next::Rolling => ROLLING,
        Next::Refused => REFUSED,
        Next::Failed => {
            let doublings = attempt.saturating_sub(1).min(16);
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
    use super::{Duration, Next, Requeue};

    fn check(pause: Duration, seconds: u64) {
        let least = Duration::from_secs(seconds);
        assert!(pause >= least && pause <= least * 5 / 4, "{pause:?} is not about {least:?}");
    }

    #[test]
    fn doubles_after_every_failure_up_to_a_minute_and_starts_again_after_success() {
        let requeue = Requeue::default();
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            check(requeue.after("a", Next::Failed), seconds);
        }
        check(requeue.after("b", Next::Failed), 1);
        check(requeue.after("a", Next::Healthy), 60);
        check(requeue.after("a", Next::Failed), 1);
    }

    #[test]
    fn spreads_resources_that_failed_together() {
        let requeue = Requeue::default();
        let pauses: std::collections::BTreeSet<_> =
            (0..50).map(|uid| requeue.after(&format!("{uid}"), Next::Rolling)).collect();
        assert!(pauses.len() > 30, "{pauses:?}");
    }
}
