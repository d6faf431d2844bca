//! containerd inside the node, and the images it holds. IO: processes, files.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use super::node::{Node, POD_NETWORK};
use crate::lab::images::Archive;
use crate::lab::{Daemon, Paths, Run, manifests};

const DAEMON: &str = "containerd";
const CONFIG: &str = include_str!("../../../parts/node/containerd.toml");
const NETWORK: &str = include_str!("../../../parts/node/cni.conflist");
const SOCKET: &str = "/run/containerd/containerd.sock";
/// Where Debian, others and Fedora keep the network plugins.
const PLUGIN_FOLDERS: [&str; 3] = ["/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"];
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Starts containerd with the pods' network and waits until it answers.
///
/// # Errors
/// The network plugins are absent, or containerd does not come up.
pub(super) async fn start(paths: &Paths, node: &Node) -> anyhow::Result<()> {
    write_configuration(node).await?;
    let spec = node.spec("containerd").args(["--config", "/run/lab/containerd.toml"]);
    let daemon = Daemon::start(paths, DAEMON, spec).await?;
    let answers = || async { control(node).arg("version").run().await.map(drop) };
    daemon.wait_until("containerd answers", START_TIMEOUT, answers).await
}

/// Returns whether containerd runs.
pub(super) fn runs(paths: &Paths) -> bool {
    Daemon::find(paths, DAEMON).is_some()
}

/// Returns the folder of this machine's network plugins, if it has them.
pub(super) fn network_plugins() -> Option<&'static str> {
    PLUGIN_FOLDERS.into_iter().find(|folder| Path::new(folder).join("bridge").exists())
}

/// Imports an image for pods.
///
/// # Errors
/// The file is not an image.
pub(super) async fn import(node: &Node, archive: &Archive) -> anyhow::Result<()> {
    let (target, source) = (node.folder.join("image.tar"), &archive.path);
    // The archive may lie where the node has a folder of its own; its own folder it sees under one name always.
    link_or_copy(source, &target).await.with_context(|| format!("read {}", source.display()))?;
    let run = control(node).args(["--namespace", "k8s.io", "images", "import", "/run/lab/image.tar"]);
    run.run().await.with_context(|| format!("import image {}", archive.reference))?;
    tokio::fs::remove_file(&target).await.with_context(|| format!("remove {}", target.display()))
}

fn control(node: &Node) -> Run<'static> {
    node.run("ctr").args(["--address", SOCKET])
}

async fn link_or_copy(source: &Path, target: &Path) -> std::io::Result<()> {
    if target.exists() {
        tokio::fs::remove_file(target).await?;
    }
    if tokio::fs::hard_link(source, target).await.is_err() {
        tokio::fs::copy(source, target).await?;
    }
    Ok(())
}

async fn write_configuration(node: &Node) -> anyhow::Result<()> {
    let plugins = network_plugins()
        .context("find the network plugins: apt-get install -y containernetworking-plugins")?;
    let folder = &node.folder;
    tokio::fs::create_dir_all(folder.join("cni")).await.context("create the folder of the pods' network")?;
    let network = manifests::filled(NETWORK, &[("$POD_NETWORK", POD_NETWORK)]);
    tokio::fs::write(folder.join("cni/10-lab.conflist"), network).await.context("write the pods' network")?;
    tokio::fs::write(folder.join("containerd.toml"), configuration(folder))
        .await
        .context("write containerd.toml")?;
    tokio::fs::symlink(plugins, folder.join("cni-plugins")).await.context("link the network plugins")
}

/// Chooses the slower way of storing images where the faster one does not work: on an overlay, as inside a container.
fn configuration(folder: &Path) -> String {
    let on_overlay = nix::sys::statfs::statfs(folder)
        .is_ok_and(|found| found.filesystem_type() == nix::sys::statfs::OVERLAYFS_SUPER_MAGIC);
    if on_overlay {
        CONFIG.replace(r#"snapshotter = "overlayfs""#, r#"snapshotter = "native""#)
    } else {
        CONFIG.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::CONFIG;

    #[test]
    fn snapshotter_can_be_replaced() {
        assert!(CONFIG.contains(r#"snapshotter = "overlayfs""#));
    }
}
