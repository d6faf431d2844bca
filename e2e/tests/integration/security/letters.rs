//! Dead letters that the broker forbids: told, held, and delivered as soon as they are allowed.

use std::collections::BTreeSet;

use anyhow::ensure;
use kafkasink_e2e::lab::secured::{Kind, USER};
use kafkasink_e2e::trial::messages::numbered;
use kafkasink_e2e::trial::{Produce, Signal, checker};

use super::credentials::{Sasl, Shown};
use super::{PATIENCE, secured_kafka, world};

/// What the operator of the brokers must do.
const REMEDY: &str = "allow the sink to write to the dead-letter topic";

fn keyed(numbers: std::ops::Range<u64>) -> impl Iterator<Item = Produce> {
    numbered(numbers).map(|message| message.key(b"k1"))
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_that_the_broker_forbids_hold_the_partition_until_they_are_allowed() -> anyhow::Result<()> {
    let kafka = secured_kafka().await?;
    let world = world(&kafka, "forbidden", 2).await?;
    let letters = world.dead_letter_topic().await?;
    kafka.allow("somebody-else", &["Write"], &["--topic", &letters.name]).await?;
    // Without a key a message has no entry.
    let rejected = world.topic.produce(numbered(0..5).map(|message| message.on(0))).await?;
    let mut produced = world.topic.produce(keyed(5..105).map(|message| message.on(0))).await?;
    produced.extend(world.topic.produce(keyed(105..205).map(|message| message.on(1))).await?);
    let shown = Shown::authority(&kafka)?.sasl(Sasl::by("SCRAM-SHA-512"));
    let spec = shown.spec(&world, &kafka, Kind::SaslTls)?.entry("{key}/{partition}");
    let mut member = world.start(&spec.dead_letters(&letters.name)).await?;
    member.wait_for_line(REMEDY, PATIENCE).await?;
    member.wait_for_metric("kafkasink_held_partitions 1", PATIENCE).await?;
    // The other partition has nothing to do with it.
    world.wait_until_committed(100, PATIENCE).await?;
    ensure!(letters.offsets().await?.is_empty(), "a letter was delivered although it is forbidden");
    ensure!(member.status("/readyz").await? == 200, "a held partition is no reason to hold up a rollout");
    ensure!(member.status("/livez").await? == 200, "a restart allows nothing");

    kafka.allow(USER, &["Write"], &["--topic", &letters.name]).await?;
    let read = letters.read(rejected.len(), PATIENCE).await?;
    // One that was refused is tried again behind the others.
    let values: BTreeSet<_> = read.iter().map(|letter| letter.value.clone()).collect();
    ensure!(values == rejected.iter().map(|sent| sent.message.value.clone()).collect(), "{values:?}");
    let stored = world.wait_for(&produced, PATIENCE).await?;
    world.wait_until_committed(205, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    member.wait_for_metric("kafkasink_held_partitions 0", PATIENCE).await?;
    ensure!(letters.offsets().await?.len() == rejected.len(), "a letter was delivered twice");
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}
