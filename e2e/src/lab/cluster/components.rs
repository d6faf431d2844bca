//! The programs of Kubernetes that make a cluster of node and API server. IO: processes, files.

use std::path::Path;

use anyhow::Context as _;

use super::names;
use super::node::{NODE_ADDRESS, NODE_NAME, Node, POD_NETWORK};
use crate::lab::control_plane::{ControlPlane, HOST_ADDRESS};
use crate::lab::{Daemon, Paths, manifests};

/// The daemon whose log tells most when the node does not become ready.
pub(super) const KUBELET: &str = "kubelet";

/// A program that runs in the node and talks to the API server. What begins with `$` is filled in, and paths are those
/// inside the node's namespaces; ports need no care, they are the node's own.
struct Component {
    name: &'static str,
    /// Who it is to the API server: common name and organisation of its certificate.
    user: &'static str,
    group: Option<&'static str>,
    arguments: &'static [&'static str],
}

const COMPONENTS: [Component; 4] = [
    Component {
        name: "kube-controller-manager",
        user: "system:kube-controller-manager",
        group: None,
        arguments: &[
            "--kubeconfig=/run/lab/kube-controller-manager.kubeconfig",
            "--leader-elect=false",
            "--root-ca-file=/run/lab/ca.crt",
            "--service-account-private-key-file=/run/lab/service-account.key",
            "--use-service-account-credentials",
            // An account for each of its forty controllers: with the default of 20 requests a second that takes 4 s.
            "--kube-api-qps=500",
            "--kube-api-burst=500",
        ],
    },
    Component {
        name: "kube-scheduler",
        user: "system:kube-scheduler",
        group: None,
        arguments: &["--kubeconfig=/run/lab/kube-scheduler.kubeconfig", "--leader-elect=false"],
    },
    Component {
        name: KUBELET,
        user: "system:node:$NODE_NAME",
        group: Some("system:nodes"),
        arguments: &[
            "--kubeconfig=/run/lab/kubelet.kubeconfig",
            "--config=/run/lab/kubelet.yaml",
            "--node-ip=$NODE_ADDRESS",
            "--hostname-override=$NODE_NAME",
        ],
    },
    Component {
        name: "kube-proxy",
        user: "system:kube-proxy",
        group: None,
        arguments: &["--config=/run/lab/kube-proxy.yaml"],
    },
];

const CONFIGURATIONS: [(&str, &str); 2] = [
    ("kubelet.yaml", include_str!("../../../parts/node/kubelet.yaml")),
    ("kube-proxy.yaml", include_str!("../../../parts/node/kube-proxy.yaml")),
];

/// Starts all components inside the node; `binaries` is the folder of Kubernetes' programs.
///
/// # Errors
/// A certificate cannot be issued, or a program cannot be started.
pub(super) async fn start(
    paths: &Paths,
    node: &Node,
    plane: &ControlPlane,
    binaries: &Path,
) -> anyhow::Result<()> {
    let folder = &node.folder;
    for (name, text) in CONFIGURATIONS {
        write(folder, name, &filled(paths, text)).await?;
    }
    copy(&plane.pki.ca_certificate(), folder, "ca.crt").await?;
    copy(&plane.pki.service_account_key(), folder, "service-account.key").await?;
    for component in COMPONENTS {
        write_kubeconfig(folder, plane, component.name, (&filled(paths, component.user), component.group))
            .await?;
        let arguments = component.arguments.iter().map(|argument| filled(paths, argument));
        let spec = node.spec(binaries.join(component.name)).args(arguments);
        Daemon::start(paths, component.name, spec).await?;
    }
    Ok(())
}

/// Returns whether all components still run.
pub(super) fn all_run(paths: &Paths) -> bool {
    COMPONENTS.iter().all(|component| Daemon::find(paths, component.name).is_some())
}

fn filled(paths: &Paths, text: &str) -> String {
    let (cgroup, address) = (names::cgroup(paths), NODE_ADDRESS.to_string());
    let values = [
        ("$CGROUP", cgroup.as_str()),
        ("$NODE_ADDRESS", &address),
        ("$NODE_NAME", NODE_NAME),
        ("$POD_NETWORK", POD_NETWORK),
    ];
    manifests::filled(text, &values)
}

/// The API server's own kubeconfigs name it on 127.0.0.1, which in the node is another place.
async fn write_kubeconfig(
    folder: &Path,
    plane: &ControlPlane,
    component: &str,
    (user, group): (&str, Option<&str>),
) -> anyhow::Result<()> {
    let issued = plane.issue(user, group).with_context(|| format!("issue a certificate for {user}"))?;
    let text = tokio::fs::read_to_string(&issued).await;
    let text = text.with_context(|| format!("read {}", issued.display()))?;
    let from_node = text.replace("https://127.0.0.1:", &format!("https://{HOST_ADDRESS}:"));
    write(folder, &format!("{component}.kubeconfig"), &from_node).await
}

async fn write(folder: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    tokio::fs::write(folder.join(name), text).await.with_context(|| format!("write {name}"))
}

async fn copy(source: &Path, folder: &Path, name: &str) -> anyhow::Result<()> {
    let copied = tokio::fs::copy(source, folder.join(name)).await;
    copied.map(drop).with_context(|| format!("copy {}", source.display()))
}
