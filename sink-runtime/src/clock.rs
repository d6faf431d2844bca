//! The clocks that must not stand still while the machine sleeps or the process is frozen. IO: clock.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Returns the time since the machine was started, with the time that it slept.
///
/// Kafka's brokers count a session on while we sleep, so what depends on it is measured by this clock.
///
/// # Panics
/// Never on Linux 2.6.39 and later, which have this clock.
#[must_use]
pub fn since_boot() -> Duration {
    let now = clock_gettime(ClockId::CLOCK_BOOTTIME).expect("linux has had this clock since 2.6.39");
    Duration::from(now)
}
