//! IO: standard error. Log lines: JSON for machines, plain text on a terminal.

use std::error::Error;
use std::io::{IsTerminal, stderr};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::args::LogLevel;

/// Starts the log; libraries are heard only when something is odd.
///
/// # Errors
/// A log was started before.
pub(crate) fn start(level: LogLevel) -> Result<(), TryInitError> {
    let own = LevelFilter::from(level);
    let targets =
        Targets::new().with_default(own.min(LevelFilter::WARN)).with_target(env!("CARGO_CRATE_NAME"), own);
    let registry = tracing_subscriber::registry().with(targets);
    if stderr().is_terminal() {
        registry.with(tracing_subscriber::fmt::layer().with_writer(stderr)).try_init()
    } else {
        let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(stderr);
        registry.with(lines).try_init()
    }
}

/// Returns an error with all its causes, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}
