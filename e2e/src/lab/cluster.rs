//! A whole Kubernetes cluster of one node on a bare machine. IO: processes, namespaces, the API server.
//!
//! ```text
//!  machine ─► node ─► containerd ─► components ─► (node Ready) ─► dns
//!  (can it?)  (namespaces,          (kubelet, kube-proxy,
//!              link, cgroup)         scheduler, controllers)
//! ```
//!
//! etcd and kube-apiserver are those of [`super::control_plane`], outside the node.

mod cgroups;
mod components;
mod containerd;
mod dns;
mod footprint;
mod machine;
mod names;
mod node;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use k8s_openapi::api::core::v1::{Node as NodeObject, ServiceAccount};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};

use super::control_plane::{self, ControlPlane, Reach};
use super::images::{self, Archive};
use super::kubernetes::{self, Binary};
use super::paths::Paths;
use super::preflight::Need;
use super::progress::{Progress, Step};
use super::state::{KubernetesAddress, State};
use super::{Daemon, versions};
pub use footprint::Footprint;
use node::{NODE_NAME, Node};

/// Steps that [`up`] shows.
pub const STEPS: usize = 4 + control_plane::STEPS;

const NODE_TIMEOUT: Duration = Duration::from_mins(1);

/// A running cluster: the lab's own, or another that a kubeconfig names.
#[derive(Clone)]
pub struct Cluster {
    /// How it is reached with all rights.
    pub kubeconfig: PathBuf,
    client: Client,
    node: Option<Node>,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("kubeconfig", &self.kubeconfig)
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}

impl Cluster {
    /// Returns a cluster that the lab did not start.
    ///
    /// # Errors
    /// The kubeconfig cannot be used, or the API server does not answer.
    pub async fn existing(kubeconfig: &Path) -> anyhow::Result<Self> {
        let client = connect(kubeconfig).await?;
        let version = client.apiserver_version().await;
        version.with_context(|| format!("reach the cluster of {}", kubeconfig.display()))?;
        Ok(Self { kubeconfig: kubeconfig.to_owned(), client, node: None })
    }

    /// Returns a client with all rights.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Returns whether the lab started it.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.node.is_some()
    }

    /// Makes images known to the cluster's node. Into a cluster that the lab did not start it cannot import: it returns
    /// the commands that do, for kind.
    ///
    /// # Errors
    /// A file is not an image.
    pub async fn load_images(&self, archives: &[Archive]) -> anyhow::Result<Vec<String>> {
        let Some(node) = &self.node else {
            let command = |archive: &Archive| format!("kind load image-archive {}", archive.path.display());
            return Ok(archives.iter().map(command).collect());
        };
        for archive in archives {
            containerd::import(node, archive).await?;
        }
        Ok(Vec::new())
    }
}

/// Returns what the machine must have for [`up`], but for the programs of the node.
#[must_use]
pub fn needs(paths: &Paths) -> Vec<Need> {
    let mut needs = vec![Need::Root("run containers")];
    needs.extend(control_plane::needs(paths));
    let rest = kubernetes::are_built(paths, &Binary::ALL) && images::is_coredns_built(paths);
    if needs.len() == 1 && !rest {
        needs.extend([Need::Architecture, Need::Go, Need::DiskGib(3)]);
    }
    needs
}

/// Starts a cluster and waits until its node is ready and names are resolved; nothing is done if it runs.
///
/// # Errors
/// The machine lacks something, a part cannot be built, or the node is not ready in time.
pub async fn up(paths: &Paths, progress: &Progress) -> anyhow::Result<Cluster> {
    if let Some(cluster) = running(paths).await {
        progress.say(&format!("Kubernetes is up: {}", cluster.kubeconfig.display()));
        return Ok(cluster);
    }
    let looks = progress.step("looks at what the machine needs to run containers");
    machine::prepare(paths, &looks).await?;
    // What a killed run has left would be in the way.
    Node::stop(paths).await?;
    Node::refuse_second().await?;
    Footprint::keep(paths).await?;
    looks.done();

    let title = format!("builds Kubernetes {} (about 6 minutes the first time)", versions::KUBERNETES);
    let builds = progress.step(&title);
    let parts = Parts::build(paths, &builds).await?;
    builds.done();

    let plane = control_plane::up(paths, progress, Reach::Pods).await?;

    let starts = progress.step("starts the node");
    let node = start_node(paths, &plane, &parts).await?;
    starts.done();

    let waits = progress.step("waits until the node is ready and names are resolved");
    let client = connect(&plane.kubeconfig).await?;
    wait_for_node(paths, &client).await?;
    dns::start(&client).await?;
    waits.done();

    let address = KubernetesAddress { kubeconfig: plane.kubeconfig.clone(), url: Some(plane.url) };
    State::update(paths, |state| state.cluster = Some(address))?;
    Ok(Cluster { kubeconfig: plane.kubeconfig, client, node: Some(node) })
}

