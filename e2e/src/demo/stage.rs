//! Sets the stage: cluster, images, Kafka and store as pods, the operator by its charts. IO: the lab, the API server.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::kubectl::Kubectl;
use super::{console, foreign};
use crate::lab::cluster::{self, Cluster};
use crate::lab::helm::{self, Release};
use crate::lab::images::{self, Archive};
use crate::lab::in_cluster::{self, Addresses, Doors, NAMESPACE};
use crate::lab::kubernetes::{self, Binary};
use crate::lab::lock::Lock;
use crate::lab::parts::Part;
use crate::lab::preflight::{self, Need};
use crate::lab::{Paths, Progress};

/// Namespace of the operator.
pub const OPERATOR_NAMESPACE: &str = "kafkasink";

/// The charts in the order of their installation; a release has the name of its chart.
pub const CHARTS: [&str; 2] = ["kafkasink-crds", "kafkasink-operator"];

/// Steps that [`set`] shows besides the cluster's own.
const STEPS: usize = 9;

/// Everything that the sinks need is running.
pub struct Stage {
    /// kubectl for the cluster.
    pub kubectl: Kubectl,
    /// Kafka and the store, as pods see them.
    pub addresses: Addresses,
    /// Kafka and the store, as this machine sees them.
    pub doors: Doors,
}

/// Starts what does not run yet and removes what an earlier demo left in the cluster; `later` is what the machine must have
/// once everything runs.
///
/// # Errors
/// A part cannot be built or started; the message says which and what to do.
pub async fn set(paths: &Paths, foreign: Option<&Path>, later: Vec<Need>) -> Result<Stage> {
    let progress = Progress::start(STEPS + if foreign.is_some() { 0 } else { cluster::STEPS });
    let _lock = Lock::of_run(paths, || progress.say("waits for another run of the lab")).await?;
    look_at_machine(paths, foreign, later, &progress).await?;
    let cluster = match foreign {
        Some(kubeconfig) => existing(kubeconfig).await?,
        None => cluster::up(paths, &progress).await?,
    };
    let ours = give_images(paths, &cluster, &progress).await?;
    let kubectl = clear(paths, &cluster, &progress).await?;
    let step = progress.step("starts Kafka and ReductStore as pods");
    let addresses = in_cluster::deploy(&cluster.client(), NAMESPACE).await?;
    let doors = addresses.open_doors(&cluster).await?;
    step.done();
    install_charts(paths, &kubectl.kubeconfig, &ours, &progress).await?;
    Ok(Stage { kubectl, addresses, doors })
}

/// Looks before anything is built whether the demo may use the cluster.
async fn existing(kubeconfig: &Path) -> Result<Cluster> {
    let cluster = Cluster::existing(kubeconfig).await?;
    foreign::expect_free(&cluster.client()).await?;
    Ok(cluster)
}

/// Asks for everything before the first build is begun: minutes must not end at what a later step lacks.
async fn look_at_machine(
    paths: &Paths,
    foreign: Option<&Path>,
    later: Vec<Need>,
    progress: &Progress,
) -> Result<()> {
    let step = progress.step("looks at what this machine has");
    preflight::check(paths, &[needs(paths, foreign), later].concat(), &step).await?;
    step.done();
    Ok(())
}

/// Returns what the machine must have for [`set`].
#[must_use]
pub fn needs(paths: &Paths, foreign: Option<&Path>) -> Vec<Need> {
    let cluster = match foreign {
        Some(_) => kubernetes::needs(paths, Binary::Kubectl),
        None => Part::Cluster.needs(paths),
    };
    [cluster, in_cluster::needs(paths), helm::needs(paths)].concat()
}

/// Returns the images of our own programs.
async fn give_images(paths: &Paths, cluster: &Cluster, progress: &Progress) -> Result<Vec<Archive>> {
    let ours = images::write_to(progress, &paths.run.join("images")).await?;
    load(cluster, &ours, progress, "the operator and the runtime").await?;
    let step = progress.step("builds the images of Kafka and ReductStore (about 6 minutes the first time)");
    let theirs = in_cluster::archives(paths, &step).await?;
    step.done();
    load(cluster, &theirs, progress, "Kafka and ReductStore").await?;
    Ok(ours)
}

/// Removes what an earlier demo left in the cluster and returns kubectl.
async fn clear(paths: &Paths, cluster: &Cluster, progress: &Progress) -> Result<Kubectl> {
    let step = progress.step("removes what an earlier demo left");
    let program = kubernetes::binaries(paths, &step, &[Binary::Kubectl]).await?.join("kubectl");
    let kubectl = Kubectl { program, kubeconfig: cluster.kubeconfig.clone() };
    kubectl.run(&["delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait", "--timeout=3m"]).await?;
    step.done();
    Ok(kubectl)
}

async fn load(cluster: &Cluster, archives: &[Archive], progress: &Progress, what: &str) -> Result<()> {
    let step = progress.step(&format!("gives the cluster the images of {what}"));
    for command in cluster.load_images(archives).await? {
        console::say(format!("  not there yet? {command}"))?;
    }
    step.done();
    Ok(())
}

async fn install_charts(
    paths: &Paths,
    kubeconfig: &Path,
    ours: &[Archive],
    progress: &Progress,
) -> Result<()> {
    let step = progress.step("installs the charts with Helm (about 1 minute the first time)");
    // The tag stays the same when the program changes: without this the operator of an earlier demo would stay.
    let written = format!("podAnnotations.images-written=at-{}", last_written(ours)?);
    let tag = format!("image.tag={}", env!("CARGO_PKG_VERSION"));
    let runtime_tag = format!("runtimeImage.tag={}", env!("CARGO_PKG_VERSION"));
    let settings = [
        "image.repository=localhost/kafkasink-operator",
        &tag,
        "runtimeImage.repository=localhost/kafkasink-runtime",
        &runtime_tag,
        &written,
    ];
    for (name, set) in CHARTS.into_iter().zip([&[][..], &settings[..]]) {
        let chart = checkout()?.join("charts").join(name);
        let release = Release { name, chart: &chart, namespace: OPERATOR_NAMESPACE, settings: set };
        helm::install(paths, kubeconfig, release, &step).await?;
    }
    step.done();
    Ok(())
}

/// When the youngest of the images was written, in seconds since 1970-01-01 UTC.
fn last_written(images: &[Archive]) -> Result<u64> {
    let mut seconds = images.iter().map(|image| -> Result<u64> {
        let written = image.path.metadata().and_then(|file| file.modified());
        let written = written.with_context(|| format!("look at {}", image.path.display()))?;
        Ok(written.duration_since(std::time::UNIX_EPOCH).context("read a file's time")?.as_secs())
    });
    seconds.try_fold(0, |youngest, written| Ok(youngest.max(written?)))
}

/// The checkout that the demo was built from.
///
/// # Errors
/// It was moved since.
pub fn checkout() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("find the checkout")?;
    ensure!(root.join("charts").is_dir(), "{} is gone: run the demo by `make demo`", root.display());
    Ok(root.to_owned())
}
