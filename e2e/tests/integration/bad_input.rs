//! Bad input and bad answers: each ends as stored once, dead-lettered with the reason, or held and reported; never lost,
//! never a crash. IO: processes, Kafka, store.

use std::time::Duration;

use anyhow::ensure;
use kafkasink_e2e::trial::messages::{Produce, extreme, impossible, numbered};
use kafkasink_e2e::trial::proxy::{Mischief, Plan, Proxy};
use kafkasink_e2e::trial::{Signal, Spec, World, checker};
use reduct_rs::{BucketSettings, Permissions, QuotaType};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_mins(2);
/// What the log says when a request failed.
const FAILED: &str = "the store failed, it is tried again";

/// Lets a proxy do something to the member's requests; everything must be stored once although it was.
async fn check(plan: Plan, patience: Duration) -> anyhow::Result<()> {
    let world = World::new("mischief", 3).await?;
    let proxy = Proxy::start(&world.store().url, plan).await?;
    let mut produced = world.topic.produce(numbered(0..3_000)).await?;
    let mut member = world.start(&Spec::named("m-0").store(&proxy.url())).await?;
    produced.extend(world.topic.produce(numbered(3_000..6_000)).await?);
    let stored = world.wait_for(&produced, patience).await?;
    checker::compare(&produced, &stored)?;
    ensure!(proxy.done() == plan.times, "something was done to {} requests only", proxy.done());
    // What is stored twice would come after this: the offsets say that nothing is under way.
    world.wait_until_committed(6_000, patience).await?;
    checker::compare(&produced, &world.read().await?)?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

/// One of three requests of any kind.
fn any(mischief: Mischief) -> Plan {
    Plan { mischief, every: 3, times: 20, line: "" }
}

/// One of two writes.
fn writes(mischief: Mischief) -> Plan {
    Plan { mischief, every: 2, times: 15, line: "/write" }
}

#[tokio::test(flavor = "multi_thread")]
async fn store_that_asks_to_slow_down_is_asked_again() -> anyhow::Result<()> {
    check(any(Mischief::Answer(429)), PATIENCE).await
}

#[tokio::test(flavor = "multi_thread")]
async fn store_that_fails_is_asked_again() -> anyhow::Result<()> {
    check(any(Mischief::Answer(500)), PATIENCE).await
}

#[tokio::test(flavor = "multi_thread")]
async fn store_that_is_starting_is_asked_again() -> anyhow::Result<()> {
    check(any(Mischief::Answer(503)), PATIENCE).await
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_answer_is_no_answer() -> anyhow::Result<()> {
    check(any(Mischief::HalfAnswer), PATIENCE).await
}

#[tokio::test(flavor = "multi_thread")]
async fn write_whose_answer_is_lost_is_recognised() -> anyhow::Result<()> {
    check(writes(Mischief::LoseAnswer), PATIENCE).await
}

#[tokio::test(flavor = "multi_thread")]
async fn write_that_is_cut_off_is_mended() -> anyhow::Result<()> {
    check(writes(Mischief::CutRequest), PATIENCE).await
}

/// A body that takes long enough to send that a kill falls into it.
const LARGE: usize = 100_000;

#[tokio::test(flavor = "multi_thread")]
async fn member_that_is_killed_within_a_request_is_mended() -> anyhow::Result<()> {
    let world = World::new("within", 2).await?;
    let large = |number: u32| Produce::value(number.to_be_bytes().repeat(LARGE / 4));
    let produced = world.topic.produce((0..2_000).map(large)).await?;
    let mut half_written = 0;
    for round in 1..=8 {
        let mut member = world.start(&Spec::named("m-0")).await?;
        world.wait_until_stored(round * 150, PATIENCE).await?;
        member.stop(Signal::Kill, PATIENCE)?;
        half_written += member.stderr()?.matches("half-written in the store").count();
    }
    let mut member = world.start(&Spec::named("m-0")).await?;
    let stored = world.wait_for(&produced, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    world.wait_until_committed(2_000, PATIENCE).await?;
    checker::compare(&produced, &world.read().await?)?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    half_written += member.stderr()?.matches("half-written in the store").count();
    ensure!(half_written > 0, "no kill fell into a request");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_store_costs_time_only() -> anyhow::Result<()> {
    check(any(Mischief::Delay(Duration::from_millis(700))), PATIENCE).await
}

#[tokio::test(flavor = "multi_thread")]
async fn store_that_accepts_and_says_nothing_is_waited_for() -> anyhow::Result<()> {
    // The request's own time-out, then that of the store's locks, which the request may still hold.
    let plan = Plan { mischief: Mischief::Silence, every: 1, times: 1, line: "/write" };
    check(plan, Duration::from_mins(4)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn extreme_messages_are_stored_and_impossible_ones_dead_lettered() -> anyhow::Result<()> {
    let world = World::new("ext.re.me", 3).await?;
    let letters = world.dead_letter_topic().await?;
    let mut produced = world.topic.produce(extreme()).await?;
    let refused = world.topic.produce(impossible()).await?;
    produced.extend(world.topic.produce(numbered(0..300)).await?);
    let mut member = world.start(&Spec::named("m-0").dead_letters(&letters.name)).await?;
    for letter in letters.read(refused.len(), PATIENCE).await? {
        let number = String::from_utf8(letter.value.clone().unwrap_or_default())?;
        ensure!(refused.iter().any(|sent| sent.message.value == letter.value), "{number} was refused");
        let reason = String::from_utf8(letter.header("sink.error.reason").unwrap_or_default().to_vec())?;
        ensure!(!reason.is_empty(), "{number} was refused without a reason");
    }
    let stored = world.wait_for(&produced, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn bucket_that_is_deleted_is_waited_for() -> anyhow::Result<()> {
    let world = World::new("bucket", 2).await?;
    world.topic.produce(numbered(0..200)).await?;
    let mut member = world.start(&Spec::named("m-0")).await?;
    world.wait_until_committed(200, PATIENCE).await?;
    let client = world.client()?;
    client.get_bucket(world.bucket()).await?.remove().await?;
    let produced = world.topic.produce(numbered(200..1_000)).await?;
    member.wait_for_line(FAILED, PATIENCE).await?;
    world.wait_until_bucket_is_removed(PATIENCE).await?;
    client.create_bucket(world.bucket()).max_block_records(128).send().await?;
    let stored = world.wait_for(&produced, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn token_that_is_revoked_is_read_anew() -> anyhow::Result<()> {
    let world = World::new("token", 2).await?;
    let (client, bucket) = (world.client()?, world.bucket().to_owned());
    let rights =
        || Permissions { full_access: false, read: vec![bucket.clone()], write: vec![bucket.clone()] };
    let name = |life: &str| format!("{bucket}-{life}");
    world.set_token(&client.create_token(&name("old"), rights()).await?)?;
    let mut produced = world.topic.produce(numbered(0..200)).await?;
    let mut member = world.start(&Spec::named("m-0")).await?;
    world.wait_until_committed(200, PATIENCE).await?;
    client.delete_token(&name("old")).await?;
    produced.extend(world.topic.produce(numbered(200..1_000)).await?);
    member.wait_for_line(FAILED, PATIENCE).await?;
    world.set_token(&client.create_token(&name("new"), rights()).await?)?;
    let stored = world.wait_for(&produced, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn bucket_that_is_full_is_waited_for() -> anyhow::Result<()> {
    let world = World::new("full", 2).await?;
    let bucket = world.client()?.get_bucket(world.bucket()).await?;
    let quota = |size| BucketSettings {
        quota_type: Some(QuotaType::HARD),
        quota_size: Some(size),
        ..BucketSettings::default()
    };
    bucket.set_settings(quota(20_000)).await?;
    let produced = world.topic.produce(numbered(0..4_000)).await?;
    let mut member = world.start(&Spec::named("m-0")).await?;
    member.wait_for_line("the store has no room", PATIENCE).await?;
    let offset = world.topic.committed().await?;
    ensure!(offset < 4_000, "committed to {offset} although the bucket is full");
    bucket.set_settings(quota(100_000_000)).await?;
    let stored = world.wait_for(&produced, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}
