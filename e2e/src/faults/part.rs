//! A store or a broker of a run's own, killed and started again on its data. IO: the lab.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::lab::daemon::Daemon;
use crate::lab::state::{KafkaAddress, StoreAddress};
use crate::lab::{Paths, Progress, kafka, store};

/// What a part is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Store,
    Broker,
}

/// A running part.
#[derive(Debug)]
pub struct Part {
    kind: Kind,
    paths: Paths,
    lives: u32,
}

/// Returns the folders of the lab that a run has for itself.
#[must_use]
pub fn lab(cache: &Path, run: &Path) -> Paths {
    Paths { cache: cache.to_owned(), run: run.join("lab") }
}

/// Builds what runs need and is not in the cache yet; this may take minutes and says so.
///
/// # Errors
/// The machine lacks something, or a build fails.
pub async fn prepare(paths: &Paths) -> anyhow::Result<()> {
    let progress = Progress::start(2);
    let builds = progress.step("looks for ReductStore, builds it if it is not there");
    store::binary(paths, &builds).await?;
    builds.done();
    let fetches = progress.step("looks for Kafka, fetches it if it is not there");
    kafka::jars(paths, &fetches).await?;
    fetches.done();
    Ok(())
}

impl Part {
    /// Starts a store without data in a run folder of its own.
    ///
    /// # Errors
    /// It cannot be built or started.
    pub async fn store(paths: Paths) -> anyhow::Result<(Self, StoreAddress)> {
        let address = store::up(&paths, &Progress::silent()).await?;
        Ok((Self { kind: Kind::Store, paths, lives: 1 }, address))
    }

    /// Starts a broker without data in a run folder of its own.
    ///
    /// # Errors
    /// It cannot be fetched or started.
    pub async fn broker(paths: Paths) -> anyhow::Result<(Self, KafkaAddress)> {
        let address = kafka::up(&paths, &Progress::silent()).await?;
        Ok((Self { kind: Kind::Broker, paths, lives: 1 }, address))
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Store => "store",
            Kind::Broker => "broker",
        }
    }

    /// Returns the folder with its data.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.paths.data_dir(self.lab_name())
    }

    /// Returns whether it runs.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.process().is_some()
    }

    /// Ends it by `kill -9`; one that has ended by itself stays ended.
    ///
    /// # Errors
    /// It survives.
    pub async fn kill(&self) -> anyhow::Result<()> {
        match self.process() {
            Some(daemon) => daemon.kill().await,
            None => Ok(()),
        }
    }

    /// Stops it where it stands, as a machine that hangs does.
    ///
    /// # Errors
    /// It has ended.
    pub fn freeze(&self) -> anyhow::Result<()> {
        self.process().context("freeze a part that has ended")?.freeze()
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// It has ended.
    pub fn wake(&self) -> anyhow::Result<()> {
        self.process().context("wake a part that has ended")?.wake()
    }

    /// Starts it again on its data and returns at once; the log of its former life is kept beside the new one.
    ///
    /// # Errors
    /// It runs, or cannot be started.
    pub async fn again(&mut self) -> anyhow::Result<()> {
        let log = self.paths.log_file(self.lab_name());
        let kept = log.with_extension(format!("{}.log", self.lives));
        std::fs::rename(&log, &kept).with_context(|| format!("keep {}", log.display()))?;
        self.lives += 1;
        match self.kind {
            Kind::Store => store::again(&self.paths).await.map(drop),
            Kind::Broker => kafka::again(&self.paths).await.map(drop),
        }
    }

    /// Waits until it answers.
    ///
    /// # Errors
    /// It ends, or does not answer in time.
    pub async fn ready(&self) -> anyhow::Result<()> {
        match self.kind {
            Kind::Store => store::ready(&self.paths).await,
            Kind::Broker => kafka::ready(&self.paths).await,
        }
    }

    fn process(&self) -> Option<Daemon> {
        Daemon::find(&self.paths, self.lab_name())
    }

    fn lab_name(&self) -> &'static str {
        match self.kind {
            Kind::Store => store::NAME,
            Kind::Broker => kafka::NAME,
        }
    }
}
