//! One ReductStore on 127.0.0.1. IO: cargo, HTTP.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;

use super::cache::{cached, fresh_folder};
use super::command::Run;
use super::daemon::{Daemon, Spec};
use super::paths::Paths;
use super::preflight::{self, Need};
use super::progress::{Progress, Step};
use super::state::{State, StoreAddress};
use super::versions;

/// Steps that [`up`] shows.
pub const STEPS: usize = 2;

/// Name of its process, of its part in the cache, of its data and of its log.
pub const NAME: &str = "reductstore";
const PORT: u16 = 18383;
/// No secret: the lab listens on 127.0.0.1 only. There is one so that everything is used with authentication on.
const TOKEN: &str = "lab-token";
const START_TIMEOUT: Duration = Duration::from_secs(30);
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// What the store shows its clients over HTTPS, in PEM.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// File with the certificate.
    pub chain: PathBuf,
    /// File with its private key.
    pub key: PathBuf,
}

/// Returns what the machine must have for [`up`].
#[must_use]
pub fn needs(paths: &Paths) -> Vec<Need> {
    if paths.part_dir(NAME, versions::REDUCTSTORE).exists() {
        return Vec::new();
    }
    vec![Need::Cargo, Need::CCompiler, Need::DiskGib(4)]
}

/// Starts a store without any data and waits until it is ready; nothing is done if one runs.
///
/// # Errors
/// The machine lacks something, the store cannot be built, or it is not ready in time.
pub async fn up(paths: &Paths, progress: &Progress) -> anyhow::Result<StoreAddress> {
    up_with(paths, progress, None).await
}

/// As [`up`], over HTTPS where a certificate is given.
///
/// # Errors
/// As [`up`].
pub async fn up_with(
    paths: &Paths,
    progress: &Progress,
    certificate: Option<&Certificate>,
) -> anyhow::Result<StoreAddress> {
    if let Some(address) = find(paths) {
        progress.say(&format!("ReductStore is up: {}", address.url));
        return Ok(address);
    }
    let builds = progress.step(&format!("builds ReductStore {} (about 5 minutes)", versions::REDUCTSTORE));
    let binary = binary(paths, &builds).await?;
    builds.done();

    let starts = progress.step("starts ReductStore");
    let address = start(paths, binary, certificate).await?;
    starts.done();
    Ok(address)
}

/// Returns where the running one is.
#[must_use]
pub fn find(paths: &Paths) -> Option<StoreAddress> {
    State::load(paths).store.filter(|_| Daemon::find(paths, NAME).is_some())
}

/// Stops the store, if the lab started one.
///
/// # Errors
/// It cannot be stopped.
pub async fn down(paths: &Paths) -> anyhow::Result<()> {
    if let Some(daemon) = Daemon::find(paths, NAME) {
        daemon.stop(STOP_TIMEOUT).await?;
    }
    State::update(paths, |state| state.store = None)
}

/// Returns the store's program, and builds it before that if it is absent.
///
/// # Errors
/// The machine lacks something, or the build fails.
pub async fn binary(paths: &Paths, step: &Step) -> anyhow::Result<PathBuf> {
    let part = cached(paths, NAME, versions::REDUCTSTORE, step, async |folder: PathBuf| {
        preflight::check(paths, &needs(paths), step).await?;
        install(paths, folder, step).await
    });
    Ok(part.await?.join("bin").join(NAME))
}

/// Starts a store that has ended once more, on its data and under its address, and returns at once.
///
/// # Errors
/// None was up, one runs, or it cannot be started.
pub async fn again(paths: &Paths) -> anyhow::Result<Daemon> {
    let address = State::load(paths).store.context("start the store again: none was up")?;
    let port = address.url.rsplit(':').next().context("find its port")?.parse()?;
    spawn(paths, paths.part_dir(NAME, versions::REDUCTSTORE).join("bin").join(NAME), port, None).await
}

/// Waits until the store that is up answers.
///
/// # Errors
/// None is up, or it ends or does not answer in time.
pub async fn ready(paths: &Paths) -> anyhow::Result<()> {
    let address = State::load(paths).store.context("wait for the store: none was up")?;
    let daemon = Daemon::find(paths, NAME).context("wait for the store: it has ended")?;
    wait_until_ready(&daemon, &address).await
}

/// Returns the store's process, if it runs.
#[must_use]
pub fn running(paths: &Paths) -> Option<Daemon> {
    Daemon::find(paths, NAME)
}

/// Returns the folder in which the store keeps its data: a folder per bucket, in it one per entry.
#[must_use]
pub fn data(paths: &Paths) -> PathBuf {
    paths.data_dir(NAME)
}

/// Without `--locked`: the lock file inside the crate names a dependency that was withdrawn from the registry.
/// Without the default features: the web console is downloaded from elsewhere while it builds.
async fn install(paths: &Paths, folder: PathBuf, step: &Step) -> anyhow::Result<()> {
    let version = format!("={}", versions::REDUCTSTORE);
    let cargo = Run::new("cargo").args(["install", "reductstore", "--version", &version]);
    let cargo = cargo.args(["--no-default-features", "--features", "fs-backend", "--root"]).arg(folder);
    // What the caller sets for our own crates is not meant for this one.
    let cargo = cargo.env_remove("CARGO_TARGET_DIR").env_remove("RUSTFLAGS");
    cargo.dir(&paths.cache).log(paths.log_file("reductstore-build")).step(step).run().await.map(drop)
}

async fn start(
    paths: &Paths,
    binary: PathBuf,
    certificate: Option<&Certificate>,
) -> anyhow::Result<StoreAddress> {
    // One that was recorded but did not become ready, because the lab was killed while it waited.
    down(paths).await?;
    fresh_folder(&paths.data_dir(NAME)).await?;
    let port = preflight::lab_port(paths, PORT)?;
    let scheme = certificate.map_or("http", |_| "https");
    let address = StoreAddress { url: format!("{scheme}://127.0.0.1:{port}"), token: TOKEN.to_owned() };
    let daemon = spawn(paths, binary, port, certificate).await?;
    wait_until_ready(&daemon, &address).await?;
    State::update(paths, |state| state.store = Some(address.clone()))?;
    Ok(address)
}

async fn spawn(
    paths: &Paths,
    binary: PathBuf,
    port: u16,
    certificate: Option<&Certificate>,
) -> anyhow::Result<Daemon> {
    let spec = Spec::new(binary)
        .env("RS_DATA_PATH", paths.data_dir(NAME))
        .env("RS_HOST", "127.0.0.1")
        .env("RS_PORT", port.to_string())
        .env("RS_API_TOKEN", TOKEN)
        .env("RS_SYSTEM_EVENTS_ENABLED", "false")
        .env("RS_LOG_LEVEL", "INFO");
    let spec = certificate.into_iter().fold(spec, |spec, certificate| {
        spec.env("RS_CERT_PATH", &certificate.chain).env("RS_CERT_KEY_PATH", &certificate.key)
    });
    Daemon::start(paths, NAME, spec).await
}

async fn wait_until_ready(daemon: &Daemon, address: &StoreAddress) -> anyhow::Result<()> {
    // A proxy of the environment knows nothing of our 127.0.0.1; whether it is ready, and not who it is, is asked here.
    let client = reqwest::Client::builder().no_proxy().danger_accept_invalid_certs(true).build()?;
    let ready = || async {
        let url = format!("{}/api/v1/ready", address.url);
        client.get(url).send().await?.error_for_status()?;
        Ok(())
    };
    daemon.wait_until("ReductStore is ready", START_TIMEOUT, ready).await
}
