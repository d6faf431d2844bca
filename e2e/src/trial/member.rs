//! A member as a child process: started, asked, signalled. IO: processes, HTTP.

use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use nix::sys::signal;
use nix::unistd::Pid;
use tokio::time::{Instant, sleep};

use super::exposition;

/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(100);

/// A running member.
pub struct Member {
    child: Child,
    log: PathBuf,
    admin: String,
}

/// How a member is ended.
#[derive(Clone, Copy, Debug)]
pub enum Signal {
    /// Asks it to end.
    Terminate,
    /// Ends it without a word.
    Kill,
}

/// How a member ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it, where one did.
    pub signal: Option<i32>,
    /// All it wrote.
    pub stderr: String,
}

impl Member {
    /// Starts a member with its log in a file and its admin server at a port.
    ///
    /// # Errors
    /// The log cannot be created or the program not be started.
    pub fn start(mut command: Command, log: PathBuf, port: u16) -> anyhow::Result<Self> {
        let file = File::create(&log)?;
        let child = command.stdout(Stdio::null()).stderr(file).spawn().context("start a member")?;
        Ok(Self { child, log, admin: format!("http://127.0.0.1:{port}") })
    }

    /// Stops the process where it stands, as a frozen node does.
    ///
    /// # Errors
    /// It has ended.
    pub fn freeze(&self) -> anyhow::Result<()> {
        self.signal(signal::Signal::SIGSTOP)
    }

    /// Lets a frozen process go on.
    ///
    /// # Errors
    /// It has ended.
    pub fn wake(&self) -> anyhow::Result<()> {
        self.signal(signal::Signal::SIGCONT)
    }

    /// Returns how the member ended by itself; nothing if it runs.
    ///
    /// # Errors
    /// Its log cannot be read.
    pub fn ended(&mut self) -> anyhow::Result<Option<Ended>> {
        let status = self.child.try_wait()?;
        status.map(|status| Ok(Ended::new(status, self.stderr()?))).transpose()
    }

    /// Returns where its log is.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Returns where its admin server is: `http://host:port`.
    #[must_use]
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// Ends the member and waits until it has ended.
    ///
    /// # Errors
    /// It cannot be signalled, or runs on.
    pub fn stop(&mut self, with: Signal, patience: Duration) -> anyhow::Result<Ended> {
        self.send(with)?;
        self.end(patience)
    }

    /// Waits until the member has ended by itself.
    ///
    /// # Errors
    /// It runs on.
    pub fn end(&mut self, patience: Duration) -> anyhow::Result<Ended> {
        let status = wait(&mut self.child, patience)?;
        Ok(Ended::new(status, self.stderr()?))
    }

    /// Sends a signal and does not wait for what comes of it.
    ///
    /// # Errors
    /// It has ended.
    pub fn send(&self, what: Signal) -> anyhow::Result<()> {
        self.signal(match what {
            Signal::Terminate => signal::Signal::SIGTERM,
            Signal::Kill => signal::Signal::SIGKILL,
        })
    }

