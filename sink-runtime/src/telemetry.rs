//! The log: JSON lines, or plain text on a terminal, with a level that can change while running. IO: standard error.

use std::io::IsTerminal;

use kafkasink_crds::runtime_config::LogLevel;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry, fmt, reload};

/// Changes the level of the log.
#[derive(Clone, Debug)]
pub struct LogLevelHandle(reload::Handle<LevelFilter, Registry>);

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// There is one already.
    #[error("cannot set up the log")]
    Init(#[source] TryInitError),
}

/// Starts the log.
///
/// # Errors
/// The process has one already.
pub fn start(level: LogLevel) -> Result<LogLevelHandle, TelemetryError> {
    let (filter, handle) = reload::Layer::new(to_filter(level));
    let lines = if std::io::stderr().is_terminal() {
        fmt::layer().with_writer(std::io::stderr).with_target(false).boxed()
    } else {
        fmt::layer().json().flatten_event(true).with_writer(std::io::stderr).boxed()
    };
    tracing_subscriber::registry().with(filter).with(lines).try_init().map_err(TelemetryError::Init)?;
    Ok(LogLevelHandle(handle))
}

impl LogLevelHandle {
    /// Changes the least severe line that is written.
    pub fn set(&self, level: LogLevel) {
        if let Err(error) = self.0.reload(to_filter(level)) {
            tracing::warn!(%error, "cannot change the log level");
        }
    }
}

fn to_filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}
