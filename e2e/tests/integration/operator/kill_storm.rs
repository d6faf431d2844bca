//! An operator that is killed again and again while resources are created, edited and deleted leaves what one leaves that is
//! never disturbed. IO: processes, Kafka, store, Kubernetes.

mod life;
mod picture;

use std::time::Duration;

use anyhow::{Context as _, ensure};
use k8s_openapi::api::apps::v1::StatefulSet;
use kafkasink_crds::resource::KafkaSink;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::operator::brokers::Brokers;
use crate::operator::sandbox::{Sandbox, eventually_within};
use life::{Kind, Phase};
use picture::Picture;

/// How often the operator is killed.
const KILLS: &str = "KAFKASINK_TEST_KILLS";
const KILLS_DEFAULT: u64 = 6;
/// Kills at the same moments again.
const SEED: &str = "KAFKASINK_TEST_SEED";

/// Kills come at random within this time after something was asked for.
const MOMENT_MAX: Duration = Duration::from_millis(1500);

/// Long enough for twenty resources on a machine that has other work.
const PATIENCE: Duration = Duration::from_mins(4);

#[tokio::test]
async fn kills_at_random_moments_change_nothing_in_the_end() -> anyhow::Result<()> {
    let (kills, seed) = (number(KILLS)?.unwrap_or(KILLS_DEFAULT), number(SEED)?.unwrap_or_else(rand::random));
    let calm = live(&mut Storm::new(0, seed)).await.context("the undisturbed run")?;
    let mut storm = Storm::new(kills, seed);
    let stormy = live(&mut storm).await;
    let again = format!("{kills} kills, {SEED}={seed} makes them at the same moments");
    let differences = stormy.with_context(|| again.clone())?.differences(&calm);
    ensure!(differences.is_empty(), "{again}: {differences:#?}");
    ensure!(2 * storm.undone >= kills, "{again}: only {} kills met work that was not done", storm.undone);
    Ok(())
}

/// A number that the environment may hold.
fn number(name: &str) -> anyhow::Result<Option<u64>> {
    let text = std::env::var_os(name);
    text.map(|text| text.to_str().and_then(|text| text.parse().ok()).context(name.to_owned())).transpose()
}

/// When the operator is killed.
struct Storm {
    kills: u64,
    random: StdRng,
    /// Kills after which something that was asked for was not done yet.
    undone: u64,
}

impl Storm {
    fn new(kills: u64, seed: u64) -> Self {
        Self { kills, random: StdRng::seed_from_u64(seed), undone: 0 }
    }

    /// Returns how many kills fall into a phase: the first ones get what cannot be shared out.
    fn kills_in(&self, phase: Phase) -> u64 {
        let phases = u64::try_from(Phase::ALL.len()).unwrap_or(1);
        self.kills / phases + u64::from(phase.number() < self.kills % phases)
    }

    /// Kills the operator at a random moment and starts another.
    async fn strike(&mut self, sandbox: &mut Sandbox) -> anyhow::Result<()> {
        tokio::time::sleep(self.random.random_range(Duration::ZERO..MOMENT_MAX)).await;
        sandbox.kill_operator()?;
        let sinks = sandbox.api::<KafkaSink>().list(&ListParams::default()).await?;
        self.undone += u64::from(sinks.iter().any(|sink| !is_seen(sink)));
        sandbox.start_operator()
    }
}

/// Leads twenty resources through their lives and returns what there is afterwards.
async fn live(storm: &mut Storm) -> anyhow::Result<Picture> {
    let mut sandbox = Sandbox::start().await?;
    let brokers = Brokers::new(&sandbox.kafka.bootstrap)?;
    for index in life::all().filter(|index| life::kind(*index) == Kind::Foreign) {
        brokers.create(&life::topic(&sandbox, index)).await?;
    }
    let mut names = picture::Names::new(&sandbox);
    for phase in Phase::ALL {
        if phase == Phase::Delete {
            for index in life::all().filter(|index| life::kind(*index) == Kind::Unread) {
                brokers.produce(&life::topic(&sandbox, index))?;
            }
        }
        pass_through(&mut sandbox, phase, storm).await?;
        settle(&sandbox, phase).await.with_context(|| format!("after {phase:?}"))?;
        names.learn(&sandbox).await?;
    }
    expect_topics(&sandbox, &brokers)?;
    let picture = picture::of(&sandbox, &brokers, &names).await?;
    sandbox.finish().await?;
    Ok(picture)
}

