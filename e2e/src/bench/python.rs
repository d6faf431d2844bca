//! The loops in Python: installs their libraries, builds their command lines. IO: pip.

use std::path::PathBuf;

use anyhow::Context as _;
use tokio::process::Command;

use crate::lab::{Paths, Progress, preflight, python};

/// The loop of the vendor's guide.
pub(super) const GUIDE: &str = include_str!("../../bench/guide.py");
/// The same with batches.
pub(super) const BATCHED: &str = include_str!("../../bench/batched.py");

/// Where Python finds its libraries.
#[derive(Clone, Debug)]
pub(super) struct Libraries(Vec<PathBuf>);

impl Libraries {
    /// Installs what is not installed yet.
    pub(super) async fn install(paths: &Paths) -> anyhow::Result<Self> {
        let step = Progress::start(1).step("gets Python's clients of Kafka and ReductStore");
        preflight::check(paths, &python::needs(paths, &[python::REDUCT, python::KAFKA]), &step).await?;
        let reduct = python::library(paths, python::REDUCT, &step).await?;
        let kafka = python::library(paths, python::KAFKA, &step).await?;
        step.done();
        Ok(Self(vec![reduct, kafka]))
    }

    /// Returns the command that runs a script.
    pub(super) fn command(&self, script: &str) -> anyhow::Result<Command> {
        let mut command = Command::new("python3");
        let path = std::env::join_paths(&self.0).context("name the folders of Python's libraries")?;
        command.env("PYTHONPATH", path).arg("-c").arg(script);
        Ok(command)
    }
}
