//! The database of the API server. IO: go, processes, HTTP.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::plane::Reach;
use crate::lab::cache::{cached, fresh_folder};
use crate::lab::daemon::{Daemon, Spec};
use crate::lab::go::{Program, Wrapper};
use crate::lab::paths::Paths;
use crate::lab::preflight::lab_port;
use crate::lab::progress::Step;
use crate::lab::versions;

const NAME: &str = "etcd";
const PORT: u16 = 12379;
const PEER_PORT: u16 = 12380;
const START_TIMEOUT: Duration = Duration::from_secs(30);
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

const WRAPPER: Wrapper = Wrapper {
    module: include_str!("../../../parts/etcd/go.mod"),
    sums: include_str!("../../../parts/etcd/go.sum"),
    main: None,
};

/// Returns the program, and builds it before that if it is absent.
pub(super) async fn binary(paths: &Paths, step: &Step) -> anyhow::Result<PathBuf> {
    let part = cached(paths, NAME, versions::ETCD, step, async |folder: PathBuf| {
        step.note("compiles etcd");
        let program = Program { package: "go.etcd.io/etcd/server/v3", settings: &[] };
        WRAPPER.build(&folder.join("wrapper"), program, &folder.join(NAME), step).await
    });
    Ok(part.await?.join(NAME))
}

/// Tells whether the program is built.
pub(super) fn is_built(paths: &Paths) -> bool {
    paths.part_dir(NAME, versions::ETCD).exists()
}

pub(super) fn runs(paths: &Paths, reach: Reach) -> bool {
    Daemon::find(paths, &reach.name_of(NAME)).is_some()
}

/// Starts it without any data and returns its URL.
pub(super) async fn start(paths: &Paths, binary: &Path, reach: Reach) -> anyhow::Result<String> {
    let name = reach.name_of(NAME);
    let data = paths.data_dir(&name);
    fresh_folder(&data).await?;
    let url = format!("http://127.0.0.1:{}", lab_port(paths, PORT)?);
    let peer_url = format!("http://127.0.0.1:{}", lab_port(paths, PEER_PORT)?);
    let spec = Spec::new(binary)
        .arg(format!("--data-dir={}", data.display()))
        .args(["--listen-client-urls", &url, "--advertise-client-urls", &url])
        .args(["--listen-peer-urls", &peer_url, "--initial-advertise-peer-urls", &peer_url])
        .arg(format!("--initial-cluster=default={peer_url}"))
        // Nothing of it outlives the lab, and on a slow disk most of its time would go into fsync.
        .arg("--unsafe-no-fsync")
        .arg("--log-level=warn");
    let daemon = Daemon::start(paths, &name, spec).await?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let ready = || async {
        client.get(format!("{url}/readyz")).send().await?.error_for_status()?;
        Ok(())
    };
    daemon.wait_until("etcd is ready", START_TIMEOUT, ready).await?;
    Ok(url)
}

pub(super) async fn stop(paths: &Paths, reach: Reach) -> anyhow::Result<()> {
    match Daemon::find(paths, &reach.name_of(NAME)) {
        Some(daemon) => daemon.stop(STOP_TIMEOUT).await,
        None => Ok(()),
    }
}
