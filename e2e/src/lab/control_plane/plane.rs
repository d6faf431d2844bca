//! A control plane: its addresses, its certificates, and kubeconfigs for it. IO: files of the run folder.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::kubeconfig;
use super::pki::{self, Pki};
use crate::lab::paths::Paths;
use crate::lab::preflight::lab_port;

/// The addresses that Services get.
pub const SERVICE_CIDR: &str = "10.96.0.0/16";
/// This machine's address as the cluster's node and its pods see it; the Service `kubernetes` leads there. The node
/// brings the link with this address: until then it leads nowhere.
pub const HOST_ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 18, 77, 1);

/// The first address of [`SERVICE_CIDR`]: Kubernetes gives it to the Service `kubernetes`.
const SERVICE_ADDRESS: &str = "10.96.0.1";
const PORT: u16 = 16443;

/// Who must be able to reach the API server.
///
/// The two run side by side and know nothing of each other: what tests leave in the one must not meet an operator that
/// works in the other.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Reach {
    /// Programs on this machine: it listens on 127.0.0.1 alone.
    ThisMachine,
    /// Pods too: it listens on all addresses, so also on [`HOST_ADDRESS`].
    Pods,
}

impl Reach {
    /// Returns the name under which a program or file of this control plane is kept.
    pub(super) fn name_of(self, what: &str) -> String {
        match self {
            Self::ThisMachine => what.to_owned(),
            Self::Pods => format!("cluster-{what}"),
        }
    }
}

/// An API server and all that is needed to add a node to it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ControlPlane {
    /// The URL for programs on this machine.
    pub url: String,
    /// An administrator's kubeconfig.
    pub kubeconfig: PathBuf,
    /// Certificates and keys.
    pub pki: Pki,
    pub(super) port: u16,
    pub(super) reach: Reach,
    pub(super) etcd_url: String,
}

impl ControlPlane {
    /// Chooses a port and creates the certificates and the administrator's kubeconfig for it.
    pub(super) fn create(paths: &Paths, reach: Reach, etcd_url: String) -> anyhow::Result<Self> {
        let port = lab_port(paths, PORT)?;
        let names = [
            "127.0.0.1",
            SERVICE_ADDRESS,
            &HOST_ADDRESS.to_string(),
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
        ];
        let pki = Pki::create(folder(paths, reach), &names)?;
        let url = format!("https://127.0.0.1:{port}");
        let plane =
            Self { url, kubeconfig: paths.run.join(reach.name_of("kubeconfig")), pki, port, reach, etcd_url };
        plane.issue_to(&plane.kubeconfig, "lab-admin", Some("system:masters"))?;
        Ok(plane)
    }

    /// Returns the one that was kept last, whether it runs or not.
    pub(super) fn load(paths: &Paths, reach: Reach) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(record_file(paths, reach)).ok()?).ok()
    }

    /// Keeps it for [`ControlPlane::load`].
    pub(super) fn save(&self, paths: &Paths) -> anyhow::Result<()> {
        let path = record_file(paths, self.reach);
        let written = std::fs::write(&path, serde_json::to_vec_pretty(self)?);
        written.with_context(|| format!("write {}", path.display()))
    }

    /// Writes a kubeconfig for a user with this name and group (`system:masters` may do everything) beside the
    /// certificates, and returns its path.
    ///
    /// # Errors
    /// The authority's key cannot be read, or the file cannot be written.
    pub fn issue(&self, common_name: &str, organisation: Option<&str>) -> anyhow::Result<PathBuf> {
        let path = self.pki.folder().join(format!("{}.kubeconfig", common_name.replace(':', "-")));
        self.issue_to(&path, common_name, organisation)?;
        Ok(path)
    }

    fn issue_to(&self, path: &Path, common_name: &str, organisation: Option<&str>) -> anyhow::Result<()> {
        let user = self.pki.client(common_name, organisation)?;
        let authority = std::fs::read_to_string(self.pki.ca_certificate())?;
        pki::write(path, &kubeconfig::text(&self.url, &authority, common_name, &user)?)
    }
}

/// Returns where certificates, keys and kubeconfigs lie.
pub(super) fn folder(paths: &Paths, reach: Reach) -> PathBuf {
    paths.run.join(reach.name_of("kubernetes"))
}

fn record_file(paths: &Paths, reach: Reach) -> PathBuf {
    folder(paths, reach).join("control-plane.json")
}
