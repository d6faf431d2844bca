//! Long-running processes that outlive the lab's own process: started, found again, stopped by pid. IO: processes.

mod process;
mod spec;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::paths::Paths;
pub use process::Identity;
pub use spec::Spec;

/// How often a condition outside this process is asked again.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Longest that the kernel may take to end a process that was killed.
const KILL_TIMEOUT: Duration = Duration::from_secs(10);
/// Lines of its log that an error about a daemon quotes.
const TAIL_LINES: usize = 15;
/// Bytes at the end of a log in which these lines are looked for.
const TAIL_BYTES: usize = 16 * 1024;

/// A process that the lab started, alive when it was last looked at.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Daemon {
    /// The name it was started under.
    pub name: String,
    /// Tells the process from a later one with the same pid.
    pub identity: Identity,
    /// When it was started.
    pub since: Timestamp,
    /// Where its output goes.
    pub log: PathBuf,
}

impl Daemon {
    /// Starts a process in a session of its own, so that it survives this process and its terminal, and records it in
    /// `run/daemons/<name>.json`. The log of an earlier run is overwritten.
    ///
    /// # Errors
    /// One of this name runs already, or the process cannot be started or recorded.
    pub async fn start(paths: &Paths, name: &str, spec: Spec) -> anyhow::Result<Self> {
        if let Some(running) = Self::find(paths, name) {
            bail!("start {name}: it runs already, pid {}", running.identity.pid);
        }
        let log = paths.log_file(name);
        let identity = spec.spawn(&log).await.with_context(|| format!("start {name}"))?;
        let daemon = Self { name: name.to_owned(), identity, since: Timestamp::now(), log };
        if let Err(cause) = daemon.record(paths).await {
            daemon.identity.signal(Signal::SIGKILL)?;
            return Err(cause.context(format!("record {name}")));
        }
        Ok(daemon)
    }

    /// Returns the running process of this name; none if it has ended or its pid belongs to another by now.
    #[must_use]
    pub fn find(paths: &Paths, name: &str) -> Option<Self> {
        read(&record_file(paths, name)).filter(Self::alive)
    }

    /// Returns all running processes of this run folder, the one started last first.
    #[must_use]
    pub fn all(paths: &Paths) -> Vec<Self> {
        let entries = std::fs::read_dir(record_folder(paths)).into_iter().flatten().flatten();
        let mut daemons: Vec<Self> =
            entries.filter_map(|entry| read(&entry.path())).filter(Self::alive).collect();
        daemons.sort_by_key(|daemon| std::cmp::Reverse(daemon.since));
        daemons
    }

    /// Returns whether the process still runs.
    #[must_use]
    pub fn alive(&self) -> bool {
        self.identity.alive()
    }

    /// Ends the process: asks it to, and kills it if it still runs after `timeout`.
    ///
    /// # Errors
    /// It belongs to another user, or still runs a while after it was killed.
    pub async fn stop(&self, timeout: Duration) -> anyhow::Result<()> {
        self.identity.signal(Signal::SIGTERM).with_context(|| format!("stop {}", self.name))?;
        if self.ended_within(timeout).await {
            return Ok(());
        }
        self.kill().await
    }

    /// Ends the process without a word to it (`kill -9`), and waits until it has ended.
    ///
    /// # Errors
    /// It belongs to another user, or still runs a while after it was killed.
    pub async fn kill(&self) -> anyhow::Result<()> {
        self.identity.signal(Signal::SIGKILL).with_context(|| format!("kill {}", self.name))?;
        if self.ended_within(KILL_TIMEOUT).await {
            return Ok(());
        }
        bail!("kill {}: pid {} still runs", self.name, self.identity.pid)
    }

    /// Stops the process where it stands (`SIGSTOP`), as a machine that hangs does.
    ///
    /// # Errors
    /// It belongs to another user.
    pub fn freeze(&self) -> anyhow::Result<()> {
        self.identity.signal(Signal::SIGSTOP).with_context(|| format!("freeze {}", self.name))
    }

    /// Lets a frozen process go on.
    ///
    /// # Errors
    /// It belongs to another user.
    pub fn wake(&self) -> anyhow::Result<()> {
        self.identity.signal(Signal::SIGCONT).with_context(|| format!("wake {}", self.name))
    }

