//! Topics that are deleted and created again, entries that belong to somebody, and offsets that are gone. IO: processes,
//! Kafka, store.
//!
//! Each ends with the checker: what was produced in each life of a topic is stored exactly once, and told apart.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use kafkasink_e2e::trial::messages::numbered;
use kafkasink_e2e::trial::{Member, Produce, Produced, Signal, Spec, World, checker};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// Longest wait for anything, also for the requests of a last owner to end.
const PATIENCE: Duration = Duration::from_mins(2);

/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(200);

/// The entry whose attachment tells of the topic.
fn home(world: &World) -> String {
    world.topic.name.replace('.', "/")
}

/// Waits until readers find what is wanted in the attachment of the topic, and returns it.
async fn wait_for_attachment(world: &World, is_wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        // An answer is broken off where the attachment is being replaced.
        let attachments = world.attachments(&home(world)).await;
        let found = attachments.as_ref().ok().and_then(|attachments| attachments.get("kafkasink"));
        if let Some(found) = found.filter(|found| is_wanted(found)) {
            return Ok(found.clone());
        }
        ensure!(Instant::now() < deadline, "it is not in the attachment: {attachments:#?}");
        sleep(GLANCE).await;
    }
}

/// Waits until the registry knows this life; returns the mark of its records.
async fn mark_of_life(world: &World, life: u64) -> anyhow::Result<String> {
    let attachment = wait_for_attachment(world, |found| found.get("life") == Some(&json!(life))).await?;
    let id = attachment.get("topicId").and_then(Value::as_str).context("find the topic's id")?;
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(id)?;
    let first: [u8; 4] = bytes.get(..4).context("read the topic's id")?.try_into()?;
    Ok(format!("{:08x}", u32::from_be_bytes(first)))
}

/// Produces in a life of the topic, and notes by what its records are told apart.
async fn produce_in_life(world: &World, life: u64, count: u64) -> anyhow::Result<Vec<Produced>> {
    let mut produced = world.topic.produce(numbered(0..count)).await?;
    let mark = mark_of_life(world, life).await?;
    for message in &mut produced {
        message.life = Some(mark.clone());
    }
    Ok(produced)
}

/// Waits until everything is stored, and compares it.
async fn expect_stored(world: &World, produced: &[Produced]) -> anyhow::Result<()> {
    let stored = world.wait_for(produced, PATIENCE).await?;
    checker::compare(produced, &stored)
}

/// Stops the only member, which leaves its group.
fn leave(world: &World, member: &mut Member) -> anyhow::Result<()> {
    world.set_members(0)?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    world.set_members(1)
}

