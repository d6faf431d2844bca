//! Pure but for its own memory. `Bell`: resources that are to be looked at because another one changed.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// What was asked for and not yet taken, each thing once: it holds no more than there is.
#[derive(Debug)]
pub(super) struct Bell<T> {
    pending: Mutex<HashSet<T>>,
    rung: Notify,
}

impl<T> Default for Bell<T> {
    fn default() -> Self {
        Self { pending: Mutex::default(), rung: Notify::new() }
    }
}

impl<T: Eq + Hash> Bell<T> {
    /// Asks for these.
    pub(super) fn ring(&self, wanted: impl IntoIterator<Item = T>) {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).extend(wanted);
        self.rung.notify_one();
    }

    /// Takes what is asked for, and waits until there is something. There is one who takes.
    pub(super) async fn taken(&self) -> HashSet<T> {
        loop {
            let pending = std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
            if !pending.is_empty() {
                return pending;
            }
            // One that rang since then has left its mark.
            self.rung.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use futures::FutureExt;

    use super::Bell;

    #[tokio::test]
    async fn gives_each_thing_once_and_loses_none() {
        let bell = Bell::default();
        assert_eq!(bell.taken().now_or_never(), None);
        bell.ring([1, 2]);
        bell.ring([2]);
        assert_eq!(bell.taken().await, HashSet::from([1, 2]));
        let (taken, ()) = tokio::join!(bell.taken(), async { bell.ring([3]) });
        assert_eq!(taken, HashSet::from([3]));
        assert_eq!(bell.taken().now_or_never(), None);
    }
}
