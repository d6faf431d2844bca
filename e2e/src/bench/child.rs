//! A contender as a child process: it says on its standard output how far it is, and goes when its input ends. IO:
//! processes.
//!
//! The words are `reading` (the first message is about to come) and `stored` (the store has answered for the last).
//! Then it waits, so that what it used can be seen.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{ChildStdout, Command};
use tokio::time::timeout;

use crate::usage::{self, Usage};

/// Longest farewell.
const END_TIMEOUT: Duration = Duration::from_mins(1);
/// Lines of its log that an error quotes.
const TAIL_LINES: usize = 10;

/// A running process, killed when dropped.
pub(super) struct Child {
    process: tokio::process::Child,
    pid: u32,
    lines: Lines<BufReader<ChildStdout>>,
    log: PathBuf,
}

impl Child {
    /// Starts a process whose standard error goes to `log`.
    pub(super) fn start(mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        let stderr = std::fs::File::create(log).with_context(|| format!("create {}", log.display()))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr).kill_on_drop(true);
        let mut process = command.spawn().with_context(|| format!("start {program}"))?;
        let pid = process.id().context("a process that was just started has an id")?;
        let stdout = process.stdout.take().context("standard output is piped")?;
        Ok(Self { process, pid, lines: BufReader::new(stdout).lines(), log: log.to_owned() })
    }

    /// Waits until it says the word.
    pub(super) async fn wait_for_word(&mut self, word: &str, patience: Duration) -> anyhow::Result<()> {
        match timeout(patience, self.lines.next_line()).await {
            Ok(line) if line.as_ref().is_ok_and(|line| line.as_deref() == Some(word)) => Ok(()),
            Ok(line) => bail!("wait for {word:?}: it said {:?}{}", line?, self.log_in_words()),
            Err(_elapsed) => bail!("wait for {word:?}: not within {patience:?}{}", self.log_in_words()),
        }
    }

    /// Fails if it has ended.
    pub(super) fn expect_running(&mut self) -> anyhow::Result<()> {
        match self.process.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("it has ended: {status}{}", self.log_in_words()),
        }
    }

    /// Returns what it has used so far.
    pub(super) fn usage(&self) -> anyhow::Result<Usage> {
        usage::of(self.pid)
    }

    /// Lets it go by closing its input, and waits until it has ended.
    pub(super) async fn release(mut self) -> anyhow::Result<()> {
        drop(self.process.stdin.take());
        self.expect_success().await
    }

    /// Asks it to stop by SIGTERM, and waits until it has ended.
    pub(super) async fn terminate(mut self) -> anyhow::Result<()> {
        kill(Pid::from_raw(i32::try_from(self.pid)?), Signal::SIGTERM).context("send SIGTERM")?;
        self.expect_success().await
    }

    async fn expect_success(&mut self) -> anyhow::Result<()> {
        let ended: Result<std::io::Result<ExitStatus>, _> = timeout(END_TIMEOUT, self.process.wait()).await;
        let status =
            ended.with_context(|| format!("end it within {END_TIMEOUT:?}{}", self.log_in_words()))??;
        ensure!(status.success(), "it failed: {status}{}", self.log_in_words());
        Ok(())
    }

    fn log_in_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(TAIL_LINES).collect();
        let tail: String = lines.into_iter().rev().flat_map(|line| ["\n    ", line]).collect();
        format!("{tail}\n  all of it: {}", self.log.display())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::process::Command;

    use super::Child;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// The child, and the file with its log.
    fn shell(script: &str) -> (Child, tempfile::NamedTempFile) {
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        (Child::start(command, log.path()).unwrap(), log)
    }

    #[tokio::test]
    async fn a_child_speaks_is_measured_and_goes_when_its_input_ends() {
        let (mut child, _log) = shell("echo reading; read line; exit 0");
        child.wait_for_word("reading", PATIENCE).await.unwrap();
        child.expect_running().unwrap();
        assert!(child.usage().unwrap().rss_peak_bytes > 0);
        child.release().await.unwrap();
    }

    #[tokio::test]
    async fn a_child_that_fails_is_an_error_with_its_last_words() {
        let (mut child, _log) = shell("echo 'no broker' >&2; exit 3");
        let error = child.wait_for_word("reading", PATIENCE).await.unwrap_err().to_string();
        assert!(error.contains("no broker"), "{error}");
        let ended = child.release().await.unwrap_err().to_string();
        assert!(ended.contains("exit status: 3"), "{ended}");
    }

    #[tokio::test]
    async fn a_child_that_says_another_word_is_an_error() {
        let (mut child, _log) = shell("echo stored");
        child.wait_for_word("reading", PATIENCE).await.unwrap_err();
    }
}
