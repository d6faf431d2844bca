//! kube-apiserver as a process. IO: processes, HTTPS.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use k8s_openapi::api::core::v1::Namespace;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};

use super::flags;
use super::plane::{ControlPlane, Reach};
use crate::lab::daemon::{Daemon, Spec};
use crate::lab::paths::Paths;

const NAME: &str = "kube-apiserver";
const START_TIMEOUT: Duration = Duration::from_mins(3);
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn runs(paths: &Paths, reach: Reach) -> bool {
    Daemon::find(paths, &reach.name_of(NAME)).is_some()
}

/// Starts it and waits until it is ready to be used.
pub(super) async fn start(paths: &Paths, binaries: &Path, plane: &ControlPlane) -> anyhow::Result<()> {
    let spec = Spec::new(binaries.join(NAME)).args(flags::of(plane));
    let daemon = Daemon::start(paths, &plane.reach.name_of(NAME), spec).await?;
    let kubeconfig = Kubeconfig::read_from(&plane.kubeconfig)?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    // A proxy of the environment knows nothing of our 127.0.0.1.
    config.proxy_url = None;
    let client = Client::try_from(config)?;
    daemon.wait_until("the API server is ready", START_TIMEOUT, || ready(&client)).await
}

pub(super) async fn stop(paths: &Paths, reach: Reach) -> anyhow::Result<()> {
    match Daemon::find(paths, &reach.name_of(NAME)) {
        Some(daemon) => daemon.stop(STOP_TIMEOUT).await,
        None => Ok(()),
    }
}

async fn ready(client: &Client) -> anyhow::Result<()> {
    let request = http::Request::get("/readyz").body(Vec::new())?;
    let answer = client.request_text(request).await?;
    ensure!(answer == "ok", "it answers {answer}");
    // The API server creates it itself, a moment after it has called itself ready.
    Api::<Namespace>::all(client.clone()).get("default").await?;
    Ok(())
}
