//! etcd and kube-apiserver: enough for every test of the API, and what a cluster's node is put on top of. IO: processes,
//! files.
//!
//! ```text
//!  plane ◄─ pki ◄─ certificates (pure)      etcd ◄── apiserver ◄─ flags (pure) ◄─ audit
//!    ▲───── kubeconfig (pure)                └─ up: both run and /readyz answers  (every write is in its log)
//! ```

mod apiserver;
pub mod audit;
pub(super) mod certificates;
mod etcd;
mod flags;
mod kubeconfig;
mod pki;
mod plane;

use super::cache::fresh_folder;
use super::kubernetes::{self, Binary};
use super::paths::Paths;
use super::preflight::{self, Need};
use super::progress::Progress;
pub use pki::Pki;
pub use plane::{ControlPlane, HOST_ADDRESS, Reach, SERVICE_CIDR};

/// Steps that [`up`] shows.
pub const STEPS: usize = 2;

/// Tests need no more than the server and its client.
const BINARIES: [Binary; 2] = [Binary::ApiServer, Binary::Kubectl];

/// Returns what the machine must have for [`up`].
#[must_use]
pub fn needs(paths: &Paths) -> Vec<Need> {
    if kubernetes::are_built(paths, &BINARIES) && etcd::is_built(paths) {
        return Vec::new();
    }
    vec![Need::Architecture, Need::Go, Need::DiskGib(6)]
}

/// Starts etcd without any data and kube-apiserver, and waits until it is ready; nothing is done if they run.
///
/// # Errors
/// The machine lacks something, a build fails, or one of the two is not ready in time.
pub async fn up(paths: &Paths, progress: &Progress, reach: Reach) -> anyhow::Result<ControlPlane> {
    if let Some(running) = find(paths, reach) {
        progress.say(&format!("the API server is up: {}", running.url));
        return Ok(running);
    }
    fresh(paths, progress, reach).await
}

/// Returns the running control plane of this run folder.
#[must_use]
pub fn find(paths: &Paths, reach: Reach) -> Option<ControlPlane> {
    let both_run = etcd::runs(paths, reach) && apiserver::runs(paths, reach);
    ControlPlane::load(paths, reach).filter(|_| both_run)
}

/// Stops both, if the lab started them.
///
/// # Errors
/// One of them cannot be stopped.
pub async fn down(paths: &Paths, reach: Reach) -> anyhow::Result<()> {
    apiserver::stop(paths, reach).await?;
    etcd::stop(paths, reach).await
}

async fn fresh(paths: &Paths, progress: &Progress, reach: Reach) -> anyhow::Result<ControlPlane> {
    let builds = progress.step("builds etcd and kube-apiserver (about 4 minutes)");
    preflight::check(paths, &needs(paths), &builds).await?;
    let etcd = etcd::binary(paths, &builds).await?;
    let binaries = kubernetes::binaries(paths, &builds, &BINARIES).await?;
    builds.done();

    let starts = progress.step("starts etcd and kube-apiserver");
    // One that was started but did not become ready, or whose other half has ended.
    down(paths, reach).await?;
    fresh_folder(&plane::folder(paths, reach)).await?;
    let plane = ControlPlane::create(paths, reach, etcd::start(paths, &etcd, reach).await?)?;
    audit::prepare(plane.pki.folder())?;
    apiserver::start(paths, &binaries, &plane).await?;
    plane.save(paths)?;
    starts.done();
    Ok(plane)
}
