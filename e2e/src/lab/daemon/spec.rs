//! What a daemon is started with. IO: processes.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;

use super::process::Identity;
use crate::lab::program;

/// The program, arguments, environment and folder of a daemon.
#[derive(Clone, Debug)]
#[must_use]
pub struct Spec {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    dir: Option<PathBuf>,
}

impl Spec {
    /// A program found on `PATH` or by its own path.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self { program: program.as_ref().to_owned(), args: Vec::new(), env: Vec::new(), dir: None }
    }

    /// Adds one argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable of its environment, which otherwise is ours.
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((key.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets the folder it runs in; `/` if unset.
    pub fn dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.dir = Some(folder.into());
        self
    }

    /// Starts it in a session of its own, its output in `log`.
    pub(super) async fn spawn(self, log: &Path) -> anyhow::Result<Identity> {
        if let Some(folder) = log.parent() {
            tokio::fs::create_dir_all(folder)
                .await
                .with_context(|| format!("create {}", folder.display()))?;
        }
        let output = std::fs::File::create(log).with_context(|| format!("create {}", log.display()))?;
        // Looked for here, so that an absent program is an error and not a line in the log.
        let program = Path::new(&self.program);
        let program = program::find(program).with_context(|| format!("find {}", program.display()))?;
        // `setsid` and not `Command::process_group`: a hang-up of the terminal goes to the whole session. It becomes
        // the program without a fork, so the pid is the daemon's.
        let mut command = Command::new("setsid");
        command.arg(program).args(self.args).envs(self.env);
        command.current_dir(self.dir.unwrap_or_else(|| "/".into()));
        command.stdin(Stdio::null()).stderr(output.try_clone()?).stdout(output);
        Identity::of(command.spawn().context("run setsid (package util-linux)")?.id())
    }
}
