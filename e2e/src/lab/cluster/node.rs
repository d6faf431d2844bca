//! The node: namespaces of its own, in which containerd, the kubelet and all pods live. IO: processes, interfaces.
//!
//! ```text
//!   the machine                          the node (mount, network and pid namespace)
//!   kube-apiserver ── 198.18.77.1 ═veth═ 198.18.77.2 ── kubelet, kube-proxy ── cni0 ── pods 198.18.78.0/24
//! ```
//!
//! The machine's own mounts, iptables rules and kernel settings are never touched, and ending one process, the first of
//! the pid namespace, takes everything away, however the lab ended. The node reaches nothing but this machine; from this
//! machine a route leads to the pods. The addresses are of the range for benchmarks (RFC 2544), which no real network has.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{cgroups, names};
use crate::lab::control_plane::HOST_ADDRESS;
use crate::lab::daemon::Spec;
use crate::lab::{Daemon, Paths, Run};

/// The node's address on the link; the machine's is [`HOST_ADDRESS`].
pub(super) const NODE_ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 18, 77, 2);
/// The addresses of pods.
pub(super) const POD_NETWORK: &str = "198.18.78.0/24";
/// The node's name in Kubernetes.
pub(super) const NODE_NAME: &str = "lab";

const DAEMON: &str = "node";
const SCRIPT: &str = include_str!("../../../parts/node/node.sh");
/// The file in the node's folder that names the cgroup controllers switched on for it.
const CONTROLLERS: &str = "cgroup-controllers";
const START_TIMEOUT: Duration = Duration::from_secs(10);
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// A running node.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The first process in its pid namespace, as the machine numbers it.
    init: i32,
    /// The folder that the node sees as `/run/lab`.
    pub(super) folder: PathBuf,
}

impl Node {
    /// Returns the running node, if there is one.
    #[must_use]
    pub(super) fn find(paths: &Paths) -> Option<Self> {
        let daemon = Daemon::find(paths, DAEMON)?;
        let init = first_process(daemon.identity.pid)?;
        Some(Self { init, folder: folder(paths) })
    }

    /// Makes sure that no other lab's node has the address of the link: two labs may share a machine, two nodes not.
    ///
    /// # Errors
    /// There is one.
    pub(super) async fn refuse_second() -> anyhow::Result<()> {
        let address = HOST_ADDRESS.to_string();
        let holders = Run::new("ip").args(["-brief", "address", "show", "to", &address]).run().await?;
        ensure!(
            holders.stdout.is_empty(),
            "another lab's cluster runs on this machine: stop it with `lab down` and its KAFKASINK_LAB_RUN"
        );
        Ok(())
    }

    /// Starts a node whose folder is [`folder`]; `pause` is the program that becomes its first process.
    ///
    /// # Errors
    /// The namespaces or the link cannot be made.
    pub(super) async fn start(paths: &Paths, pause: &Path) -> anyhow::Result<Self> {
        let folder = folder(paths);
        for name in ["lib", "log"] {
            tokio::fs::create_dir_all(folder.join(name)).await.with_context(|| format!("create {name}"))?;
        }
        let script = folder.join("node.sh");
        tokio::fs::write(&script, SCRIPT).await.with_context(|| format!("write {}", script.display()))?;
        cgroups::create(&names::cgroup(paths), &folder.join(CONTROLLERS))?;
        let daemon = Daemon::start(paths, DAEMON, unshare(paths, &script, pause)).await?;
        let ready = || async { first_process(daemon.identity.pid).context("find the first process") };
        let init = daemon.wait_until("the node has its namespaces", START_TIMEOUT, ready).await?;
        let node = Self { init, folder };
        node.link(&names::link(paths)).await.context("link the node to this machine")?;
        Ok(node)
    }

