//! Whether this machine can run containers, and what of it must be installed for that. IO: packages, namespaces.

use anyhow::bail;

use super::containerd;
use super::node::search_path;
use crate::lab::preflight::{self, Need};
use crate::lab::{Paths, Run, Step, apt};

/// Programs that the node runs, and the Debian package of each. A program that is there counts, whoever installed it:
/// another vendor's containerd and Debian's exclude each other.
const PROGRAMS: [(&str, &str); 7] = [
    ("containerd", "containerd"),
    ("ctr", "containerd"),
    ("runc", "runc"),
    ("iptables", "iptables"),
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("mount", "mount"),
];
const PLUGINS_PACKAGE: &str = "containernetworking-plugins";
/// Kernel modules that containers and Services use. Where they are built in or loaded, loading does nothing.
const MODULES: [&str; 4] = ["overlay", "br_netfilter", "nf_conntrack", "veth"];

/// Makes sure that the node can be started here: installs packages if we are root, names everything else.
///
/// # Errors
/// Something is missing that cannot be installed, with what mends it; or namespaces are forbidden here.
pub(super) async fn prepare(paths: &Paths, step: &Step) -> anyhow::Result<()> {
    let needs = [Need::Root("run containers"), Need::Architecture, Need::DiskGib(4)];
    preflight::check(paths, &needs, step).await?;
    apt::install(&missing_packages(), step).await?;
    // Fails where the module is built in or this is a container: then what lacks shows when it is used.
    drop(Run::new("modprobe").arg("--all").args(MODULES).run().await);
    try_namespaces().await
}

fn missing_packages() -> Vec<&'static str> {
    let mut packages: Vec<&str> = PROGRAMS
        .into_iter()
        .filter(|(program, _)| !is_installed(program))
        .map(|(_, package)| package)
        .collect();
    if containerd::network_plugins().is_none() {
        packages.push(PLUGINS_PACKAGE);
    }
    packages.dedup();
    packages
}

fn is_installed(program: &str) -> bool {
    std::env::split_paths(&search_path()).any(|folder| folder.join(program).is_file())
}

/// Does what the node will do, and nothing else: trying is the only test that also knows of seccomp and of modules.
async fn try_namespaces() -> anyhow::Result<()> {
    let script = "mount -t tmpfs tmpfs /run && ip link add probe0 type veth peer name probe1 && iptables -w -t nat -L -n";
    let attempt = Run::new("unshare").args(["--mount", "--net", "--pid", "--fork", "--mount-proc", "sh"]);
    let Err(cause) = attempt.args(["-c", script]).env("PATH", search_path()).run().await else {
        return Ok(());
    };
    let cause = cause.to_string();
    let reason = cause.lines().last().unwrap_or_default().trim();
    bail!(
        "containers cannot run here ({reason}): inside a container it takes `--privileged`, elsewhere a kernel with \
         namespaces, veth and iptables"
    )
}
