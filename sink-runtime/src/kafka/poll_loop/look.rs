//! `Look<T>`: a question to the brokers that blocks, asked in the background, and its answer when it is there. IO: tasks.

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::error;

/// One question at a time; `T::default()` is the answer that tells nothing.
pub(super) struct Look<T> {
    under_way: Option<JoinHandle<T>>,
}

impl<T> Default for Look<T> {
    fn default() -> Self {
        Self { under_way: None }
    }
}

impl<T: Default + Send + 'static> Look<T> {
    /// Tells whether the answer is still awaited.
    pub(super) fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// Asks; an answer that was awaited is not wanted any more.
    pub(super) fn begin(&mut self, runtime: &Handle, ask: impl FnOnce() -> T + Send + 'static) {
        self.under_way = Some(runtime.spawn_blocking(ask));
    }

    /// Returns the answer as soon as it is there.
    pub(super) fn take(&mut self, runtime: &Handle) -> Option<T> {
        let ended = self.under_way.take_if(|asking| asking.is_finished())?;
        let answer = runtime.block_on(ended);
        Some(answer.unwrap_or_else(|error| {
            error!(%error, "asking the brokers failed");
            T::default()
        }))
    }

    /// Waits for no answer any more.
    pub(super) fn forget(&mut self) {
        self.under_way = None;
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Runtime;

    use super::Look;

    fn answer_of(ask: impl FnOnce() -> u8 + Send + 'static) -> u8 {
        let runtime = Runtime::new().unwrap();
        let mut look = Look::default();
        look.begin(runtime.handle(), ask);
        loop {
            if let Some(answer) = look.take(runtime.handle()) {
                assert!(!look.is_under_way());
                return answer;
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn answer_comes_once_and_a_question_that_fails_tells_nothing() {
        assert_eq!(answer_of(|| 7), 7);
        assert_eq!(answer_of(|| std::panic::resume_unwind(Box::new(()))), 0);
    }

    #[test]
    fn answer_that_is_forgotten_never_comes() {
        let runtime = Runtime::new().unwrap();
        let (asked, answered) = std::sync::mpsc::channel::<()>();
        let mut look = Look::default();
        look.begin(runtime.handle(), move || drop(asked));
        look.forget();
        assert!(answered.recv().is_err(), "the question has ended");
        assert!(!look.is_under_way() && look.take(runtime.handle()).is_none());
    }
}
