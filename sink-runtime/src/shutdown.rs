//! The signals: the first one asks to stop, the second one ends the process at once. IO: signals.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The signals that ask to stop.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

/// Why signals cannot be received.
#[derive(Debug, thiserror::Error)]
pub enum ShutdownError {
    /// The process cannot register for them.
    #[error("cannot receive signals")]
    Register(#[source] std::io::Error),
}

impl Signals {
    /// Begins to receive signals.
    ///
    /// # Errors
    /// The process cannot register for them.
    pub fn register() -> Result<Self, ShutdownError> {
        let register = |kind| signal(kind).map_err(ShutdownError::Register);
        Ok(Self {
            terminate: register(SignalKind::terminate())?,
            interrupt: register(SignalKind::interrupt())?,
        })
    }

    /// Returns with the next signal.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Cancels `stop` with the first signal; ends the process with the second.
    pub async fn stop_then_abort(mut self, stop: CancellationToken) {
        self.next().await;
        stop.cancel();
        self.next().await;
        tracing::warn!("a second signal ends the process at once, what was under way is read again");
        std::process::abort();
    }
}
