//! Identity of a process: a pid alone may belong to another one by now. IO: /proc and signals.

use anyhow::Context as _;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// What makes a process the same one: its pid, when it started, and in which run of the machine.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Identity {
    /// The process id.
    pub pid: i32,
    /// Clock ticks between the start of the machine and that of the process.
    pub start_ticks: u64,
    /// The kernel's id of this run of the machine.
    pub boot_id: String,
}

impl Identity {
    /// Returns the identity of a process that runs now.
    pub(super) fn of(pid: u32) -> anyhow::Result<Self> {
        let pid = i32::try_from(pid)?;
        let stat = stat(pid).with_context(|| format!("find process {pid}: it has ended at once"))?;
        Ok(Self { pid, start_ticks: stat.start_ticks, boot_id: boot_id()? })
    }

    /// Returns whether this very process still runs; one that only waits to be reaped does not.
    pub(super) fn alive(&self) -> bool {
        let same = |stat: &Stat| stat.start_ticks == self.start_ticks && !stat.ended;
        boot_id().is_ok_and(|id| id == self.boot_id) && stat(self.pid).is_some_and(|stat| same(&stat))
    }

    /// Sends a signal, if the process still runs.
    pub(super) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        if !self.alive() {
            return Ok(());
        }
        match kill(Pid::from_raw(self.pid), signal) {
            // It has ended in this moment, which is what the signal was for.
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(cause) => Err(cause).with_context(|| format!("send {signal} to pid {}", self.pid)),
        }
    }
}

struct Stat {
    ended: bool,
    start_ticks: u64,
}

fn stat(pid: i32) -> Option<Stat> {
    parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Reads state (field 3), number of threads (20) and start time (22); the command (field 2) may hold blanks and brackets.
///
/// The first thread of a process that is killed may end before the others, which still hold its sockets and files.
fn parse(stat: &str) -> Option<Stat> {
    let (_, after_command) = stat.rsplit_once(") ")?;
    let mut fields = after_command.split_ascii_whitespace();
    let has_first_ended = matches!(fields.next()?, "Z" | "X" | "x");
    let threads: u32 = fields.nth(16)?.parse().ok()?;
    let start_ticks = fields.nth(1)?.parse().ok()?;
    Some(Stat { ended: has_first_ended && threads <= 1, start_ticks })
}

fn boot_id() -> anyhow::Result<String> {
    let id =
        std::fs::read_to_string("/proc/sys/kernel/random/boot_id").context("read the machine's boot id")?;
    Ok(id.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Identity, parse};

    #[test]
    fn stat_of_a_command_with_brackets_is_read() {
        let line = "42 (a) S (b)) Z 1 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 10";
        let stat = parse(line).unwrap();
        assert_eq!((stat.ended, stat.start_ticks), (true, 987_654));
    }

    #[test]
    fn process_has_ended_when_its_last_thread_has() {
        let line = |threads| {
            format!("42 (a) Z 1 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 {threads} 0 987654 1000 10")
        };
        assert!(!parse(&line(2)).unwrap().ended);
        assert!(parse(&line(1)).unwrap().ended);
        assert!(parse(&line(0)).unwrap().ended);
    }

    #[test]
    fn own_process_is_alive() {
        assert!(Identity::of(std::process::id()).unwrap().alive());
    }
}
