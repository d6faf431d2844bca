//! One scenario from its first message to its verdict. IO: all of it, through the other files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::time::Instant;

use super::arena::Arena;
use super::crew::Crew;
use super::evidence;
use super::part::{Part, lab};
use super::producer::Production;
use super::report::{self, Measured, Outcome};
use super::scenario::{Expected, Scenario};
use super::schedule::{schedule, seed_of};
use super::workload::Workload;
use super::{truth, verify};
use crate::lab::state::KafkaAddress;
use crate::trial::{Spec, World};

const PARTITIONS: u16 = 4;
/// Longest wait after the last fault until everything is committed.
const DRAIN_PATIENCE: Duration = Duration::from_mins(10);
/// Longest that a member may take to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(40);

/// What all runs share.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The seed of the campaign.
    pub seed: u64,
    /// The folder of all runs.
    pub folder: PathBuf,
    /// The lab's cache.
    pub cache: PathBuf,
    /// The broker of all runs that do not kill theirs.
    pub broker: Option<KafkaAddress>,
    /// The build of the runtime without the commit gate.
    pub no_gate: PathBuf,
}

/// Carries out one scenario and judges it.
pub async fn run(settings: Settings, scenario: Scenario) -> Outcome {
    let begun = Instant::now();
    let folder = settings.folder.join(scenario.name);
    let mut measured = Measured::default();
    if let Err(cause) = measure(&settings, &scenario, &folder, &mut measured).await {
        measured.broken_off = Some(format!("broken off: {cause:#}"));
    }
    Outcome::judge(&scenario, settings.seed, begun.elapsed().as_secs_f64(), folder, measured)
}

async fn measure(
    settings: &Settings,
    scenario: &Scenario,
    folder: &Path,
    measured: &mut Measured,
) -> anyhow::Result<()> {
    let seed = seed_of(settings.seed, scenario.name);
    let (mut arena, bootstrap) = set_up(settings, scenario, folder, seed).await?;
    let start_ms = jiff::Timestamp::now().as_millisecond();
    let workload = Workload { seed, partitions: PARTITIONS.into(), times: scenario.times, start_ms };
    let production = Production::start(bootstrap.clone(), arena.world.topic.clone(), workload, scenario.load);

    let injected = inject(&mut arena, scenario, seed, measured).await;
    let drained = match injected {
        Ok(()) => finish(&mut arena, production).await,
        Err(cause) => Err(cause),
    };
    measured.counters = arena.counters();
    measured.restart_seconds = arena.restart_seconds().to_vec();
    measured.mishaps = arena.mishaps().to_vec();
    let produced = drained?;

    let truths =
        truth::read(&bootstrap, &arena.world.topic, workload, produced).await.context("read the topic")?;
    measured.verdict = verify::verify(&arena.world, &workload, &truths).await.context("read the store")?;
    if !measured.verdict.is_clean() {
        evidence::write(folder, &arena.world, &measured.verdict).await.context("write the evidence")?;
    }
    arena.crew.stop(STOP_PATIENCE)
}

async fn set_up(
    settings: &Settings,
    scenario: &Scenario,
    folder: &Path,
    seed: u64,
) -> anyhow::Result<(Arena, String)> {
    let paths = || lab(&settings.cache, folder);
    std::fs::create_dir_all(folder).context("create the folder of the run")?;
    let (store, store_address) = Part::store(paths()).await?;
    let (broker, kafka_address) = if scenario.kills_broker() {
        let (broker, address) = Part::broker(paths()).await?;
        (Some(broker), address)
    } else {
        (None, settings.broker.clone().context("find the broker")?)
    };
    let bootstrap = kafka_address.bootstrap.clone();
    let addresses = (kafka_address, store_address);
    let world = World::within(folder, addresses, scenario.name, PARTITIONS.into()).await?;
    let spec = match scenario.expected {
        Expected::Loss => Spec::named("").program(settings.no_gate.clone()),
        Expected::AllStored | Expected::QuickRestart => Spec::named(""),
    };
    let crew = Crew::start(&world, scenario.members, &spec)?;
    let arena = Arena::new(folder, (world, crew), (store, broker), StdRng::seed_from_u64(!seed))?;
    Ok((if scenario.is_alone() { arena.timed() } else { arena }, bootstrap))
}

async fn inject(
    arena: &mut Arena,
    scenario: &Scenario,
    seed: u64,
    measured: &mut Measured,
) -> anyhow::Result<()> {
    for planned in schedule(&scenario.faults, seed) {
        arena.watch(planned.wait).await?;
        arena.inject(planned.fault).await.with_context(|| format!("inject {:?}", planned.fault))?;
        *measured.faults.entry(report::name(planned.fault)).or_default() += 1;
    }
    Ok(())
}

/// Ends the production and waits until the sink has committed all of it; returns how many messages there are.
async fn finish(arena: &mut Arena, production: Production) -> anyhow::Result<u64> {
    arena.watch(Duration::from_secs(1)).await?;
    arena.ready().await?;
    let produced = production.finish().await?;
    arena.drain(produced, DRAIN_PATIENCE).await?;
    Ok(produced)
}
