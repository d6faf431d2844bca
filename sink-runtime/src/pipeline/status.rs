//! Pure. `LaneStatus`: what a partition tells its driver; `Health`: what the member tells the outside.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::progress::Progress;
use crate::record::Offset;
use crate::registry::LastLife;

/// What a partition tells its driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LaneStatus {
    /// What a commit says.
    pub(super) progress: Progress,
    /// The life of the topic that a commit names.
    pub(super) life: Option<LastLife>,
    /// Commits may bear this member's name.
    pub(super) is_owner: bool,
    /// The offset below which the store has answered for every message.
    pub(super) answered_to: Offset,
    /// The time of the oldest message here that is not stored.
    pub(super) oldest_timestamp_ms: Option<i64>,
    /// The time of the message that was stored last.
    pub(super) stored_timestamp_ms: Option<i64>,
    /// The partition stands still until a person acts.
    pub(super) is_held: bool,
}

impl LaneStatus {
    /// Returns the status of a lane that begins.
    pub(super) fn new(progress: Progress, life: Option<LastLife>, is_owner: bool) -> Self {
        Self {
            progress,
            life,
            is_owner,
            answered_to: progress.point.offset,
            oldest_timestamp_ms: None,
            stored_timestamp_ms: None,
            is_held: false,
        }
    }
}

/// What the member tells the outside about itself.
#[derive(Debug, Default)]
pub struct Health {
    has_joined: AtomicBool,
    is_store_reachable: AtomicBool,
}

impl Health {
    /// Notes that the member takes part in its group.
    pub fn set_joined(&self) {
        self.has_joined.store(true, Ordering::Relaxed);
    }

    /// Notes that the member takes no part in its group until it joins anew.
    pub fn set_left(&self) {
        self.has_joined.store(false, Ordering::Relaxed);
    }

    /// Notes whether the store answers.
    pub fn set_store_reachable(&self, is_reachable: bool) {
        self.is_store_reachable.store(is_reachable, Ordering::Relaxed);
    }

    /// Tells whether the store answered when it was looked at last.
    #[must_use]
    pub fn is_store_reachable(&self) -> bool {
        self.is_store_reachable.load(Ordering::Relaxed)
    }

    /// Returns what keeps the member from being ready; none where it is.
    #[must_use]
    pub fn obstacle(&self) -> Option<&'static str> {
        if !self.has_joined.load(Ordering::Relaxed) {
            return Some("the consumer has not joined its group");
        }
        (!self.is_store_reachable()).then_some("the store is not reachable")
    }
}
