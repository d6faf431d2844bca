//! One Kafka broker (`KRaft`, broker and controller in one process) on 127.0.0.1. IO: Maven, Java.

mod answer;
mod listener;
mod settings;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::cache::{cached, fresh_folder};
use super::command::Run;
use super::daemon::{Daemon, Spec};
use super::paths::Paths;
use super::preflight::{self, Need};
use super::progress::{Progress, Step};
use super::state::{KafkaAddress, State};
use super::versions;
pub use listener::{Extras, Listener};
use settings::Settings;

/// Steps that [`up`] shows.
pub const STEPS: usize = 2;

/// Name of its process, of its part in the cache, of its data and of its log.
pub const NAME: &str = "kafka";
const POM: &str = include_str!("../../parts/kafka/pom.xml");
const PORT: u16 = 19092;
const CONTROLLER_PORT: u16 = 19093;
const START_TIMEOUT: Duration = Duration::from_mins(3);
/// A broker of which nothing is kept needs no long farewell.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Returns what the machine must have for [`up`].
#[must_use]
pub fn needs(paths: &Paths) -> Vec<Need> {
    if paths.part_dir(NAME, versions::KAFKA).exists() {
        return vec![Need::Java];
    }
    vec![Need::Java, Need::Maven, Need::DiskGib(1)]
}

/// Starts a broker without any data and waits until it answers; nothing is done if one runs.
///
/// # Errors
/// The machine lacks something, the jars cannot be fetched, or the broker does not answer in time.
pub async fn up(paths: &Paths, progress: &Progress) -> anyhow::Result<KafkaAddress> {
    up_with(paths, progress, Extras::default()).await
}

/// As [`up`], with listeners beside the plain one.
///
/// # Errors
/// As [`up`].
pub async fn up_with(paths: &Paths, progress: &Progress, extras: Extras) -> anyhow::Result<KafkaAddress> {
    if let Some(address) = find(paths) {
        progress.say(&format!("Kafka is up: {}", address.bootstrap));
        return Ok(address);
    }
    let fetches = progress.step(&format!("fetches Kafka {} (54 MB of jars)", versions::KAFKA));
    let jars = jars(paths, &fetches).await?;
    fetches.done();

    let starts = progress.step("starts Kafka");
    let settings = Settings {
        port: preflight::lab_port(paths, PORT)?,
        controller_port: preflight::lab_port(paths, CONTROLLER_PORT)?,
        data: paths.data_dir(NAME),
        extras,
    };
    let address = start(paths, &jars, &settings, &starts).await?;
    starts.note(&address.bootstrap);
    starts.done();
    Ok(address)
}

/// Returns where the running one is.
#[must_use]
pub fn find(paths: &Paths) -> Option<KafkaAddress> {
    State::load(paths).kafka.filter(|_| Daemon::find(paths, NAME).is_some())
}

/// Stops the broker, if the lab started one.
///
/// # Errors
/// It cannot be stopped.
pub async fn down(paths: &Paths) -> anyhow::Result<()> {
    if let Some(daemon) = Daemon::find(paths, NAME) {
        daemon.stop(STOP_TIMEOUT).await?;
    }
    State::update(paths, |state| state.kafka = None)
}

/// Returns the folder with the jars of the broker and its tools, and fetches them before that if they are absent.
///
/// # Errors
/// The machine lacks something, or Maven fails.
pub async fn jars(paths: &Paths, step: &Step) -> anyhow::Result<PathBuf> {
    let part = cached(paths, NAME, versions::KAFKA, step, async |folder: PathBuf| {
        preflight::check(paths, &needs(paths), step).await?;
        tokio::fs::write(folder.join("pom.xml"), POM).await?;
        let maven = Run::new("mvn").args(["-B", "dependency:copy-dependencies"]);
        let maven = maven.args(["-DincludeScope=runtime", "-DoutputDirectory=libs"]);
        maven.dir(&folder).log(paths.log_file("kafka-fetch")).step(step).run().await.map(drop)
    });
    Ok(part.await?.join("libs"))
}

/// Starts a broker that has ended once more, on its data and under its address, and returns at once.
///
/// # Errors
/// None was up, one runs, or it cannot be started.
pub async fn again(paths: &Paths) -> anyhow::Result<Daemon> {
    ensure!(State::load(paths).kafka.is_some(), "start Kafka again: none was up");
    spawn(paths, &paths.part_dir(NAME, versions::KAFKA).join("libs")).await
}

/// Waits until the broker that is up answers.
///
/// # Errors
/// None is up, or it ends or does not answer in time.
pub async fn ready(paths: &Paths) -> anyhow::Result<()> {
    let address = State::load(paths).kafka.context("wait for Kafka: none was up")?;
    wait_until_ready(&Daemon::find(paths, NAME).context("wait for Kafka: it has ended")?, &address).await
}

