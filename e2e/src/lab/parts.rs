//! Brings parts of the lab up and down, one run at a time. IO: through the parts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::ValueEnum;

use super::cluster::{self, Cluster};
use super::control_plane::{self, Reach};
use super::daemon::Daemon;
use super::lock::Lock;
use super::paths::Paths;
use super::preflight::{self, Need};
use super::progress::Progress;
use super::state::{KubernetesAddress, State};
use super::{kafka, store};

/// Something that can be brought up.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Part {
    /// One Kafka broker on 127.0.0.1
    Kafka,
    /// One ReductStore on 127.0.0.1
    Store,
    /// etcd and kube-apiserver on 127.0.0.1, without a node
    Apiserver,
    /// A whole Kubernetes cluster of one node; needs root
    Cluster,
}

/// What no part stops itself gets so long to end by itself.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

impl Part {
    fn steps(self) -> usize {
        match self {
            Self::Kafka => kafka::STEPS,
            Self::Store => store::STEPS,
            Self::Apiserver => control_plane::STEPS,
            Self::Cluster => cluster::STEPS,
        }
    }

    fn is_up(self, running: &State) -> bool {
        match self {
            Self::Kafka => running.kafka.is_some(),
            Self::Store => running.store.is_some(),
            Self::Apiserver => running.apiserver.is_some(),
            Self::Cluster => running.cluster.is_some(),
        }
    }

    /// Returns what the machine must have to bring it up.
    #[must_use]
    pub fn needs(self, paths: &Paths) -> Vec<Need> {
        match self {
            Self::Kafka => kafka::needs(paths),
            Self::Store => store::needs(paths),
            Self::Apiserver => control_plane::needs(paths),
            Self::Cluster => cluster::needs(paths),
        }
    }

    async fn up(self, paths: &Paths, progress: &Progress) -> anyhow::Result<()> {
        match self {
            Self::Kafka => kafka::up(paths, progress).await.map(drop),
            Self::Store => store::up(paths, progress).await.map(drop),
            Self::Apiserver => apiserver_up(paths, progress).await,
            Self::Cluster => cluster::up(paths, progress).await.map(drop),
        }
    }
}

/// Brings up those parts that are not, in the order given, and returns where everything is.
///
/// # Errors
/// A part cannot be brought up; those before it stay.
pub async fn up(paths: &Paths, parts: &[Part]) -> anyhow::Result<State> {
    let _lock = lock(paths).await?;
    let before = running(paths);
    let absent: Vec<Part> = parts.iter().copied().filter(|part| !part.is_up(&before)).collect();
    let progress = Progress::start(1 + absent.iter().map(|part| part.steps()).sum::<usize>());
    if !absent.is_empty() {
        let needs: Vec<Need> = absent.iter().flat_map(|part| part.needs(paths)).collect();
        // Asked for all parts before the first is begun: a build of minutes must not end at what the next part lacks.
        let step = progress.step("looks at what this machine has");
        preflight::check(paths, &needs, &step).await?;
        step.done();
    }
    for part in parts {
        part.up(paths, &progress).await?;
    }
    Ok(running(paths))
}

/// Returns where everything is that still runs; what has ended by itself since, or with the machine, is left out.
#[must_use]
pub fn running(paths: &Paths) -> State {
    let state = State::load(paths);
    let runs = |reach| control_plane::find(paths, reach).is_some();
    State {
        kafka: kafka::find(paths),
        store: store::find(paths),
        apiserver: state.apiserver.filter(|_| runs(Reach::ThisMachine)),
        // One that the lab did not start has no URL in the state: whether it runs is not ours to know.
        cluster: state.cluster.filter(|cluster| cluster.url.is_none() || runs(Reach::Pods)),
    }
}

/// Takes a cluster that the lab did not start for the part `cluster`, until [`down`], which leaves it as it is.
///
/// # Errors
/// The lab's own cluster is up, or the other does not answer.
pub async fn adopt(paths: &Paths, kubeconfig: &Path) -> anyhow::Result<State> {
    let _lock = lock(paths).await?;
    let own = State::load(paths).cluster.is_some_and(|cluster| cluster.url.is_some());
    ensure!(!own, "the lab's own cluster is up: stop it with `lab down` before using another");
    let kubeconfig: PathBuf = std::path::absolute(kubeconfig)?;
    Cluster::existing(&kubeconfig).await?;
    State::update(paths, |state| state.cluster = Some(KubernetesAddress { kubeconfig, url: None }))?;
    Ok(running(paths))
}

/// Stops everything that the lab started, removes its data, and forgets where it was; logs stay. Returns what on the
/// machine is not as it was before a cluster came up, be it by the lab or by others.
///
/// # Errors
/// Something cannot be stopped.
pub async fn down(paths: &Paths) -> anyhow::Result<Vec<String>> {
    let _lock = lock(paths).await?;
    let step = Progress::start(1).step("stops what the lab started");
    // What fails to stop must not keep the rest from being stopped.
    let changes = cluster::down(paths).await;
    let mut stopped = vec![
        control_plane::down(paths, Reach::Pods).await,
        control_plane::down(paths, Reach::ThisMachine).await,
        store::down(paths).await,
        kafka::down(paths).await,
    ];
    for daemon in Daemon::all(paths) {
        stopped.push(daemon.stop(STOP_TIMEOUT).await);
    }
    let changes = changes?;
    stopped.into_iter().collect::<anyhow::Result<()>>()?;
    State::default().save(paths)?;
    for folder in ["daemons", "data", "kafka", "kubernetes", "cluster-kubernetes"] {
        remove(&paths.run.join(folder)).await?;
    }
    step.done();
    Ok(changes)
}

/// Removes everything that was built; the next [`up`] builds it anew.
///
/// # Errors
/// Something of the lab still runs, or the cache cannot be removed.
pub async fn clean(paths: &Paths) -> anyhow::Result<()> {
    let _lock = lock(paths).await?;
    ensure!(Daemon::all(paths).is_empty(), "the lab still runs: stop it with `lab down` before cleaning");
    remove(&paths.run).await?;
    remove(&paths.cache).await
}

async fn apiserver_up(paths: &Paths, progress: &Progress) -> anyhow::Result<()> {
    let plane = control_plane::up(paths, progress, Reach::ThisMachine).await?;
    let address = KubernetesAddress { kubeconfig: plane.kubeconfig, url: Some(plane.url) };
    State::update(paths, |state| state.apiserver = Some(address))
}

async fn lock(paths: &Paths) -> anyhow::Result<Lock> {
    Lock::of_run(paths, || Progress::start(0).say("waits for another run of the lab")).await
}

async fn remove(folder: &Path) -> anyhow::Result<()> {
    match tokio::fs::remove_dir_all(folder).await {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            Err(cause).with_context(|| format!("remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}
