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

/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(100);

/// How a member is started.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) name: String,
    pub(crate) entry: String,
    pub(crate) dead_letters: Option<String>,
    pub(crate) store: Option<String>,
    pub(crate) replacements: Vec<(String, String)>,
    pub(crate) is_check: bool,
    /// The file that takes the processes of the cgroup that it runs in.
    pub(crate) cgroup: Option<PathBuf>,
}

/// A running member.
pub(crate) struct Member {
    child: Child,
    log: PathBuf,
    admin: String,
}

/// How a member is ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signal {
    Terminate,
    Kill,
}

/// How a member ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// The signal that ended it, where one did.
    pub(crate) signal: Option<i32>,
    pub(crate) stderr: String,
}

impl Spec {
    pub(crate) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            entry: "{topic}/{partition}".to_owned(),
            dead_letters: None,
            store: None,
            replacements: Vec::new(),
            is_check: false,
            cgroup: None,
        }
    }

    pub(crate) fn entry(mut self, template: &str) -> Self {
        template.clone_into(&mut self.entry);
        self
    }

    pub(crate) fn dead_letters(mut self, topic: &str) -> Self {
        self.dead_letters = Some(topic.to_owned());
        self
    }

    pub(crate) fn store(mut self, url: &str) -> Self {
        self.store = Some(url.to_owned());
        self
    }

    pub(crate) fn replace(mut self, from: &str, to: &str) -> Self {
        self.replacements.push((from.to_owned(), to.to_owned()));
        self
    }

    pub(crate) fn cgroup(mut self, processes: PathBuf) -> Self {
        self.cgroup = Some(processes);
        self
    }

    pub(crate) fn check(mut self) -> Self {
        self.is_check = true;
        self
    }
}

impl Member {
    /// Starts a member with its log in a file.
    pub(crate) fn start(mut command: Command, log: PathBuf, port: u16) -> anyhow::Result<Self> {
        let file = File::create(&log)?;
        let child = command.stdout(Stdio::null()).stderr(file).spawn().context("start a member")?;
        Ok(Self { child, log, admin: format!("http://127.0.0.1:{port}") })
    }

    /// Sends a signal and does not wait for what comes of it.
    pub(crate) fn send(&self, what: Signal) -> anyhow::Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.child.id())?);
        let number = match what {
            Signal::Terminate => signal::Signal::SIGTERM,
            Signal::Kill => signal::Signal::SIGKILL,
        };
        Ok(signal::kill(pid, number)?)
    }

    /// Returns the most memory that the member has had so far.
    pub(crate) fn resident_bytes_max(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        Ok(most.context("read the most memory that the member has had")?.parse::<u64>()? * 1024)
    }

    /// Ends the member.
    pub(crate) fn stop(&mut self, with: Signal, patience: Duration) -> anyhow::Result<Ended> {
        self.send(with)?;
        let status = wait(&mut self.child, patience)?;
        Ok(Ended { code: status.code(), signal: status.signal(), stderr: self.stderr()? })
    }

    /// Waits until the log has a line with the text.
    pub(crate) async fn wait_for_line(&mut self, text: &str, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        while !self.stderr()?.contains(text) {
            ensure!(self.child.try_wait()?.is_none(), "the member has ended:\n{}", self.stderr()?);
            ensure!(Instant::now() < deadline, "{text:?} is not in the log:\n{}", self.stderr()?);
            sleep(GLANCE).await;
        }
        Ok(())
    }

    /// Waits until the metrics have a line that begins like that.
    pub(crate) async fn wait_for_metric(&self, line: &str, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        loop {
            let metrics = self.metrics().await.unwrap_or_default();
            if metrics.lines().any(|l| l.starts_with(line)) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{line:?} is not in the metrics:\n{metrics}");
            sleep(GLANCE).await;
        }
    }

    /// Waits until messages are in memory.
    pub(crate) async fn wait_for_backlog(&self, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        while self.metric("kafkasink_held_bytes").await? <= 0.0 {
            ensure!(Instant::now() < deadline, "the member holds no message after {patience:?}");
            sleep(GLANCE).await;
        }
        Ok(())
    }

    /// Returns the sum of a metric over all its labels.
    pub(crate) async fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let metrics = self.metrics().await?;
        let value = |line: &str| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok());
        Ok(metrics.lines().filter(|line| line.starts_with(name)).filter_map(value).sum())
    }

    async fn metrics(&self) -> anyhow::Result<String> {
        Ok(reqwest::get(format!("{}/metrics", self.admin)).await?.text().await?)
    }

    /// Returns the status of an endpoint.
    pub(crate) async fn status(&self, path: &str) -> anyhow::Result<u16> {
        Ok(reqwest::get(format!("{}{path}", self.admin)).await?.status().as_u16())
    }

    pub(crate) fn stderr(&self) -> anyhow::Result<String> {
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
    pub(crate) fn expect_code(&self, code: i32) -> anyhow::Result<()> {
        ensure!(self.code == Some(code), "ended with {:?} instead of {code}:\n{}", self.code, self.stderr);
        Ok(())
    }
}

/// Returns the program, which `make` has built before the tests.
pub(crate) fn program() -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.parent().and_then(Path::parent).context("find the folder of programs")?;
    let program = folder.join("kafkasink-runtime");
    ensure!(program.is_file(), "{} is absent: cargo build -p kafkasink-runtime", program.display());
    Ok(program)
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
