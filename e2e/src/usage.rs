//! What a process has used so far: CPU time, peak memory and threads. IO: /proc.

use anyhow::Context as _;

/// The kernel counts CPU time in ticks of 10 ms towards programs, whatever it uses itself (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// What a process has used since it began.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Usage {
    /// Seconds on a CPU, in the program and in the kernel, all threads.
    pub(crate) cpu_seconds: f64,
    /// The most memory it ever had resident.
    pub(crate) rss_peak_bytes: u64,
    /// The threads that it has now.
    pub(crate) threads: u32,
}

/// Returns what a process that still runs has used.
pub(crate) fn of(pid: u32) -> anyhow::Result<Usage> {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}"));
    let (stat, status) = (read("stat"), read("status"));
    let stat = stat.with_context(|| format!("look at process {pid}: it has ended"))?;
    let status = status.with_context(|| format!("look at process {pid}: it has ended"))?;
    parse(&stat, &status).with_context(|| format!("read what process {pid} has used"))
}

/// Reads utime and stime (fields 14 and 15); the command (field 2) may hold blanks and brackets.
fn parse(stat: &str, status: &str) -> Option<Usage> {
    let (_, after_command) = stat.rsplit_once(") ")?;
    let mut fields = after_command.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok();
    let cpu_seconds = (f64::from(ticks()?) + f64::from(ticks()?)) / TICKS_PER_SECOND;
    let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let kibibytes: u64 = value("VmHWM:")?.strip_suffix(" kB")?.parse().ok()?;
    Some(Usage { cpu_seconds, rss_peak_bytes: kibibytes * 1024, threads: value("Threads:")?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::{Usage, of, parse};

    #[test]
    fn fields_are_found_behind_an_odd_command() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 900 0 3 0 150 25 0 0 20 0 9 0 500 1000 20\n";
        let status = "Name:\ta) b\nVmPeak:\t  9000 kB\nVmHWM:\t  2048 kB\nVmRSS:\t  100 kB\nThreads:\t9\n";
        let expected = Usage { cpu_seconds: 1.75, rss_peak_bytes: 2 << 20, threads: 9 };
        assert_eq!(parse(stat, status), Some(expected));
        assert_eq!(parse("7 (a) Z", status), None);
        assert_eq!(parse(stat, "Name: zombie\n"), None);
    }

    #[test]
    fn a_running_process_has_memory() {
        assert!(of(std::process::id()).unwrap().rss_peak_bytes > 1 << 20);
    }
}
