//! One member of a sink, and several, against the real Kafka and the real store. IO: processes, Kafka, store.
//!
//! The checker knows only what was produced: every message must be read back exactly once, byte for byte, with its
//! labels, whatever happened to the members meanwhile.

mod cgroup;
mod memory;
mod metrics;
mod operations;

use std::time::Duration;

use anyhow::ensure;
use kafkasink_e2e::trial::messages::{awkward, numbered};
use kafkasink_e2e::trial::{Signal, Spec, World, checker};

use crate::tap::Tap;

/// Longest wait for anything, also for a session of Kafka to end.
const PATIENCE: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread")]
async fn stores_awkward_messages_byte_for_byte() -> anyhow::Result<()> {
    let world = World::new("awkward", 3).await?;
    let produced = world.topic.produce(awkward()).await?;
    let mut member = world.start(&Spec::named("m-0")).await?;
    let stored = world.wait_for(&produced, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_of_a_member_loses_and_doubles_nothing() -> anyhow::Result<()> {
    let world = World::new("kill", 4).await?;
    let mut produced = world.topic.produce(numbered(0..2_000)).await?;
    let mut first = world.start(&Spec::named("m-0")).await?;
    let mut second = world.start(&Spec::named("m-1")).await?;
    for round in 0_u32..3 {
        let from = 2_000 * (u64::from(round) + 1);
        produced.extend(world.topic.produce(numbered(from..from + 2_000)).await?);
        world.wait_until_stored(produced.len() / 2, PATIENCE).await?;
        first.stop(Signal::Kill, PATIENCE)?;
        first = world.start(&Spec::named("m-0")).await?;
    }
    let stored = world.wait_for(&produced, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    first.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    second.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

/// The first half of a cooperative hand-over is over when the new member is in the group; the second half begins when the
/// old one has finished with what it gives up, which the tap holds up. Killed there, it comes back as a static member to
/// a group that is stable, and without another rebalance nobody would ever have those partitions.
#[tokio::test(flavor = "multi_thread")]
async fn kill_in_the_middle_of_a_hand_over_leaves_no_partition_to_nobody() -> anyhow::Result<()> {
    let world = World::new("halfway", 4).await?;
    let tap = Tap::before(&world.store().url).await?;
    let spec = Spec::named("m-0").store(&tap.url);
    let mut first = world.start(&spec).await?;
    let mut produced = world.topic.produce(numbered(0..400)).await?;
    world.wait_until_stored(400, PATIENCE).await?;
    tap.shut();
    produced.extend(world.topic.produce(numbered(400..800)).await?);
    first.wait_for_backlog(PATIENCE).await?;
    let mut second = world.start(&Spec::named("m-1")).await?;
    second.wait_for_ready(PATIENCE).await?;
    first.stop(Signal::Kill, PATIENCE)?;
    tap.open();
    let mut again = world.start(&spec).await?;
    let stored = world.wait_for(&produced, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    let logs = again.stderr()? + &second.stderr()?;
    ensure!(logs.contains("belong to no member"), "the hand-over was over, nothing was tested");
    again.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    second.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn scaling_while_messages_flow_loses_and_doubles_nothing() -> anyhow::Result<()> {
    let world = World::new("scale", 6).await?;
    world.set_members(1)?;
    let mut first = world.start(&Spec::named("m-0")).await?;
    let mut produced = world.topic.produce(numbered(0..2_000)).await?;
    world.wait_until_stored(500, PATIENCE).await?;
    world.set_members(2)?;
    let mut second = world.start(&Spec::named("m-1")).await?;
    produced.extend(world.topic.produce(numbered(2_000..6_000)).await?);
    second.wait_for_metric("kafkasink_records_stored_total", PATIENCE).await?;
    world.wait_until_stored(4_000, PATIENCE).await?;
    world.set_members(1)?;
    second.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    produced.extend(world.topic.produce(numbered(6_000..8_000)).await?);
    // The member that left for good said so: the other takes over long before the session of 30 s ends.
    let stored = world.wait_for(&produced, Duration::from_secs(28)).await?;
    checker::compare(&produced, &stored)?;
    first.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn absence_of_the_store_costs_time_and_no_message() -> anyhow::Result<()> {
    let world = World::new("absent", 2).await?;
    let mut produced = world.topic.produce(numbered(0..500)).await?;
    let mut member = world.start(&Spec::named("m-0").store("http://127.0.0.1:1")).await?;
    member.wait_for_line("the store is not ready, it is waited for", PATIENCE).await?;
    ensure!(member.status("/readyz").await? == 503, "ready without a store");
    ensure!(member.status("/livez").await? == 200, "not alive without a store");
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    produced.extend(world.topic.produce(numbered(500..1_000)).await?);
    let mut again = world.start(&Spec::named("m-0")).await?;
    let stored = world.wait_for(&produced, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    ensure!(again.status("/readyz").await? == 200, "not ready although everything is stored");
    again.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_messages_go_to_the_dead_letter_topic() -> anyhow::Result<()> {
    let world = World::new("dead", 1).await?;
    let letters = world.dead_letter_topic().await?;
    let keyed = numbered(0..50).map(|message| message.key(b"k1"));
    let keyless = numbered(50..60);
    let produced = world.topic.produce(keyed.chain(keyless)).await?;
    let spec = Spec::named("m-0").entry("{key}/{partition}").dead_letters(&letters.name);
    let mut member = world.start(&spec).await?;
    let delivered = letters.read(10, PATIENCE).await?;
    for letter in &delivered {
        let number = String::from_utf8(letter.value.clone().unwrap_or_default())?;
        ensure!(letter.header("sink.error.topic") == Some(world.topic.name.as_bytes()), "topic of {number}");
        ensure!(letter.header("sink.error.stage") == Some(b"map"), "stage of {number}");
        ensure!(
            produced.iter().any(|p| p.message.value == letter.value && p.message.key.is_none()),
            "{number}"
        );
    }
    world.wait_until_stored(50, PATIENCE).await?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_message_holds_its_partition_where_there_is_no_dead_letter_topic() -> anyhow::Result<()> {
    let world = World::new("held", 1).await?;
    let keyed = |numbers| numbered(numbers).map(|message| message.key(b"k1"));
    world.topic.produce(keyed(0..20).chain(numbered(20..21)).chain(keyed(21..30))).await?;
    let mut member = world.start(&Spec::named("m-0").entry("{key}/{partition}")).await?;
    member.wait_for_line("a rejected message holds its partition", PATIENCE).await?;
    world.wait_until_stored(20, PATIENCE).await?;
    member.wait_for_metric("kafkasink_held_partitions 1", PATIENCE).await?;
    ensure!(world.count_stored().await? == 20, "messages behind the held one were stored");
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    ensure!(world.topic.committed().await? == 20, "the offset moved past the held message");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_are_committed_up_to_the_end_and_a_restart_reads_nothing_twice() -> anyhow::Result<()> {
    let world = World::new("commit", 1).await?;
    let produced = world.topic.produce(numbered(0..300)).await?;
    let mut member = world.start(&Spec::named("m-0")).await?;
    world.wait_for(&produced, PATIENCE).await?;
    // A store that was started a moment ago proves nothing yet, and stopping does not wait for that.
    world.wait_until_committed(300, PATIENCE).await?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    ensure!(world.topic.committed().await? == 300, "not everything that is stored was committed");
    let mut again = world.start(&Spec::named("m-0")).await?;
    again.wait_for_metric("kafkasink_consumer_lag_messages", PATIENCE).await?;
    let read_again = again.metric("kafkasink_duplicates_total").await?;
    ensure!(read_again == 0.0, "{read_again} messages were read twice");
    let stored = world.wait_for(&produced, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    again.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn topic_that_does_not_exist_yet_is_waited_for() -> anyhow::Result<()> {
    let world = World::new("later", 1).await?;
    let name = format!("{}.later", world.topic.name);
    let spec = Spec::named("m-0").replace("topics: [{name: ", "topics: [{name: later}, {name: ");
    let spec = spec.replace("later}", &format!("{name}}}"));
    let mut member = world.start(&spec).await?;
    let mut produced = world.topic.produce(numbered(0..10)).await?;
    world.wait_until_stored(10, PATIENCE).await?;
    produced.extend(world.create_topic(&name, 1).await?.produce(numbered(10..20)).await?);
    world.wait_until_stored(produced.len(), PATIENCE).await?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_are_added_are_read_by_whichever_member_gets_them() -> anyhow::Result<()> {
    let mut world = World::new("grow", 2).await?;
    let mut produced = world.topic.produce(numbered(0..100)).await?;
    let mut first = world.start(&Spec::named("m-0")).await?;
    let mut second = world.start(&Spec::named("m-1")).await?;
    world.wait_until_stored(100, PATIENCE).await?;
    world.grow(8).await?;
    produced.extend(world.topic.produce(numbered(100..900)).await?);
    let stored = world.wait_for(&produced, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    first.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    second.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_configuration_ends_with_one_line_that_names_the_field() -> anyhow::Result<()> {
    let world = World::new("broken", 1).await?;
    let broken = Spec::named("m-0").replace("batchRecordsMax: 80", "batchRecordsMax: 0");
    let ended = world.run_to_the_end(&broken)?;
    ensure!(ended.code == Some(2), "{ended:?}");
    ensure!(ended.stderr.lines().count() == 1, "{ended:?}");
    let line = "config.yaml: delivery.batchRecordsMax: must be 1 to 80, is 0";
    ensure!(ended.stderr.starts_with("kafkasink-runtime: ") && ended.stderr.contains(line), "{ended:?}");
    let no_token = world.run_to_the_end(&Spec::named("m-0").replace("/token}", "/none}").check())?;
    ensure!(no_token.code == Some(2) && no_token.stderr.lines().count() == 1, "{no_token:?}");
    ensure!(no_token.stderr.matches("cannot read").count() == 1, "{no_token:?}");
    world.run_to_the_end(&Spec::named("m-0").check())?.expect_code(0)
}