    /// Waits until `check` succeeds and returns what it found; asks about twenty times a second.
    ///
    /// # Errors
    /// The process ends before that (with the end of its log), or `timeout` passes (with the last answer of `check`).
    pub async fn wait_until<T, C, F>(&self, what: &str, timeout: Duration, mut check: C) -> anyhow::Result<T>
    where
        C: FnMut() -> F,
        F: Future<Output = anyhow::Result<T>>,
    {
        let deadline = Instant::now() + timeout;
        loop {
            let cause = match tokio::time::timeout_at(deadline, check()).await {
                Ok(Ok(found)) => return Ok(found),
                Ok(Err(cause)) => cause,
                Err(elapsed) => elapsed.into(),
            };
            if !self.alive() {
                bail!("wait until {what}: {} has ended{}", self.name, self.log_in_words());
            }
            if Instant::now() >= deadline {
                let seconds = timeout.as_secs();
                return Err(cause
                    .context(format!("wait until {what}: not within {seconds} s{}", self.log_in_words())));
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    async fn ended_within(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while self.alive() {
            if Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        true
    }

    async fn record(&self, paths: &Paths) -> anyhow::Result<()> {
        tokio::fs::create_dir_all(record_folder(paths)).await?;
        Ok(tokio::fs::write(record_file(paths, &self.name), serde_json::to_vec_pretty(self)?).await?)
    }

    fn log_in_words(&self) -> String {
        format!("{}\n  all of it: {}", tail_in_words(&self.log), self.log.display())
    }
}

fn record_folder(paths: &Paths) -> PathBuf {
    paths.run.join("daemons")
}

fn record_file(paths: &Paths, name: &str) -> PathBuf {
    record_folder(paths).join(format!("{name}.json"))
}

/// Returns a record; one that is absent or torn (the machine stopped while it was written) is none.
fn read(path: &Path) -> Option<Daemon> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn tail_in_words(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let end = bytes.get(bytes.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default();
    let text = String::from_utf8_lossy(end);
    let lines: Vec<&str> = text.lines().rev().take(TAIL_LINES).collect();
    lines.into_iter().rev().flat_map(|line| ["\n    ", line]).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use anyhow::ensure;

    use super::{Daemon, Spec};
    use crate::lab::Paths;

    fn paths(folder: &tempfile::TempDir) -> Paths {
        Paths { cache: folder.path().to_path_buf(), run: folder.path().join("run") }
    }

    fn sh(script: &str) -> Spec {
        Spec::new("sh").args(["-c", script])
    }

    #[tokio::test]
    async fn running_process_is_found_and_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let paths = paths(&folder);
        Daemon::start(&paths, "sleeper", Spec::new("sleep").arg("1000")).await.unwrap();
        let found = Daemon::find(&paths, "sleeper").unwrap();
        assert_eq!(Daemon::all(&paths).len(), 1);
        Daemon::start(&paths, "sleeper", sh("true")).await.unwrap_err();
        found.stop(Duration::from_secs(5)).await.unwrap();
        assert!(Daemon::find(&paths, "sleeper").is_none());
        assert!(Daemon::all(&paths).is_empty());
    }

    #[tokio::test]
    async fn deaf_process_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let paths = paths(&folder);
        let daemon =
            Daemon::start(&paths, "deaf", sh("trap '' TERM; echo deaf; while :; do sleep 0.05; done")).await;
        let daemon = daemon.unwrap();
        let log = daemon.log.clone();
        let deaf = || async {
            ensure!(std::fs::read_to_string(&log)?.contains("deaf"));
            Ok(())
        };
        daemon.wait_until("it is deaf", Duration::from_secs(5), deaf).await.unwrap();
        daemon.stop(Duration::from_millis(100)).await.unwrap();
        assert!(!daemon.alive());
    }

    #[tokio::test]
    async fn waiting_for_a_dead_process_fails_with_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let daemon = Daemon::start(&paths(&folder), "dead", sh("echo no memory left; exit 1")).await.unwrap();
        let never = || async { Err::<(), _>(anyhow::anyhow!("no answer")) };
        let error =
            daemon.wait_until("it answers", Duration::from_mins(1), never).await.unwrap_err().to_string();
        assert!(error.starts_with("wait until it answers: dead has ended"), "{error}");
        assert!(error.contains("\n    no memory left"), "{error}");
    }

    #[tokio::test]
    async fn record_of_another_process_with_the_same_pid_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let paths = paths(&folder);
        let daemon = Daemon::start(&paths, "sleeper", Spec::new("sleep").arg("1000")).await.unwrap();
        let mut other = daemon.clone();
        other.identity.start_ticks += 1;
        other.record(&paths).await.unwrap();
        assert!(Daemon::find(&paths, "sleeper").is_none());
        other.stop(Duration::from_secs(1)).await.unwrap();
        assert!(daemon.alive(), "a process of another identity was stopped");
        daemon.stop(Duration::from_secs(5)).await.unwrap();
    }
}
