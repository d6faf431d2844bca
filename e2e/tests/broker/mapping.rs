//! A changed mapping waits until what the last one stored is safe, whatever happens meanwhile. IO: processes, Kafka, store.

use kafkasink_e2e::trial::messages::numbered;
use kafkasink_e2e::trial::{Signal, Spec, World};

use crate::{PATIENCE, expect_stored};

/// What a member says that finds records of the last mapping above the safe point.
const WAITS: &str = "records of the last mapping are waited for until they are safe";

#[tokio::test(flavor = "multi_thread")]
async fn successor_of_a_member_killed_in_the_wait_waits_too() -> anyhow::Result<()> {
    let world = World::new("remap", 1).await?;
    let mut produced = world.topic.produce(numbered(0..50)).await?;
    let mut last = world.start(&Spec::named("m-0")).await?;
    world.wait_until_committed(50, PATIENCE).await?;
    last.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    let changed = Spec::named("m-0").entry("changed/{partition}");
    let mut first = world.start(&changed).await?;
    first.wait_for_line(WAITS, PATIENCE).await?;
    first.stop(Signal::Kill, PATIENCE)?;
    let mut second = world.start(&changed).await?;
    second.wait_for_line(WAITS, PATIENCE).await?;
    produced.extend(world.topic.produce(numbered(50..60)).await?);
    world.wait_until_committed(60, PATIENCE).await?;
    expect_stored(&world, &produced).await?;
    second.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}
