//! IO: none but that of the look it is given. `Lately`: what was seen last, for all who ask within a few seconds.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// For how long what was seen is told.
const AGE_MAX: Duration = Duration::from_secs(5);

/// What was seen last.
pub(crate) struct Lately<T> {
    /// Held while one looks, so that all who ask at the same time look once.
    seen: Mutex<Option<(Instant, T)>>,
}

impl<T> Default for Lately<T> {
    fn default() -> Self {
        Self { seen: Mutex::default() }
    }
}

impl<T: Clone> Lately<T> {
    /// Returns what was seen lately, else what `look` sees now.
    pub(crate) async fn or(&self, now: Instant, look: impl Future<Output = T>) -> T {
        let mut seen = self.seen.lock().await;
        if let Some((_, found)) = seen.as_ref().filter(|(when, _)| now.duration_since(*when) < AGE_MAX) {
            return found.clone();
        }
        let found = look.await;
        *seen = Some((now, found.clone()));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::{AGE_MAX, Instant, Lately};

    #[tokio::test]
    async fn looks_once_for_all_who_ask_soon() {
        let (lately, start) = (Lately::default(), Instant::now());
        assert_eq!(lately.or(start, async { 1 }).await, 1);
        assert_eq!(lately.or(start, async { 2 }).await, 1);
        assert_eq!(lately.or(start + AGE_MAX, async { 3 }).await, 3);
    }
}
