//! Pure but for its own memory. How often lag is written: it changes all the time, and every write wakes every watcher.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Least time between two writes of the lag of one resource.
const PAUSE: Duration = Duration::from_secs(55);

/// When the lag of each resource was last written.
#[derive(Debug, Default)]
pub(crate) struct LagPace {
    written: Mutex<HashMap<String, Instant>>,
}

impl LagPace {
    /// Tells whether a new lag of the resource with this uid may be written.
    pub(crate) fn is_due(&self, uid: &str, now: Instant) -> bool {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.get(uid).is_none_or(|last| now.duration_since(*last) >= PAUSE)
    }

    /// Remembers that it was.
    pub(crate) fn written(&self, uid: &str, now: Instant) {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).insert(uid.to_owned(), now);
    }

    /// Forgets a resource that is gone.
    pub(crate) fn forget(&self, uid: &str) {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}