/// Stops the node with everything in it and returns what it has left on the machine all the same, which should be
/// nothing; nothing is done if no cluster of this run folder was ever begun. The control plane is stopped by its own
/// [`control_plane::down`].
///
/// # Errors
/// Something of the node is still there after a while.
pub async fn down(paths: &Paths) -> anyhow::Result<Vec<String>> {
    State::update(paths, |state| state.cluster = None)?;
    let Some(before) = Footprint::kept(paths) else {
        return Ok(Vec::new());
    };
    Node::stop(paths).await?;
    let left = before.left_until(&Footprint::capture().await?, paths);
    Footprint::forget(paths)?;
    Ok(left)
}

/// What must be built before anything is started.
struct Parts {
    binaries: PathBuf,
    pause: PathBuf,
    images: [Archive; 2],
}

impl Parts {
    async fn build(paths: &Paths, step: &Step) -> anyhow::Result<Self> {
        let binaries = kubernetes::binaries(paths, step, &Binary::ALL).await?;
        let pause = images::pause_program(paths, step).await?;
        let images = [images::pause(paths, step).await?, images::coredns(paths, step).await?];
        Ok(Self { binaries, pause, images })
    }
}

/// Returns the cluster if all of it still runs and answers.
async fn running(paths: &Paths) -> Option<Cluster> {
    let address = State::load(paths).cluster?;
    let node = Node::find(paths)?;
    let alive = components::all_run(paths) && containerd::runs(paths);
    let client = connect(&address.kubeconfig).await.ok().filter(|_| alive)?;
    node_is_ready(&client).await.ok()?;
    Some(Cluster { kubeconfig: address.kubeconfig, client, node: Some(node) })
}

async fn start_node(paths: &Paths, plane: &ControlPlane, parts: &Parts) -> anyhow::Result<Node> {
    let node = Node::start(paths, &parts.pause).await?;
    containerd::start(paths, &node).await?;
    for archive in &parts.images {
        containerd::import(&node, archive).await?;
    }
    components::start(paths, &node, plane, &parts.binaries).await?;
    Ok(node)
}

async fn connect(kubeconfig: &Path) -> anyhow::Result<Client> {
    let read = Kubeconfig::read_from(kubeconfig).with_context(|| format!("read {}", kubeconfig.display()))?;
    let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await?;
    Client::try_from(config).with_context(|| format!("use {}", kubeconfig.display()))
}

/// The kubelet's log tells most when this fails.
async fn wait_for_node(paths: &Paths, client: &Client) -> anyhow::Result<()> {
    let kubelet = Daemon::find(paths, components::KUBELET)
        .context("the kubelet has ended: see its log in `lab status`")?;
    kubelet.wait_until("the node is ready", NODE_TIMEOUT, || node_is_ready(client)).await?;
    // Pods are refused before the controllers have made the namespace's account.
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "kube-system");
    let account =
        || async { accounts.get("default").await.map(drop).context("get the service account `default`") };
    kubelet.wait_until("the controllers work", NODE_TIMEOUT, account).await
}

async fn node_is_ready(client: &Client) -> anyhow::Result<()> {
    let nodes: Api<NodeObject> = Api::all(client.clone());
    let node = nodes.get(NODE_NAME).await.context("get the node")?;
    let conditions = node.status.and_then(|status| status.conditions).unwrap_or_default();
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready").context("no condition yet")?;
    ensure!(ready.status == "True", "{}", ready.message.as_deref().unwrap_or("not ready"));
    Ok(())
}