/// Asks for everything of a phase, in as many portions as there are kills in it, each followed by one.
async fn pass_through(sandbox: &mut Sandbox, phase: Phase, storm: &mut Storm) -> anyhow::Result<()> {
    let all: Vec<usize> = life::all().collect();
    let kills = usize::try_from(storm.kills_in(phase))?;
    if kills == 0 {
        return ask(sandbox, phase, &all).await;
    }
    for kill in 0..kills {
        // As even as they can be: with more kills than resources some follow no question of their own.
        let portion = all.get(all.len() * kill / kills..all.len() * (kill + 1) / kills);
        ask(sandbox, phase, portion.context("a portion lies within")?).await?;
        storm.strike(sandbox).await?;
    }
    Ok(())
}

async fn ask(sandbox: &Sandbox, phase: Phase, indices: &[usize]) -> anyhow::Result<()> {
    for &index in indices {
        let name = life::name(index);
        match phase {
            Phase::Create | Phase::Edit => {
                sandbox.apply_sink(&name, life::spec(sandbox, phase, index)).await?;
            }
            Phase::Delete if life::is_deleted(index) => {
                sandbox.api::<KafkaSink>().delete(&name, &DeleteParams::default()).await?;
            }
            Phase::Delete => {}
        }
    }
    Ok(())
}

/// Lets pods become ready until every resource is, or is gone.
async fn settle(sandbox: &Sandbox, phase: Phase) -> anyhow::Result<()> {
    let remaining = life::all().filter(|index| phase != Phase::Delete || !life::is_deleted(*index)).count();
    let sinks = sandbox.api::<KafkaSink>();
    let is_settled = |found: &[KafkaSink]| {
        found.len() == remaining && found.iter().all(|sink| is_seen(sink) && crate::operator::is_ready(sink))
    };
    let settled = eventually_within(PATIENCE, async || {
        for set in sandbox.api::<StatefulSet>().list(&ListParams::default()).await? {
            let seen = set.status.as_ref().and_then(|status| status.observed_generation);
            if seen != set.metadata.generation {
                sandbox.play_pods(&set.name_any()).await?;
            }
        }
        Ok(is_settled(&sinks.list(&ListParams::default()).await?.items).then_some(()))
    });
    let Err(error) = settled.await else { return Ok(()) };
    let said = sinks.list(&ListParams::default()).await?;
    let ready = |sink: &KafkaSink| {
        let mut conditions = sink.status.iter().flat_map(|status| &status.conditions);
        conditions.find(|condition| condition.type_ == "Ready").map(|ready| ready.message.clone())
    };
    let said: Vec<_> = said.iter().map(|sink| (sink.name_any(), is_seen(sink), ready(sink))).collect();
    Err(error.context(format!("{remaining} resources should be left: {said:#?}")))
}

/// Tells whether a status speaks of the resource as it is now.
fn is_seen(sink: &KafkaSink) -> bool {
    let seen = sink.status.as_ref().and_then(|status| status.observed_generation);
    seen == sink.metadata.generation && sink.metadata.deletion_timestamp.is_none()
}

/// Fails where a topic is gone that should be there, or there that should be gone, or nobody's.
fn expect_topics(sandbox: &Sandbox, brokers: &Brokers) -> anyhow::Result<()> {
    let mut expected: Vec<String> = life::all().flat_map(|index| life::topics_left(sandbox, index)).collect();
    expected.sort_unstable();
    let found = brokers.topics(&sandbox.namespace)?;
    ensure!(found == expected, "topics are {found:?} instead of {expected:?}");
    Ok(())
}
