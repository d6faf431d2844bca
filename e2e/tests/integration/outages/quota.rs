//! A bucket that deletes its oldest records by itself, faster than they can be proven. IO: processes, Kafka, store.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use kafkasink_e2e::faults::part::Part;
use kafkasink_e2e::lab::ensure as lab;
use kafkasink_e2e::lab::own::OwnRun;
use kafkasink_e2e::trial::checker::compare_one;
use kafkasink_e2e::trial::{Member, Produce, Produced, Signal, Spec, World};
use reduct_rs::{BucketSettings, QuotaType};

use crate::outages::PATIENCE;

fn kilobyte(number: u64) -> Produce {
    Produce::value(number.to_be_bytes().repeat(125)).header("number", number.to_string())
}

/// Lets the bucket delete its oldest blocks above a size.
async fn limit(world: &World, settings: BucketSettings) -> anyhow::Result<()> {
    let bucket = world.client()?.get_bucket(world.bucket()).await?;
    let fifo = BucketSettings { quota_type: Some(QuotaType::FIFO), ..settings };
    Ok(bucket.set_settings(fifo).await?)
}

/// Fails unless each record is that of a message, byte for byte, and no message has two; returns how many there are.
async fn expect_part_of(world: &World, produced: &[Produced]) -> anyhow::Result<usize> {
    let mut by_place: BTreeMap<(i32, i64), &Produced> =
        produced.iter().map(|message| ((message.partition, message.offset), message)).collect();
    let stored = world.read().await?;
    for record in &stored {
        let offset = record.labels.get("kafka_offset").context("read a record without an offset")?.parse()?;
        let key = (record.partition, offset);
        let message = by_place.remove(&key).with_context(|| format!("{key:?} is stored twice"))?;
        compare_one(message, record).with_context(|| format!("compare {key:?}"))?;
    }
    Ok(stored.len())
}

/// How many records a member counts under a name.
async fn count(member: &Member, name: &str) -> anyhow::Result<usize> {
    Ok(member.metric(name).await?.to_string().parse()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_a_quota_deletes_before_they_are_proven_end_as_expired() -> anyhow::Result<()> {
    let world = World::new("evicted", 2).await?;
    let settings = BucketSettings { quota_size: Some(600_000), ..BucketSettings::default() };
    limit(&world, settings).await?;
    let produced = world.topic.produce((0..3_000).map(kilobyte)).await?;
    let mut member = world.start(&Spec::named("m-0")).await?;
    world.wait_until_committed(3_000, PATIENCE).await?;
    let expired = count(&member, "kafkasink_expired_total").await?;
    let stored = expect_part_of(&world, &produced).await?;
    ensure!(expired > 0, "nothing expired, nothing was tested");
    ensure!((1..1_000).contains(&stored), "{stored} records are left of what the bucket has room for");
    ensure!(member.status("/livez").await? == 200, "not alive although it goes on");
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

/// With so few and so large blocks nothing is safe before minutes have passed, so that all of it is read again.
#[tokio::test(flavor = "multi_thread")]
async fn replay_that_is_larger_than_the_quota_writes_nothing_of_what_has_expired() -> anyhow::Result<()> {
    let run = OwnRun::new()?;
    let (mut store, address) = Part::store(run.paths().clone()).await?;
    let world = World::on((lab::kafka().await?, address), None, "replay", 2).await?;
    let settings = BucketSettings {
        quota_size: Some(400_000),
        max_block_size: Some(65_536),
        max_block_records: Some(4_096),
        ..BucketSettings::default()
    };
    limit(&world, settings).await?;
    let mut member = world.start(&Spec::named("m-0")).await?;
    let mut produced = Vec::new();
    for round in 0..6 {
        // Few enough that each is read back before its block is deleted.
        produced.extend(world.topic.produce((round * 200..(round + 1) * 200).map(kilobyte)).await?);
        world.wait_until_committed(i64::try_from(produced.len())?, PATIENCE).await?;
    }
    let (written, left) =
        (count(&member, "kafkasink_records_stored_total").await?, expect_part_of(&world, &produced).await?);
    ensure!(count(&member, "kafkasink_expired_total").await? == 0, "expired before it was read again");
    ensure!(left < 600, "{left} records are left, the quota deleted too little");

    store.kill().await?;
    store.again().await?;
    store.ready().await?;
    member.wait_for_line("the partition is read again", PATIENCE).await?;
    produced.extend(world.topic.produce((1_200..1_300).map(kilobyte)).await?);
    world.wait_until_committed(1_300, PATIENCE).await?;
    let expired = count(&member, "kafkasink_expired_total").await?;
    let again = count(&member, "kafkasink_records_stored_total").await? - written;
    ensure!(expired + left >= 1_100, "{expired} expired, {left} were left of 1200");
    // The new ones, and what the kill took.
    ensure!((100..400).contains(&again), "{again} records were written after the kill");
    expect_part_of(&world, &produced).await?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}