    /// Returns the most memory that it has had, in bytes, without the pages of the program itself.
    ///
    /// # Errors
    /// It has ended.
    pub fn anonymous_bytes_max(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let bytes = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"));
            Ok::<_, anyhow::Error>(value.with_context(|| format!("read {name}"))?.parse::<u64>()? * 1024)
        };
        Ok(bytes("VmHWM:")?.saturating_sub(bytes("RssFile:")?))
    }

    /// Waits until messages are in memory.
    ///
    /// # Errors
    /// The member does not answer, or `patience` ends before.
    pub async fn wait_for_backlog(&self, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        while self.metric("kafkasink_held_bytes").await? <= 0.0 {
            ensure!(Instant::now() < deadline, "the member holds no message after {patience:?}");
            sleep(GLANCE).await;
        }
        Ok(())
    }

    /// Waits until the log has a line with the text.
    ///
    /// # Errors
    /// The member ends before, or `patience` does.
    pub async fn wait_for_line(&mut self, text: &str, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        while !self.stderr()?.contains(text) {
            ensure!(self.child.try_wait()?.is_none(), "the member has ended:\n{}", self.stderr()?);
            ensure!(Instant::now() < deadline, "{text:?} is not in the log:\n{}", self.stderr()?);
            sleep(GLANCE).await;
        }
        Ok(())
    }

    /// Returns a number that the log's first line with the message gives.
    ///
    /// # Errors
    /// No line has the message, or that line no such field.
    pub fn logged(&self, message: &str, field: &str) -> anyhow::Result<u64> {
        let log = self.stderr()?;
        let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let line = lines.into_iter().find(|line| line.get("message").is_some_and(|said| said == message));
        let line = line.with_context(|| format!("no line says {message:?}:\n{log}"))?;
        line.get(field)
            .and_then(serde_json::Value::as_u64)
            .with_context(|| format!("no number {field:?} in {line}"))
    }

    /// Waits until the metrics have a sample: one of that name, or exactly that line.
    ///
    /// # Errors
    /// `patience` ends before.
    pub async fn wait_for_metric(&self, sample: &str, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        loop {
            let metrics = self.metrics().await.unwrap_or_default();
            if exposition::has(&metrics, sample) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{sample:?} is not in the metrics:\n{metrics}");
            sleep(GLANCE).await;
        }
    }

    /// Returns the sum of a metric over all its labels.
    ///
    /// # Errors
    /// The member does not answer, or not with numbers.
    pub async fn metric(&self, name: &str) -> anyhow::Result<f64> {
        exposition::sum(&self.metrics().await?, name)
    }

    /// Returns all metrics as they are scraped.
    ///
    /// # Errors
    /// The member does not answer.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        self.text("/metrics").await
    }

    /// Returns what an endpoint says, whatever its status.
    ///
    /// # Errors
    /// The member does not answer.
    pub async fn text(&self, path: &str) -> anyhow::Result<String> {
        Ok(reqwest::get(format!("{}{path}", self.admin)).await?.text().await?)
    }

    /// Waits until the member is ready.
    ///
    /// # Errors
    /// It does not answer, or `patience` ends before.
    pub async fn wait_for_ready(&self, patience: Duration) -> anyhow::Result<()> {
        self.wait_for_status("/readyz", 200, patience).await
    }

    /// Waits until an endpoint answers with a status.
    ///
    /// # Errors
    /// The member does not answer, or `patience` ends before.
    pub async fn wait_for_status(&self, path: &str, status: u16, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        while self.status(path).await? != status {
            ensure!(Instant::now() < deadline, "{path} is not {status}:\n{}", self.stderr()?);
            sleep(GLANCE).await;
        }
        Ok(())
    }

    /// Returns the status of an endpoint.
    ///
    /// # Errors
    /// The member does not answer; its log tells why.
    pub async fn status(&self, path: &str) -> anyhow::Result<u16> {
        let answer = reqwest::get(format!("{}{path}", self.admin)).await;
        let answer = answer.with_context(|| {
            let log = self.stderr().unwrap_or_default();
            format!("ask for {path} of a member that has logged:\n{log}")
        })?;
        Ok(answer.status().as_u16())
    }

    fn signal(&self, signal: signal::Signal) -> anyhow::Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.child.id())?);
        signal::kill(pid, signal).with_context(|| format!("send {signal} to a member"))
    }

    /// Returns the log so far.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn stderr(&self) -> anyhow::Result<String> {
        Ok(std::fs::read_to_string(&self.log)?)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

impl Ended {
    /// Returns how a process ended that wrote this.
    pub(super) fn new(status: ExitStatus, stderr: String) -> Self {
        Self { code: status.code(), signal: status.signal(), stderr }
    }

    /// Fails unless it ended with this exit code.
    ///
    /// # Errors
    /// It ended with another, or by a signal.
    pub fn expect_code(&self, code: i32) -> anyhow::Result<()> {
        ensure!(self.code == Some(code), "ended with {:?} instead of {code}:\n{}", self.code, self.stderr);
        Ok(())
    }
}

fn wait(child: &mut Child, patience: Duration) -> anyhow::Result<ExitStatus> {
    let deadline = std::time::Duration::from_millis(20);
    let rounds = patience.as_millis() / deadline.as_millis();
    for _ in 0..rounds {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        std::thread::park_timeout(deadline);
    }
    bail!("the member has not ended after {patience:?}")
}
