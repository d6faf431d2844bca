//! The only broker is away for longer than a session lasts: frozen, and killed. IO: processes, Kafka, store.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use kafkasink_e2e::faults::part::Part;
use kafkasink_e2e::lab::ensure as lab;
use kafkasink_e2e::lab::own::OwnRun;
use kafkasink_e2e::trial::messages::numbered;
use kafkasink_e2e::trial::proxy::{Mischief, Plan, Proxy};
use kafkasink_e2e::trial::{Member, Signal, Spec, World};
use tokio::time::{Instant, sleep};

use crate::{PATIENCE, expect_stored_once};

/// Seconds that the broker is away; `make outages` takes minutes.
const AWAY_SECONDS: &str = "KAFKASINK_TEST_AWAY_SECONDS";
/// Longer than the session of 30 s.
const AWAY_SECONDS_DEFAULT: u64 = 33;

/// How a broker goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Its machine hangs: connections stay open and nothing answers.
    Frozen,
    /// Its process is gone: connections are refused.
    Killed,
}

/// Lets the store take its time for each write, so that there is something left to do all the time that the broker is away.
const SLOWLY: Plan =
    Plan { mischief: Mischief::Delay(Duration::from_millis(500)), every: 1, times: u32::MAX, line: "/write" };

/// Both members work, the broker goes away in the middle of that, and comes back.
async fn check(way: Way) -> anyhow::Result<()> {
    let run = OwnRun::new()?;
    let (mut broker, kafka) = Part::broker(run.paths().clone()).await?;
    let world = World::on((kafka, lab::store().await?), None, "away", 4).await?;
    let mut produced = world.topic.produce(numbered(0..2_000)).await?;
    let proxy = Proxy::start(&world.store().url, SLOWLY).await?;
    let named = |name: &str| Spec::named(name).store(&proxy.url());
    let mut first = Minded::start(&world, named("m-0"), way).await?;
    let mut second = Minded::start(&world, named("m-1"), way).await?;
    world.wait_until_stored(500, PATIENCE).await?;
    produced.extend(world.topic.produce(numbered(2_000..8_000)).await?);
    first.member.wait_for_backlog(PATIENCE).await?;
    match way {
        Way::Frozen => broker.freeze()?,
        Way::Killed => broker.kill().await?,
    }
    expect_alive([&first.member, &second.member], away()?).await?;
    ensure!(world.count_stored().await? < produced.len(), "nothing was left to do, nothing was tested");
    match way {
        Way::Frozen => broker.wake()?,
        Way::Killed => broker.again().await?,
    }
    broker.ready().await?;
    proxy.rest(true);
    produced.extend(world.topic.produce(numbered(8_000..8_500)).await?);
    tokio::select! {
        stored = expect_stored_once(&world, &produced) => stored?,
        minded = first.mind_for_ever(&world) => minded?,
        minded = second.mind_for_ever(&world) => minded?,
    }
    first.until_ready(&world).await?;
    second.until_ready(&world).await?;
    first.member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    second.member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

/// A member that is started again where the broker has fenced it, as the kubelet does: one that wakes may answer a request
/// to join that the client gave up long ago, and no longer knows the member by the id of the next one. Nothing else may end it,
/// and this only once.
struct Minded {
    member: Member,
    spec: Spec,
    way: Way,
    is_again: bool,
}

impl Minded {
    async fn start(world: &World, spec: Spec, way: Way) -> anyhow::Result<Self> {
        let member = world.start(&spec).await?;
        Ok(Self { member, spec, way, is_again: false })
    }

    async fn mind(&mut self, world: &World) -> anyhow::Result<()> {
        let Some(ended) = self.member.ended()? else { return Ok(()) };
        ensure!(self.way == Way::Frozen && !self.is_again, "a member has ended: {ended:?}");
        ensure!(ended.code == Some(1) && ended.stderr.contains("Static consumer fenced"), "{ended:?}");
        self.member = world.start(&self.spec).await?;
        self.is_again = true;
        Ok(())
    }

    /// Fails where the member ends as it must not.
    async fn mind_for_ever(&mut self, world: &World) -> anyhow::Result<()> {
        loop {
            self.mind(world).await?;
            sleep(Duration::from_millis(200)).await;
        }
    }

    async fn until_ready(&mut self, world: &World) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.mind(world).await?;
            if self.member.status("/readyz").await.is_ok_and(|status| status == 200) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "a member is not ready:\n{}", self.member.stderr()?);
            sleep(Duration::from_millis(200)).await;
        }
    }
}

/// Fails where a member tells meanwhile that it must be killed.
async fn expect_alive(members: [&Member; 2], duration: Duration) -> anyhow::Result<()> {
    let end = Instant::now() + duration;
    while Instant::now() < end {
        for member in members {
            ensure!(
                member.status("/livez").await? == 200,
                "a restart brings no broker:\n{}",
                member.stderr()?
            );
        }
        sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

fn away() -> anyhow::Result<Duration> {
    let seconds = match std::env::var_os(AWAY_SECONDS) {
        Some(text) => text.to_str().and_then(|text| text.parse().ok()).context(AWAY_SECONDS)?,
        None => AWAY_SECONDS_DEFAULT,
    };
    Ok(Duration::from_secs(seconds))
}

#[tokio::test(flavor = "multi_thread")]
async fn broker_that_hangs_for_longer_than_a_session_costs_time_and_no_message() -> anyhow::Result<()> {
    check(Way::Frozen).await
}

#[tokio::test(flavor = "multi_thread")]
async fn broker_that_is_gone_for_longer_than_a_session_costs_time_and_no_message() -> anyhow::Result<()> {
    check(Way::Killed).await
}
