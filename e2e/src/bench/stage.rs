//! `Stage`: a lab of its own for one run of the benchmark, fresh and gone afterwards. IO: the lab, store.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use reduct_rs::ReductClient;

use crate::lab::parts::{self, Part};
use crate::lab::preflight::{self, Need};
use crate::lab::state::StoreAddress;
use crate::lab::{Daemon, Paths, Progress, store};
use crate::usage::{self, Usage};

/// A topic and a bucket of the largest case, and what of the case before is being deleted.
const DISK: Need = Need::DiskGib(12);

/// Where everything of one run is.
pub struct Stage {
    pub(super) paths: Paths,
    pub(super) bootstrap: String,
    pub(super) store: StoreAddress,
    pub(super) client: ReductClient,
    /// The folder that this program lies in, and the runtime with it.
    pub(super) programs: PathBuf,
    store_pid: u32,
}

impl Stage {
    /// Starts a broker and a store that nobody else uses and that hold nothing.
    ///
    /// # Errors
    /// The programs are absent or slow builds, or the lab does not come up.
    pub async fn up() -> anyhow::Result<Self> {
        ensure!(!cfg!(debug_assertions), "this is a slow build, its figures say nothing: use `make bench`");
        let programs = programs()?;
        let paths = own_paths()?;
        // What a benchmark that was killed has left.
        if !Daemon::all(&paths).is_empty() {
            parts::down(&paths).await?;
        }
        let step = Progress::start(1).step("looks for free disk");
        preflight::check(&paths, &[DISK], &step).await?;
        step.done();
        let state = parts::up(&paths, &[Part::Kafka, Part::Store]).await?;
        let kafka = state.kafka.context("find Kafka: it has ended at once")?;
        let address = state.store.context("find the store: it has ended at once")?;
        let pid =
            store::running(&paths).context("find the store's process: it has ended at once")?.identity.pid;
        std::fs::create_dir_all(paths.run.join("logs"))?;
        Ok(Self {
            bootstrap: kafka.bootstrap,
            client: ReductClient::builder()
                .url(&address.url)
                .api_token(&address.token)
                .http1_only()
                .try_build()
                .context("make a client of the store")?,
            store: address,
            programs,
            store_pid: u32::try_from(pid)?,
            paths,
        })
    }

    /// Stops the lab and removes its data; its logs stay.
    ///
    /// # Errors
    /// Something cannot be stopped.
    pub async fn down() -> anyhow::Result<()> {
        parts::down(&own_paths()?).await.map(drop)
    }

    /// Returns what the store has used so far.
    pub(super) fn store_usage(&self) -> anyhow::Result<Usage> {
        usage::of(self.store_pid).context("look at the store")
    }

    /// Returns where the log of a process goes.
    pub(super) fn log_file(&self, name: &str) -> PathBuf {
        self.paths.log_file(name)
    }
}

/// A run folder below the usual one: a lab that is up for other purposes is left alone and measures nothing.
fn own_paths() -> anyhow::Result<Paths> {
    let paths = Paths::from_env()?;
    Ok(Paths { run: paths.run.join("bench"), ..paths })
}

fn programs() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("find this program")?;
    let folder = own.parent().context("find the folder of this program")?.to_owned();
    let runtime = folder.join("kafkasink-runtime");
    ensure!(runtime.is_file(), "{} is absent: use `make bench`", runtime.display());
    Ok(folder)
}
