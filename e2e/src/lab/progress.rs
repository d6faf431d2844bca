//! Shows long work: a spinner per step on a terminal, plain lines without one. IO: stderr.
//!
//! Standard output stays free for what is piped (`lab env`).

mod display;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use display::{Display, Shown};
use tokio::time::Instant;

/// The steps of one run of the lab; clones count and show together.
#[derive(Clone, Debug)]
pub struct Progress {
    display: Display,
    total: usize,
    begun: Arc<AtomicUsize>,
}

/// One piece of work that is shown until [`Step::done`]; dropped before that it counts as failed.
#[derive(Debug)]
pub struct Step {
    shown: Option<Shown>,
    begun: Instant,
}

impl Progress {
    /// Starts showing work of so many steps.
    #[must_use]
    pub fn start(total: usize) -> Self {
        Self { display: Display::of_stderr(), total, begun: Arc::default() }
    }

    /// Shows nothing: for parts of which many come and go while something else is shown.
    #[must_use]
    pub fn silent() -> Self {
        Self { display: Display::Nowhere, total: 0, begun: Arc::default() }
    }

    /// Begins the next step; `title` says what it does and, if long, about how long it takes.
    ///
    /// Must be called inside a tokio runtime.
    #[must_use]
    pub fn step(&self, title: &str) -> Step {
        let number = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        // Steps that the caller did not foresee make the total grow, never "step 5 of 4".
        let label = format!("[{number}/{}] {title}", self.total.max(number));
        Step { shown: self.display.show(label), begun: Instant::now() }
    }

    /// Prints a line that stays, above the running steps.
    pub fn say(&self, line: &str) {
        self.display.print(line);
    }
}

impl Step {
    /// Shows what the step is at now: the last line of a command's output, mostly.
    pub fn note(&self, line: &str) {
        if let Some(shown) = &self.shown {
            shown.note(line);
        }
    }

    /// Ends the step as a success.
    pub fn done(mut self) {
        self.end("done in");
    }

    fn end(&mut self, outcome: &str) {
        if let Some(shown) = self.shown.take() {
            shown.end(&format!("{outcome} {}", display::in_words(self.begun.elapsed())));
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.end("failed after");
    }
}
