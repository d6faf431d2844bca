//! The folders of the lab. IO: reads the environment.

use std::env::var_os;
use std::path::PathBuf;

use anyhow::Context;

/// Where the lab keeps what it builds and what it runs.
#[derive(Clone, Debug)]
pub struct Paths {
    /// Built parts, one folder per name and version; survives everything but `lab clean`.
    pub cache: PathBuf,
    /// State, logs and data of the running lab.
    pub run: PathBuf,
}

impl Paths {
    /// Returns the folders that the environment names: the cache is `KAFKASINK_LAB_CACHE`, else
    /// `XDG_CACHE_HOME/kafkasink-lab`, else `~/.cache/kafkasink-lab`; the run folder is `KAFKASINK_LAB_RUN`, else
    /// `run` in the cache. Two run folders are two labs that know nothing of each other.
    ///
    /// # Errors
    /// None of the variables is set, `HOME` neither.
    pub fn from_env() -> anyhow::Result<Self> {
        let folder = |name: &str| var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let cache = folder("KAFKASINK_LAB_CACHE")
            .or_else(|| folder("XDG_CACHE_HOME").map(|cache| cache.join("kafkasink-lab")))
            .or_else(|| folder("HOME").map(|home| home.join(".cache/kafkasink-lab")))
            .context("find a folder for the lab: set KAFKASINK_LAB_CACHE or HOME")?;
        let run = folder("KAFKASINK_LAB_RUN").unwrap_or_else(|| cache.join("run"));
        Ok(Self { cache: std::path::absolute(cache)?, run: std::path::absolute(run)? })
    }

    /// Returns whether this is the lab that a user of this machine has without asking for another.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        self.run == self.cache.join("run")
    }

    /// Returns where a built part lies: `cache/<name>-<version>`.
    #[must_use]
    pub fn part_dir(&self, name: &str, version: &str) -> PathBuf {
        self.cache.join(format!("{name}-{version}"))
    }

    /// Returns where a running part keeps its data: `run/data/<name>`.
    #[must_use]
    pub fn data_dir(&self, name: &str) -> PathBuf {
        self.run.join("data").join(name)
    }

    /// Returns the log of a running part or of a command: `run/logs/<name>.log`.
    #[must_use]
    pub fn log_file(&self, name: &str) -> PathBuf {
        self.run.join("logs").join(format!("{name}.log"))
    }
}
