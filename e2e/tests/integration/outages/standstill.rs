//! A partition that stands still and nobody knows why: `/livez` says so, after two minutes and not earlier. IO: processes,
//! Kafka, store.

use std::time::Duration;

use anyhow::ensure;
use kafkasink_e2e::trial::messages::numbered;
use kafkasink_e2e::trial::proxy::{Mischief, Plan, Proxy};
use kafkasink_e2e::trial::{Signal, Spec, World};
use tokio::time::Instant;

use crate::outages::{PATIENCE, expect_stored_once};

/// How long a partition may stand still.
const STANDSTILL: Duration = Duration::from_mins(2);

/// No request fails and none takes long, so that none is a reason to wait; only the store never comes to the end of what it
/// shows.
#[tokio::test(flavor = "multi_thread")]
async fn partition_that_stands_still_without_a_reason_is_told_after_two_minutes() -> anyhow::Result<()> {
    let world = World::new("standstill", 1).await?;
    let pause = Duration::from_secs(1);
    let plan = Plan { mischief: Mischief::NeverEnd(pause), every: 1, times: u32::MAX, line: "/batch?q=" };
    let proxy = Proxy::start(&world.store().url, plan).await?;
    proxy.rest(true);
    let mut produced = world.topic.produce(numbered(0..100)).await?;
    let mut member = world.start(&Spec::named("m-0").store(&proxy.url())).await?;
    world.wait_until_committed(100, PATIENCE).await?;

    proxy.rest(false);
    let begun = Instant::now();
    produced.extend(world.topic.produce(numbered(100..200)).await?);
    member.wait_for_status("/livez", 503, STANDSTILL + Duration::from_secs(30)).await?;
    ensure!(begun.elapsed() > STANDSTILL, "told after {:?} already", begun.elapsed());
    let told = member.text("/livez").await?;
    ensure!(told.starts_with("a partition with messages that are not stored has stood still"), "{told}");
    ensure!(proxy.done() > 60, "the store was asked only {} times", proxy.done());

    proxy.rest(true);
    expect_stored_once(&world, &produced).await?;
    member.wait_for_status("/livez", 200, PATIENCE).await?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}
