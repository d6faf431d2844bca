//! A run folder of a test's own: what is started in it ends with the value, however the test ends. IO: files, processes.

use std::path::Path;

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::daemon::Daemon;
use super::paths::Paths;

/// A run folder in the temporary folder; parts come from the lab's cache.
#[derive(Debug)]
pub struct OwnRun {
    paths: Paths,
    folder: TempDir,
}

impl OwnRun {
    /// Makes the folder.
    ///
    /// # Errors
    /// It cannot be made, or the lab's cache is not known.
    pub fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("make a run folder")?;
        let paths = Paths { run: folder.path().to_path_buf(), ..Paths::from_env()? };
        Ok(Self { paths, folder })
    }

    /// Returns the lab's folders with this one in the place of its run folder.
    #[must_use]
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// Returns the folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for OwnRun {
    fn drop(&mut self) {
        for daemon in Daemon::all(&self.paths) {
            // Nothing of it is kept, so it needs no farewell.
            if let Err(error) = kill(Pid::from_raw(daemon.identity.pid), Signal::SIGKILL) {
                tracing::warn!(%error, name = daemon.name, "cannot end a process of the test");
            }
        }
    }
}