    /// Returns a command that runs inside the node.
    pub(super) fn run(&self, program: &str) -> Run<'static> {
        Run::new("nsenter").args(self.namespaces()).arg(program).env("PATH", search_path())
    }

    /// Returns the start of a daemon inside the node, for [`Daemon::start`].
    pub(super) fn spec(&self, program: impl AsRef<Path>) -> Spec {
        Spec::new("nsenter").args(self.namespaces()).arg(program.as_ref()).env("PATH", search_path())
    }

    /// Ends the node with all that runs in it, and removes what the kernel leaves: its cgroups and its folder. Does
    /// nothing if there is none.
    ///
    /// # Errors
    /// Something of it is still there after a while.
    pub(super) async fn stop(paths: &Paths) -> anyhow::Result<()> {
        if let Some(daemon) = Daemon::find(paths, DAEMON) {
            if let Some(init) = first_process(daemon.identity.pid) {
                end(init)?;
            }
            daemon.stop(STOP_TIMEOUT).await?;
        }
        remove_link(&names::link(paths)).await?;
        let folder = folder(paths);
        cgroups::remove(&names::cgroup(paths), &folder.join(CONTROLLERS), STOP_TIMEOUT).await?;
        if folder.exists() {
            // Its mounts were the node's: here it holds plain files only.
            let removed = tokio::fs::remove_dir_all(&folder).await;
            removed.with_context(|| format!("remove {}", folder.display()))?;
        }
        Ok(())
    }

    fn namespaces(&self) -> [String; 6] {
        ["--target", &self.init.to_string(), "--mount", "--net", "--pid", "--"].map(str::to_owned)
    }

    async fn link(&self, name: &str) -> anyhow::Result<()> {
        let init = self.init.to_string();
        let peer = ["type", "veth", "peer", "name", "eth0", "netns", &init];
        Run::new("ip").args(["link", "add", name]).args(peer).run().await?;
        let (host, node) = (format!("{HOST_ADDRESS}/30"), format!("{NODE_ADDRESS}/30"));
        Run::new("ip").args(["address", "add", &host, "dev", name]).run().await?;
        Run::new("ip").args(["link", "set", name, "up"]).run().await?;
        let gateway = NODE_ADDRESS.to_string();
        Run::new("ip").args(["route", "add", POD_NETWORK, "via", &gateway]).run().await?;
        self.run("ip").args(["address", "add", &node, "dev", "eth0"]).run().await?;
        self.run("ip").args(["link", "set", "eth0", "up"]).run().await?;
        // Whatever lies beyond this machine is refused at once, instead of timing out.
        self.run("ip").args(["route", "add", "unreachable", "default"]).run().await?;
        Ok(())
    }
}

/// Returns the node's folder: configuration, images and volumes, gone when it stops.
#[must_use]
pub(super) fn folder(paths: &Paths) -> PathBuf {
    paths.run.join("node")
}

fn unshare(paths: &Paths, script: &Path, pause: &Path) -> Spec {
    let namespaces = ["--mount", "--propagation", "private", "--net", "--pid", "--mount-proc"];
    let spec = Spec::new("unshare").args(namespaces).args(["--fork", "--kill-child", "--", "sh"]);
    spec.arg(script).arg(&paths.cache).arg(folder(paths)).arg(pause).env("PATH", search_path())
}

/// Returns the only child of `unshare`, once it is what it shall become.
fn first_process(unshare: i32) -> Option<i32> {
    let children = std::fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children")).ok()?;
    let child = children.split_ascii_whitespace().next()?.parse().ok()?;
    let name = std::fs::read_to_string(format!("/proc/{child}/comm")).ok()?;
    (name.trim() == "pause").then_some(child)
}

/// Ends the first process: `unshare` ends after it, and it after everything else in its pid namespace.
fn end(init: i32) -> anyhow::Result<()> {
    match kill(Pid::from_raw(init), Signal::SIGTERM) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(cause) => Err(cause).context("end the node's first process"),
    }
}

/// Removes the link that an earlier run may have left; the kernel removes it with the node, but a moment later.
async fn remove_link(name: &str) -> anyhow::Result<()> {
    let exists = || Path::new("/sys/class/net").join(name).exists();
    if !exists() {
        return Ok(());
    }
    let removed = Run::new("ip").args(["link", "delete", name]).run().await;
    ensure!(removed.is_ok() || !exists(), "remove the network interface {name}");
    Ok(())
}

/// Returns `PATH` with the folders that `iptables` and others lie in, which `su` leaves out.
pub(super) fn search_path() -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    format!("{}:/usr/local/sbin:/usr/sbin:/sbin", path.to_string_lossy())
}
