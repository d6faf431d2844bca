//! The only broker is away for longer than a session lasts: frozen, and killed. IO: processes, Kafka, store.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use kafkasink_e2e::faults::part::Part;
use kafkasink_e2e::lab::ensure as lab;
use kafkasink_e2e::lab::own::OwnRun;
use kafkasink_e2e::trial::messages::numbered;
use kafkasink_e2e::trial::proxy::{Mischief, Plan, Proxy};
use kafkasink_e2e::trial::{Member, Signal, Spec, World};
use tokio::time::{Instant, interval, sleep};

use crate::outages::{PATIENCE, expect_stored_once};

/// Seconds that the broker is away; `make outages` takes minutes.
const AWAY_SECONDS: &str = "KAFKASINK_TEST_AWAY_SECONDS";
/// Longer than the session of 30 s.
const AWAY_SECONDS_DEFAULT: u64 = 33;

const PARTITIONS: usize = 4;

/// Between two looks at the members.
const LOOK_EVERY: Duration = Duration::from_millis(200);

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
    let world = World::on((kafka, lab::store().await?), None, "away", i32::try_from(PARTITIONS)?).await?;
    let mut produced = world.topic.produce(numbered(0..2_000)).await?;
    let proxy = Proxy::start(&world.store().url, SLOWLY).await?;
    let mut first = Tended::start(&world, "m-0", &proxy).await?;
    let mut second = Tended::start(&world, "m-1", &proxy).await?;
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
        failed = tend(&world, way, [&mut first, &mut second]) => return failed,
    }
    until_shared(&world, way, [&mut first, &mut second]).await?;
    first.member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    second.member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

/// A member, and whether it had to be started again.
struct Tended {
    spec: Spec,
    member: Member,
    was_fenced: bool,
}

impl Tended {
    async fn start(world: &World, name: &str, proxy: &Proxy) -> anyhow::Result<Self> {
        let spec = Spec::named(name).store(&proxy.url());
        Ok(Self { member: world.start(&spec).await?, spec, was_fenced: false })
    }

    /// Starts it again where a frozen broker has fenced it, as the kubelet does, once: a broker that wakes answers the request
    /// to join that the client gave up long ago, and no longer knows the member by the id of the next one.
    async fn look_after(&mut self, world: &World, way: Way) -> anyhow::Result<()> {
        if let Some(ended) = self.member.ended()? {
            let is_fenced = ended.code == Some(1) && ended.stderr.contains("Static consumer fenced");
            ensure!(way == Way::Frozen && is_fenced && !self.was_fenced, "{ended:?}");
            self.was_fenced = true;
            self.member = world.start(&self.spec).await?;
        }
        Ok(())
    }

    /// Tells whether it is ready and has this many partitions.
    async fn has(&self, partitions: usize) -> anyhow::Result<bool> {
        let is_ready = self.member.status("/readyz").await? == 200;
        let metrics = self.member.metrics().await?;
        Ok(is_ready
            && metrics.lines().filter(|line| line.starts_with("kafkasink_consumer_lag_messages{")).count()
                == partitions)
    }
}

/// Looks after the members until one of them fails.
async fn tend(world: &World, way: Way, mut members: [&mut Tended; 2]) -> anyhow::Result<()> {
    let mut looks = interval(LOOK_EVERY);
    loop {
        looks.tick().await;
        for member in &mut members {
            member.look_after(world, way).await?;
        }
    }
}

/// Waits until the group rests, each member with half of the partitions: one that stops while the group waits for another
/// cannot commit.
async fn until_shared(world: &World, way: Way, mut members: [&mut Tended; 2]) -> anyhow::Result<()> {
    let (deadline, mut looks) = (Instant::now() + PATIENCE, interval(LOOK_EVERY));
    loop {
        looks.tick().await;
        let mut are_shared = true;
        for member in &mut members {
            member.look_after(world, way).await?;
            // One that has just begun does not answer yet.
            are_shared &= member.has(PARTITIONS / 2).await.unwrap_or(false);
        }
        if are_shared {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "the group does not share the partitions:\n{}",
            members[0].member.stderr()?
        );
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