async fn start(paths: &Paths, jars: &Path, settings: &Settings, step: &Step) -> anyhow::Result<KafkaAddress> {
    // One that was recorded but did not become ready, because the lab was killed while it waited.
    down(paths).await?;
    fresh_folder(&settings.data).await?;
    fresh_folder(&paths.run.join(NAME)).await?;
    let (broker, logging) = files(paths);
    tokio::fs::write(&broker, settings.broker_properties()).await?;
    tokio::fs::write(&logging, settings::LOGGING_PROPERTIES).await?;

    step.note("formats its storage");
    let cluster_id = settings::cluster_id();
    let format = Run::new("java").args(java_args(jars, &logging, "kafka.tools.StorageTool"));
    let format =
        format.args(["format", "--standalone", "--cluster-id", &cluster_id, "--config"]).arg(&broker);
    let users = settings.extras.scram_users.iter();
    let format = users.fold(format, |format, user| format.args(["--add-scram", user]));
    format.log(paths.log_file("kafka-format")).run().await?;

    step.note("waits until it answers");
    let daemon = spawn(paths, jars).await?;
    let address = KafkaAddress { bootstrap: format!("127.0.0.1:{}", settings.port) };
    wait_until_ready(&daemon, &address).await?;
    State::update(paths, |state| state.kafka = Some(address.clone()))?;
    Ok(address)
}

/// Sets the password of a user by SCRAM, as an administrator of the running broker would; sessions go on.
///
/// # Errors
/// The broker refuses it or does not answer.
pub async fn set_scram_password(
    paths: &Paths,
    address: &KafkaAddress,
    (user, mechanism, password): (&str, &str, &str),
) -> anyhow::Result<()> {
    let jars = paths.part_dir(NAME, versions::KAFKA).join("libs");
    let (_, logging) = files(paths);
    let alter = Run::new("java").args(java_args(&jars, &logging, "kafka.admin.ConfigCommand"));
    let alter = alter.args(["--bootstrap-server", &address.bootstrap, "--alter", "--entity-type", "users"]);
    let config = format!("{mechanism}=[password={password}]");
    let alter = alter.args(["--entity-name", user, "--add-config", &config]);
    alter.log(paths.log_file("kafka-users")).run().await.map(drop)
}

/// Allows a user operations on resources, as an administrator of the running broker would; it must have an authorizer.
///
/// # Errors
/// The broker refuses it or does not answer.
pub async fn allow(
    paths: &Paths,
    address: &KafkaAddress,
    (user, operations): (&str, &[&str]),
    on: &[&str],
) -> anyhow::Result<()> {
    add_permission(paths, address, ["--allow-principal", &format!("User:{user}")], operations, on).await
}

/// Forbids a user operations, whatever else allows them; see [`allow`].
///
/// # Errors
/// The broker refuses it or does not answer.
pub async fn forbid(
    paths: &Paths,
    address: &KafkaAddress,
    (user, operations): (&str, &[&str]),
    on: &[&str],
) -> anyhow::Result<()> {
    add_permission(paths, address, ["--deny-principal", &format!("User:{user}")], operations, on).await
}

async fn add_permission(
    paths: &Paths,
    address: &KafkaAddress,
    user: [&str; 2],
    operations: &[&str],
    on: &[&str],
) -> anyhow::Result<()> {
    let jars = paths.part_dir(NAME, versions::KAFKA).join("libs");
    let (_, logging) = files(paths);
    let add = Run::new("java").args(java_args(&jars, &logging, "org.apache.kafka.tools.AclCommand"));
    let add = add.args(["--bootstrap-server", &address.bootstrap, "--add"]).args(on);
    let add = add.args(user);
    let add = add.args(operations.iter().flat_map(|operation| ["--operation", operation]));
    add.log(paths.log_file("kafka-acls")).run().await.map(drop)
}

async fn spawn(paths: &Paths, jars: &Path) -> anyhow::Result<Daemon> {
    let (broker, logging) = files(paths);
    let spec = Spec::new("java").args(java_args(jars, &logging, "kafka.Kafka")).arg(broker);
    Daemon::start(paths, NAME, spec).await
}

async fn wait_until_ready(daemon: &Daemon, address: &KafkaAddress) -> anyhow::Result<()> {
    let answers = || answer::metadata_of(address.bootstrap.clone());
    daemon.wait_until("Kafka answers", START_TIMEOUT, answers).await
}

/// Returns where the settings of the broker and of its log lie.
fn files(paths: &Paths) -> (PathBuf, PathBuf) {
    let folder = paths.run.join(NAME);
    (folder.join("server.properties"), folder.join("log4j2.properties"))
}

fn java_args(jars: &Path, logging: &Path, class: &str) -> Vec<String> {
    vec![
        "-Xmx512m".to_owned(),
        format!("-Dlog4j2.configurationFile={}", logging.display()),
        "-cp".to_owned(),
        format!("{}/*", jars.display()),
        class.to_owned(),
    ]
}
