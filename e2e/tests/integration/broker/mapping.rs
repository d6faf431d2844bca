//! A changed mapping waits until what the last one stored is safe, whatever happens meanwhile, and never begins where that one
//! may have stored more than was committed. IO: processes, Kafka, store.

use anyhow::{Context as _, ensure};
use kafkasink_e2e::trial::messages::numbered;
use kafkasink_e2e::trial::{Outcome, Signal, Spec, World};
use tokio::time::{Instant, sleep};

use crate::broker::{GLANCE, PATIENCE, expect_stored};

/// What a member says that finds records of the last mapping above the safe point.
const WAITS: &str = "records of the last mapping are waited for until they are safe";

/// What a member says for which the last mapping may have gone further than was committed.
const ASKS: &str = "how far the last mapping has gone is found out first";

/// What a member says that finds more of the last mapping than it could recognise.
const REFUSES: &str = "the last mapping may have stored records beyond the committed offset";

/// Each of them waits for three minutes: they do so at the same time.
#[tokio::test(flavor = "multi_thread")]
async fn changed_mapping_stores_nothing_that_the_last_one_may_have_stored() -> anyhow::Result<()> {
    tokio::try_join!(
        successor_of_a_member_killed_in_the_wait_waits_too(),
        mapping_changed_after_a_kill_begins_when_the_last_one_has_been_run_once_more(),
        mapping_changed_after_an_idle_member_was_killed_goes_on(),
        mapping_changed_after_a_kill_passes_what_is_no_message(),
        mapping_changed_after_a_stop_within_the_commit_delay_goes_on(),
    )?;
    Ok(())
}

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

async fn mapping_changed_after_a_kill_begins_when_the_last_one_has_been_run_once_more() -> anyhow::Result<()>
{
    let world = World::new("beyond", 1).await?;
    let mut produced = world.topic.produce(numbered(0..2_000)).await?;
    let last = Spec::named("m-0");
    // What it stores is not committed for a minute.
    let mut killed = world.start(&last.clone().replace("commitDelayMs: 500", "commitDelayMs: 60000")).await?;
    world.wait_until_stored(500, PATIENCE).await?;
    killed.stop(Signal::Kill, PATIENCE)?;
    ensure!(world.topic.committed().await? == 0, "what was stored was committed, nothing is tested");
    let changed = Spec::named("m-0").entry("changed/{partition}");
    let mut refusing = world.start(&changed).await?;
    refusing.wait_for_line(REFUSES, PATIENCE).await?;
    ensure!(!refusing.stderr()?.contains(WAITS), "it says that it waits for what it refuses");
    refusing.wait_for_metric("kafkasink_held_partitions 1", PATIENCE).await?;
    refusing.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    let is_changed = |entry: &String| entry.starts_with("changed");
    ensure!(!world.entries().await?.iter().any(is_changed), "the changed mapping has stored something");
    let mut again = world.start(&last).await?;
    world.wait_until_committed(2_000, PATIENCE).await?;
    ensure!(again.metric("kafkasink_duplicates_total").await? >= 500.0, "it does not find what is there");
    again.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    let mut first = world.start(&changed).await?;
    produced.extend(world.topic.produce(numbered(2_000..2_050)).await?);
    world.wait_until_committed(2_050, PATIENCE).await?;
    expect_stored(&world, &produced).await?;
    ensure!(world.entries().await?.iter().any(is_changed), "the changed mapping has stored nothing");
    first.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

async fn mapping_changed_after_an_idle_member_was_killed_goes_on() -> anyhow::Result<()> {
    let world = World::new("idle", 1).await?;
    let mut produced = world.topic.produce(numbered(0..50)).await?;
    let mut killed = world.start(&Spec::named("m-0").uid("pod-1")).await?;
    world.wait_until_committed(50, PATIENCE).await?;
    killed.stop(Signal::Kill, PATIENCE)?;
    // Another pod: for all it knows the one before is still at work, and has promised to go far.
    let mut changed = world.start(&Spec::named("m-0").uid("pod-2").entry("changed/{partition}")).await?;
    changed.wait_for_line(ASKS, PATIENCE).await?;
    ensure!(reach(&world).await? > Some(60_000), "it begins as if nothing had been promised");
    let deadline = Instant::now() + PATIENCE;
    while reach(&world).await?.is_some() {
        ensure!(
            Instant::now() < deadline,
            "it does not find out that nothing lies beyond what was committed"
        );
        sleep(GLANCE).await;
    }
    produced.extend(world.topic.produce(numbered(50..60)).await?);
    world.wait_until_committed(60, PATIENCE).await?;
    expect_stored(&world, &produced).await?;
    changed.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

async fn mapping_changed_after_a_kill_passes_what_is_no_message() -> anyhow::Result<()> {
    let world = World::new("marked", 1).await?;
    let mut produced = world.topic.produce(numbered(0..50)).await?;
    let mut killed = world.start(&Spec::named("m-0")).await?;
    world.wait_until_committed(50, PATIENCE).await?;
    killed.stop(Signal::Kill, PATIENCE)?;
    // The log goes on beyond the commit, and holds nothing there that anybody could have stored.
    world.topic.transact(numbered(50..60), Outcome::Abort).await?;
    let end = world.topic.end().await?;
    ensure!(end > 60, "there is no marker, nothing is tested");
    let mut changed = world.start(&Spec::named("m-0").entry("changed/{partition}")).await?;
    changed.wait_for_line(ASKS, PATIENCE).await?;
    changed.wait_for_line(WAITS, PATIENCE).await?;
    produced.extend(world.topic.produce(numbered(60..70)).await?);
    world.wait_until_committed(end + 10, PATIENCE).await?;
    expect_stored(&world, &produced).await?;
    changed.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

async fn mapping_changed_after_a_stop_within_the_commit_delay_goes_on() -> anyhow::Result<()> {
    let world = World::new("stopped", 1).await?;
    let mut produced = world.topic.produce(numbered(0..50)).await?;
    // Longer than a member may believe that its partitions are its own without asking the group again.
    let last = Spec::named("m-0").replace("commitDelayMs: 500", "commitDelayMs: 12000");
    let mut stopped = world.start(&last).await?;
    world.wait_until_stored(50, PATIENCE).await?;
    stopped.send(Signal::Terminate)?;
    ensure!(world.topic.committed().await? == 0, "what was stored was committed, nothing is tested");
    stopped.end(PATIENCE)?.expect_code(0)?;
    ensure!(world.topic.committed().await? == 50, "what was stored was given up unproven");
    ensure!(reach(&world).await?.is_none(), "it promises more than it has committed");
    let mut changed = world.start(&Spec::named("m-0").entry("changed/{partition}")).await?;
    changed.wait_for_line(WAITS, PATIENCE).await?;
    produced.extend(world.topic.produce(numbered(50..60)).await?);
    world.wait_until_committed(60, PATIENCE).await?;
    expect_stored(&world, &produced).await?;
    changed.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

/// Returns what the last commit of the only partition promises beyond its offset.
async fn reach(world: &World) -> anyhow::Result<Option<i64>> {
    let commits = world.topic.commits().await?;
    let commit = commits.first().context("nothing is committed")?;
    let metadata: serde_json::Value = serde_json::from_str(&commit.metadata)?;
    Ok(metadata.get("reach").and_then(serde_json::Value::as_i64))
}
