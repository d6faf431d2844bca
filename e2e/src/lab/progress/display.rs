//! How steps look with and without a terminal. IO: stderr.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// A line may wait so long before a step without a terminal says again that it works.
const LINE_INTERVAL: Duration = Duration::from_secs(10);
const SPINNER_INTERVAL: Duration = Duration::from_millis(120);
const NOTE_CHARACTERS_MAX: usize = 160;

/// Where steps are shown.
#[derive(Clone, Debug)]
pub(super) enum Display {
    Terminal(MultiProgress),
    Lines,
    Nowhere,
}

/// A step as it is shown.
#[derive(Debug)]
pub(super) enum Shown {
    Spinner { screen: MultiProgress, bar: ProgressBar, label: String },
    Lines { label: String, note: Arc<Mutex<String>>, ticker: AbortHandle },
}

impl Display {
    pub(super) fn of_stderr() -> Self {
        if std::io::stderr().is_terminal() { Self::Terminal(MultiProgress::new()) } else { Self::Lines }
    }

    pub(super) fn print(&self, line: &str) {
        match self {
            // A terminal that went away is no reason to stop the work.
            Self::Terminal(screen) => drop(screen.println(line)),
            Self::Lines => print_line(line),
            Self::Nowhere => {}
        }
    }

    pub(super) fn show(&self, label: String) -> Option<Shown> {
        match self {
            Self::Terminal(screen) => Some(spinner(screen, label)),
            Self::Lines => Some(lines(label)),
            Self::Nowhere => None,
        }
    }
}

impl Shown {
    pub(super) fn note(&self, line: &str) {
        let line: String =
            line.trim().chars().filter(|c| !c.is_control()).take(NOTE_CHARACTERS_MAX).collect();
        if line.is_empty() {
            return;
        }
        match self {
            Self::Spinner { bar, .. } => bar.set_message(line),
            Self::Lines { note, .. } => *note.lock().unwrap_or_else(PoisonError::into_inner) = line,
        }
    }

    pub(super) fn end(self, outcome: &str) {
        match self {
            Self::Spinner { screen, bar, label } => {
                bar.finish_and_clear();
                screen.remove(&bar);
                drop(screen.println(format!("{label}: {outcome}")));
            }
            Self::Lines { label, ticker, .. } => {
                ticker.abort();
                print_line(&format!("{label}: {outcome}"));
            }
        }
    }
}

/// Returns a duration as a person would say it: `0.4 s`, `12 s`, `4 m 57 s`.
pub(super) fn in_words(duration: Duration) -> String {
    match duration.as_secs() {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        seconds @ 10..60 => format!("{seconds} s"),
        seconds => format!("{} m {} s", seconds / 60, seconds % 60),
    }
}

fn spinner(screen: &MultiProgress, label: String) -> Shown {
    let style = ProgressStyle::with_template("{spinner} {prefix} ({elapsed}) {wide_msg:.dim}")
        .expect("the template is a constant and correct");
    let bar = screen.add(ProgressBar::new_spinner().with_style(style).with_prefix(label.clone()));
    bar.enable_steady_tick(SPINNER_INTERVAL);
    Shown::Spinner { screen: screen.clone(), bar, label }
}

fn lines(label: String) -> Shown {
    print_line(&label);
    let note = Arc::new(Mutex::new(String::new()));
    let ticker = tokio::spawn(tick(label.clone(), Arc::clone(&note))).abort_handle();
    Shown::Lines { label, note, ticker }
}

async fn tick(label: String, note: Arc<Mutex<String>>) {
    let begun = Instant::now();
    let mut interval = tokio::time::interval_at(begun + LINE_INTERVAL, LINE_INTERVAL);
    loop {
        interval.tick().await;
        let note = note.lock().unwrap_or_else(PoisonError::into_inner).clone();
        print_line(&format!("{label} ({}) {note}", in_words(begun.elapsed())));
    }
}

fn print_line(line: &str) {
    // Nobody reads stderr any more: no reason to stop the work.
    drop(writeln!(std::io::stderr().lock(), "{line}"));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::in_words;

    #[test]
    fn durations_are_written_as_people_say_them() {
        let check = |ms, expected| assert_eq!(in_words(Duration::from_millis(ms)), expected);
        check(420, "0.4 s");
        check(12_900, "12 s");
        check(297_000, "4 m 57 s");
    }
}