/// A topic is filled, created again while its sink runs, and filled again.
async fn check_while_running(name: &str, first: u64, second: u64) -> anyhow::Result<()> {
    let world = World::new(name, 2).await?;
    let mut member = world.start(&Spec::named("m-0")).await?;
    let mut produced = world.topic.produce(numbered(0..first)).await?;
    world.wait_for(&produced, PATIENCE).await?;
    world.wait_until_committed(i64::try_from(first)?, PATIENCE).await?;
    world.topic.recreate().await?;
    produced.extend(produce_in_life(&world, 2, second).await?);
    expect_stored(&world, &produced).await?;
    world.wait_until_committed(i64::try_from(second)?, PATIENCE).await?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    // Whoever comes next goes on in the second life.
    let mut again = world.start(&Spec::named("m-0")).await?;
    produced.extend(produce_in_life(&world, 2, 20).await?);
    expect_stored(&world, &produced).await?;
    again.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn topic_that_comes_back_smaller_begins_its_next_life() -> anyhow::Result<()> {
    check_while_running("smaller", 200, 60).await
}

#[tokio::test(flavor = "multi_thread")]
async fn topic_that_comes_back_larger_begins_its_next_life() -> anyhow::Result<()> {
    check_while_running("larger", 60, 400).await
}

#[tokio::test(flavor = "multi_thread")]
async fn topic_that_comes_back_under_load_keeps_its_lives_apart() -> anyhow::Result<()> {
    let world = World::new("load", 2).await?;
    let mut member = world.start(&Spec::named("m-0")).await?;
    // Deleted while some of it is on its way: what was stored of it is right, the rest went with the topic.
    let first = world.topic.produce(numbered(0..4_000)).await?;
    world.wait_until_stored(100, PATIENCE).await?;
    world.topic.recreate().await?;
    let second = produce_in_life(&world, 2, 5_000).await?;
    let deadline = Instant::now() + PATIENCE;
    let stored = loop {
        let stored = world.wait_for(&second, PATIENCE).await?;
        let later = stored.iter().filter(|record| record.labels.contains_key("kafka_life")).count();
        if later >= second.len() {
            break stored;
        }
        ensure!(Instant::now() < deadline, "{later} of {} are stored in the second life", second.len());
        sleep(GLANCE).await;
    };
    let is_stored = |p: &&Produced| {
        stored.iter().any(|record| {
            record.partition == p.partition
                && !record.labels.contains_key("kafka_life")
                && record.labels.get("kafka_offset") == Some(&p.offset.to_string())
        })
    };
    let counted: Vec<Produced> = first.iter().filter(is_stored).chain(&second).cloned().collect();
    checker::compare(&counted, &stored)?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

/// The group hands the new partitions out while each member reads the others as the topic before.
#[tokio::test(flavor = "multi_thread")]
async fn topic_that_comes_back_with_more_partitions_is_one_life_for_all_members() -> anyhow::Result<()> {
    let mut world = World::new("wider", 2).await?;
    world.set_members(2)?;
    let mut members = Vec::new();
    for name in ["m-0", "m-1"] {
        members.push(world.start(&Spec::named(name)).await?);
    }
    let mut produced = world.topic.produce(numbered(0..60)).await?;
    world.wait_for(&produced, PATIENCE).await?;
    world.wait_until_committed(60, PATIENCE).await?;
    world.recreate_topic_with(5).await?;
    produced.extend(produce_in_life(&world, 2, 1_000).await?);
    expect_stored(&world, &produced).await?;
    world.wait_until_committed(1_000, PATIENCE).await?;
    for member in &mut members {
        member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn topic_that_comes_back_while_its_sink_is_down_begins_its_next_life() -> anyhow::Result<()> {
    let world = World::new("down", 2).await?;
    let mut produced = world.topic.produce(numbered(0..100)).await?;
    let mut member = world.start(&Spec::named("m-0")).await?;
    world.wait_for(&produced, PATIENCE).await?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    for life in 2..4 {
        world.topic.recreate().await?;
        let filled = world.topic.produce(numbered(0..150)).await?;
        let mut again = world.start(&Spec::named("m-0")).await?;
        let mark = mark_of_life(&world, life).await?;
        produced.extend(filled.into_iter().map(|message| Produced { life: Some(mark.clone()), ..message }));
        expect_stored(&world, &produced).await?;
        again.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn second_sink_on_the_same_entries_writes_nothing() -> anyhow::Result<()> {
    let world = World::new("foreign", 2).await?;
    let mut produced = world.topic.produce(numbered(0..100)).await?;
    let mut owner = world.start(&Spec::named("m-0")).await?;
    world.wait_for(&produced, PATIENCE).await?;
    let group = format!("groupId: {}", world.topic.name);
    let stranger = Spec::named("s-0").replace("namespace: e2e", "namespace: office");
    let stranger = stranger.replace(&group, "groupId: office.doors");
    let mut stranger = world.start(&stranger).await?;
    stranger.wait_for_line("the entries belong to another sink", PATIENCE).await?;
    stranger.wait_for_metric("kafkasink_held_partitions 2", PATIENCE).await?;
    stranger.wait_for_metric("kafkasink_waiting_partitions{reason=\"hold\"} 2", PATIENCE).await?;
    produced.extend(world.topic.produce(numbered(100..200)).await?);
    expect_stored(&world, &produced).await?;
    for counter in ["kafkasink_records_stored_total", "kafkasink_duplicates_total"] {
        ensure!(stranger.metric(counter).await? == 0.0, "{counter} of the stranger");
    }
    stranger.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    owner.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_whose_offsets_are_gone_wait_for_a_person() -> anyhow::Result<()> {
    let world = World::new("expired", 2).await?;
    let mut produced = world.topic.produce(numbered(0..100)).await?;
    let mut member = world.start(&Spec::named("m-0")).await?;
    world.wait_for(&produced, PATIENCE).await?;
    leave(&world, &mut member)?;
    world.topic.forget_group().await?;
    produced.extend(world.topic.produce(numbered(100..200)).await?);
    let mut lost = world.start(&Spec::named("m-0")).await?;
    lost.wait_for_line("have expired, it is held", PATIENCE).await?;
    lost.wait_for_metric("kafkasink_held_partitions 2", PATIENCE).await?;
    lost.wait_for_metric("kafkasink_waiting_partitions{reason=\"expired\"} 2", PATIENCE).await?;
    ensure!(world.topic.committed().await? == 0, "it went on by itself");
    ensure!(world.count_stored().await? == 100, "it wrote without knowing where it stands");
    leave(&world, &mut lost)?;
    world.topic.reset_offsets(0).await?;
    let mut again = world.start(&Spec::named("m-0")).await?;
    expect_stored(&world, &produced).await?;
    world.wait_until_committed(200, PATIENCE).await?;
    let found = again.metric("kafkasink_duplicates_total").await?;
    ensure!((found - 100.0).abs() < 0.5, "{found} were recognised instead of 100");
    again.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_was_changed_is_told_from_offsets_that_are_gone() -> anyhow::Result<()> {
    let world = World::new("regrouped", 2).await?;
    world.topic.produce(numbered(0..100)).await?;
    // The uid of a resource: by it the sink is the same in whatever group.
    let of_resource = || Spec::named("m-0").replace("uid: none", "uid: 6f1c2f3e-7a1d-4b4e-9a55-0d6c1f1b2a3d");
    let mut member = world.start(&of_resource()).await?;
    world.wait_until_committed(100, PATIENCE).await?;
    leave(&world, &mut member)?;
    let group = format!("groupId: {}", world.topic.name);
    let other = format!("groupId: {}.other", world.topic.name);
    let mut regrouped = world.start(&of_resource().replace(&group, &other)).await?;
    regrouped.wait_for_line("a partition was read in another group", PATIENCE).await?;
    regrouped.wait_for_metric("kafkasink_held_partitions 2", PATIENCE).await?;
    regrouped.wait_for_metric("kafkasink_waiting_partitions{reason=\"needs_start\"} 2", PATIENCE).await?;
    regrouped.wait_for_metric("kafkasink_waiting_partitions{reason=\"expired\"} 0", PATIENCE).await?;
    ensure!(world.count_stored().await? == 100, "it wrote without knowing where it stands");
    leave(&world, &mut regrouped)
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_find_beside_the_records_whose_they_are_and_what_labels_mean() -> anyhow::Result<()> {
    let world = World::new("attachment", 2).await?;
    let odd = [Produce::value("a").header("Trace ID", "1").on(0), Produce::value("b").header("Ü", "2").on(1)];
    let produced = world.topic.produce(odd).await?;
    let mut member = world.start(&Spec::named("m-0")).await?;
    world.wait_for(&produced, PATIENCE).await?;
    let attachment = wait_for_attachment(&world, |found| found.pointer("/labels/_").is_some()).await?;
    let name = &world.topic.name;
    let told = ["namespace", "name", "groupId", "topic", "life", "entry", "labels"]
        .map(|key| attachment.get(key).cloned().unwrap_or_default());
    let wanted = [
        json!("e2e"),
        json!(name),
        json!(name),
        json!(name),
        json!(1),
        json!("{topic}/{partition}"),
        json!({"_": ["Ü"], "trace_id": ["Trace ID"]}),
    ];
    ensure!(told == wanted, "{attachment:#}");
    for id in ["clusterId", "topicId"] {
        ensure!(
            attachment.get(id).and_then(Value::as_str).is_some_and(|id| id.len() == 22),
            "{id} in {attachment:#}"
        );
    }
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}
