//! IO: clock. The clock that stands still neither while the machine sleeps nor while the process is frozen.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Returns the time since the machine was started, with the time that it slept.
///
/// # Panics
/// Never on Linux 2.6.39 and later, which have this clock.
pub(crate) fn since_boot() -> Duration {
    let now = clock_gettime(ClockId::CLOCK_BOOTTIME).expect("linux has had this clock since 2.6.39");
    Duration::from(now)
}
