//! A member as a child process: started, asked, signalled. IO: processes, HTTP.

use std::fs::File;
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
pub struct Spec {
    /// Its instance id.
    pub name: String,
    /// The uid of its pod, where it is not its instance id.
    pub uid: Option<String>,
    /// The program, where it is not the one built beside this.
    pub program: Option<PathBuf>,
    /// The template of entries.
    pub entry: String,
    /// The topic for rejected messages; none: a rejected message holds its partition.
    pub dead_letters: Option<String>,
    /// The store's URL, where it is not the world's.
    pub store: Option<String>,
    /// What is replaced in the configuration, in order.
    pub replacements: Vec<(String, String)>,
    /// Variables of its environment.
    pub env: Vec<(String, String)>,
    /// Whether it only validates its configuration.
    pub is_check: bool,
}

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
    /// All it wrote.
    pub stderr: String,
}

impl Spec {
    /// A member of this instance id, everything else as usual.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            uid: None,
            program: None,
            entry: "{topic}/{partition}".to_owned(),
            dead_letters: None,
            store: None,
            replacements: Vec::new(),
            env: Vec::new(),
            is_check: false,
        }
    }

    /// Sets the uid of its pod: a pod of the same name that came after another has another.
    #[must_use]
    pub fn uid(mut self, uid: &str) -> Self {
        self.uid = Some(uid.to_owned());
        self
    }

    /// Sets another build of the program.
    #[must_use]
    pub fn program(mut self, program: PathBuf) -> Self {
        self.program = Some(program);
        self
    }

    /// Sets the template of entries.
    #[must_use]
    pub fn entry(mut self, template: &str) -> Self {
        template.clone_into(&mut self.entry);
        self
    }

    /// Sets the topic for rejected messages.
    #[must_use]
    pub fn dead_letters(mut self, topic: &str) -> Self {
        self.dead_letters = Some(topic.to_owned());
        self
    }

    /// Sets another instance id.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Sets another store than the world's.
    #[must_use]
    pub fn store(mut self, url: &str) -> Self {
        self.store = Some(url.to_owned());
        self
    }

    /// Replaces a text of the configuration, which must occur.
    #[must_use]
    pub fn replace(mut self, from: &str, to: &str) -> Self {
        self.replacements.push((from.to_owned(), to.to_owned()));
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Lets it only validate its configuration.
    #[must_use]
    pub fn check(mut self) -> Self {
        self.is_check = true;
        self
    }
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
        status.map(|status| Ok(Ended { code: status.code(), stderr: self.stderr()? })).transpose()
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
        let number = match with {
            Signal::Terminate => signal::Signal::SIGTERM,
            Signal::Kill => signal::Signal::SIGKILL,
        };
        self.signal(number)?;
        let status = wait(&mut self.child, patience)?;
        Ok(Ended { code: status.code(), stderr: self.stderr()? })
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

    /// Waits until the metrics have a line that begins like that.
    ///
    /// # Errors
    /// `patience` ends before.
    pub async fn wait_for_metric(&self, line: &str, patience: Duration) -> anyhow::Result<()> {
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

    /// Returns the sum of a metric over all its labels.
    ///
    /// # Errors
    /// The member does not answer.
    pub async fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let metrics = self.metrics().await?;
        let value = |line: &str| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok());
        Ok(metrics.lines().filter(|line| line.starts_with(name)).filter_map(value).sum())
    }

    async fn metrics(&self) -> anyhow::Result<String> {
        Ok(reqwest::get(format!("{}/metrics", self.admin)).await?.text().await?)
    }

    /// Waits until the member is ready.
    ///
    /// # Errors
    /// It does not answer, or `patience` ends before.
    pub async fn wait_for_ready(&self, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        while self.status("/readyz").await? != 200 {
            ensure!(Instant::now() < deadline, "not ready:\n{}", self.stderr()?);
            sleep(GLANCE).await;
        }
        Ok(())
    }

    /// Returns the status of an endpoint.
    ///
    /// # Errors
    /// The member does not answer.
    pub async fn status(&self, path: &str) -> anyhow::Result<u16> {
        Ok(reqwest::get(format!("{}{path}", self.admin)).await?.status().as_u16())
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
    /// Fails unless it ended with this exit code.
    ///
    /// # Errors
    /// It ended with another, or by a signal.
    pub fn expect_code(&self, code: i32) -> anyhow::Result<()> {
        ensure!(self.code == Some(code), "ended with {:?} instead of {code}:\n{}", self.code, self.stderr);
        Ok(())
    }
}

/// Returns the runtime's program, which `make` has built beside this one, be this a program or a test.
///
/// # Errors
/// There is none.
pub fn program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let named = |folder: &Path| folder.join("kafkasink-runtime");
    let program = own.ancestors().skip(1).take(2).map(named).find(|program| program.is_file());
    program.with_context(|| {
        format!("find kafkasink-runtime beside {}: cargo build --workspace --bins", own.display())
    })
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
