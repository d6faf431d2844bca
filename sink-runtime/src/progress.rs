//! Pure. `Progress`: all that a commit says about one partition, so that whoever replays from it goes wrong nowhere.

use crate::ledger::CommitPoint;
use crate::record::Offset;
use crate::store_start::StoreStart;

/// How far a partition has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is committed: below it every message was shown by the store, dead-lettered or expired.
    pub point: CommitPoint,
    /// Below it nothing is lost even if the store is killed and its write-ahead log torn.
    pub safe: CommitPoint,
    /// Below it every message was once committed past: beyond `point` only after going back. Retention that takes any of
    /// these loses nothing.
    pub proven: Offset,
    /// The start of the store under which everything from `safe` to `point` was written and read back; absent where
    /// nothing was.
    pub store_start: Option<StoreStart>,
}

impl Progress {
    /// Returns the progress of a partition of which nothing but a point is known.
    #[must_use]
    pub fn at(point: CommitPoint) -> Self {
        Self { point, safe: point, proven: point.offset, store_start: None }
    }

    /// Tells whether nothing would have to be read again if the store were killed now.
    #[must_use]
    pub fn is_safe(&self) -> bool {
        self.safe.offset >= self.point.offset
    }
}
