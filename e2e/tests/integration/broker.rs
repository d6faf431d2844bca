//! What a broker can hand to a sink, against the real one: transactions, gaps, sizes, codecs, retention, new partitions,
//! dead letters, and a changed mapping. IO: processes, Kafka, store.
//!
//! Each ends with the checker: what counts as produced is stored exactly once, byte for byte, and nothing else is.

mod anything;
mod letters;
mod mapping;

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use kafkasink_e2e::lab::paths::Paths;
use kafkasink_e2e::trial::messages::{compressible, numbered};
use kafkasink_e2e::trial::{Member, Outcome, Produce, Produced, Signal, Spec, World, checker};
use tokio::time::{Instant, sleep};

use crate::tap::Tap;

/// Longest wait for anything: a changed mapping waits three minutes until what the last one stored is safe.
const PATIENCE: Duration = Duration::from_mins(5);

/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(200);

/// Waits until as many records are stored as messages were produced, and compares them.
pub(crate) async fn expect_stored(world: &World, produced: &[Produced]) -> anyhow::Result<()> {
    checker::compare(produced, &world.wait_for(produced, PATIENCE).await?)
}

/// How many messages a member counts as lost to retention.
async fn lost(member: &Member) -> anyhow::Result<usize> {
    Ok(member.metric("kafkasink_lost_to_retention_total").await?.to_string().parse()?)
}

/// The line of the metrics of a partition that is not behind.
fn no_lag(world: &World, partition: i32) -> String {
    let topic = &world.topic.name;
    format!("kafkasink_consumer_lag_messages{{topic=\"{topic}\",partition=\"{partition}\"}} 0")
}

/// Waits until nothing is behind, by the metrics and by what the group has committed.
async fn wait_for_the_end_of_the_log(world: &World, member: &Member) -> anyhow::Result<()> {
    for partition in 0..world.topic.partitions() {
        member.wait_for_metric(&no_lag(world, partition), PATIENCE).await?;
    }
    world.wait_until_committed(world.topic.end().await?, PATIENCE).await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_messages_of_committed_transactions_are_stored() -> anyhow::Result<()> {
    let world = World::new("transactions", 3).await?;
    let mut member = world.start(&Spec::named("m-0")).await?;
    let mut produced = Vec::new();
    for round in 0..4_u64 {
        let from = round * 100;
        // Partition 2 stays empty but for markers of transactions that were aborted.
        let on = |partition| move |message: Produce| message.on(partition);
        let good = numbered(from..from + 40).map(on(0)).chain(numbered(from + 40..from + 50).map(on(1)));
        produced.extend(world.topic.transact(good, Outcome::Commit).await?);
        let bad = numbered(from + 50..from + 80).map(on(0)).chain(numbered(from + 80..from + 90).map(on(2)));
        world.topic.transact(bad, Outcome::Abort).await?;
        produced.extend(world.topic.produce(numbered(from + 90..from + 100).map(on(1))).await?);
    }
    expect_stored(&world, &produced).await?;
    wait_for_the_end_of_the_log(&world, &member).await?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    let mut again = world.start(&Spec::named("m-0")).await?;
    wait_for_the_end_of_the_log(&world, &again).await?;
    produced.extend(world.topic.transact(numbered(400..430), Outcome::Commit).await?);
    expect_stored(&world, &produced).await?;
    wait_for_the_end_of_the_log(&world, &again).await?;
    let found = again.metric("kafkasink_duplicates_total").await?;
    ensure!(found == 0.0, "{found} messages were read twice");
    again.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn markers_are_read_again_and_passed_where_the_store_was_restarted() -> anyhow::Result<()> {
    let world = World::new("markers", 1).await?;
    let mut produced = Vec::new();
    for round in 0..3_u64 {
        let from = round * 20;
        produced.extend(world.topic.transact(numbered(from..from + 10), Outcome::Commit).await?);
        world.topic.transact(numbered(from + 10..from + 20), Outcome::Abort).await?;
    }
    world.set_members(1)?;
    let mut member = world.start(&Spec::named("m-0")).await?;
    wait_for_the_end_of_the_log(&world, &member).await?;
    // It leaves the group, so that we may commit.
    world.set_members(0)?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    world.set_members(1)?;
    let mut commits = world.topic.commits().await?;
    for commit in &mut commits {
        let mut metadata: serde_json::Value = serde_json::from_str(&commit.metadata)?;
        ensure!(metadata["safe"]["offset"] == 0, "the messages are safe already: {metadata}");
        metadata["storeStart"] = 1.into();
        commit.metadata = metadata.to_string();
    }
    world.topic.commit(&commits).await?;
    let mut again = world.start(&Spec::named("m-0")).await?;
    again.wait_for_line("the partition is read again", PATIENCE).await?;
    wait_for_the_end_of_the_log(&world, &again).await?;
    let found = again.metric("kafkasink_duplicates_total").await?;
    ensure!((found - 30.0).abs() < 0.5, "{found} messages were found instead of 30");
    expect_stored(&world, &produced).await?;
    again.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_of_a_compacted_topic_are_no_loss() -> anyhow::Result<()> {
    let world = World::new("compacted", 1).await?;
    let compacting = [
        ("cleanup.policy", "compact"),
        ("segment.ms", "100"),
        ("min.cleanable.dirty.ratio", "0.001"),
        ("min.compaction.lag.ms", "0"),
    ];
    world.topic.configure(&compacting).await?;
    let mut produced = Vec::new();
    for round in 0..5 {
        let keyed = numbered(round * 40..round * 40 + 40).map(|message| {
            let number = message.value.clone().unwrap_or_default();
            message.key(&number[number.len().saturating_sub(1)..])
        });
        produced.extend(world.topic.produce(keyed).await?);
        produced
            .extend(world.topic.produce([Produce { value: None, ..Produce::default() }.key(b"3")]).await?);
        // A segment is closed by the first message after its time.
        sleep(Duration::from_millis(150)).await;
    }
    let deadline = Instant::now() + PATIENCE;
    let mut left = world.topic.offsets().await?;
    while left.len() > produced.len() / 2 {
        ensure!(Instant::now() < deadline, "the broker has not compacted: {} messages are left", left.len());
        sleep(GLANCE).await;
        left = world.topic.offsets().await?;
    }
    let mut member = world.start(&Spec::named("m-0")).await?;
    let last = world.topic.produce(numbered(900..910).map(|message| message.key(b"last"))).await?;
    produced.extend(last);
    // No message is left of the end of the log.
    world.topic.transact(numbered(910..920).map(|message| message.key(b"last")), Outcome::Abort).await?;
    wait_for_the_end_of_the_log(&world, &member).await?;
    // What compaction took meanwhile may be stored or not; all that is there must be.
    let there = world.topic.offsets().await?;
    let stored = world.wait_for(&[], PATIENCE).await?;
    let is_stored = |p: &&Produced| {
        stored.iter().any(|record| record.labels.get("kafka_offset") == Some(&p.offset.to_string()))
    };
    let counted: Vec<Produced> = produced.iter().filter(is_stored).cloned().collect();
    checker::compare(&counted, &stored)?;
    let offsets: BTreeSet<(i32, i64)> = counted.iter().map(|p| (p.partition, p.offset)).collect();
    ensure!(there.is_subset(&offsets), "missing {:?}", there.difference(&offsets).collect::<Vec<_>>());
    ensure!(counted.iter().any(|p| p.message.value.is_none()), "no tombstone was left to be stored");
    ensure!(offsets.len() < produced.len(), "there was no gap");
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_of_every_codec_are_read() -> anyhow::Result<()> {
    let world = World::new("codecs", 2).await?;
    let mut member = world.start(&Spec::named("m-0")).await?;
    let mut produced = Vec::new();
    for (codec, from) in ["none", "gzip", "snappy", "lz4", "zstd"].into_iter().zip((0..).step_by(300)) {
        let settings = [("compression.type", codec), ("linger.ms", "50"), ("batch.num.messages", "100")];
        let text = format!("{codec} ").repeat(200);
        let messages = numbered(from..from + 300).map(|message| message.header("text", text.clone()));
        produced.extend(world.topic.produce_with(&settings, messages).await?);
    }
    expect_stored(&world, &produced).await?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

/// Nobody knows what a batch inflates to before it does, and the client gives up where that passes a limit of its own.
#[tokio::test(flavor = "multi_thread")]
async fn batches_that_inflate_to_ten_times_their_size_are_read() -> anyhow::Result<()> {
    let world = World::new("inflate", 2).await?;
    let mut produced = Vec::new();
    for (codec, from) in ["gzip", "snappy", "lz4", "zstd"].into_iter().zip((0..).step_by(300)) {
        let settings = [("compression.type", codec), ("linger.ms", "2000"), ("batch.size", "15000000")];
        let messages = (from..from + 300).map(|number| compressible(number, 100_000));
        produced.extend(world.topic.produce_with(&settings, messages).await?);
    }
    let mut member = world.start(&Spec::named("m-0")).await?;
    expect_stored(&world, &produced).await?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_exactly_the_topics_limit_are_stored() -> anyhow::Result<()> {
    let world = World::new("limit", 2).await?;
    let mut member = world.start(&Spec::named("m-0")).await?;
    let mut produced = world.topic.produce(numbered(0..20)).await?;
    // Batch header, record header and lengths, as the format of messages has them: no key, no header.
    for (limit, overhead) in [(1_048_588_usize, 72), (8_388_608, 74)] {
        world.topic.configure(&[("max.message.bytes", &limit.to_string())]).await?;
        let bytes = |size: usize| (0..size).map(|i| u8::try_from(i % 251).unwrap_or(0)).collect::<Vec<_>>();
        let alone = [("batch.num.messages", "1")];
        let largest = (0..4).map(|partition| Produce::value(bytes(limit - overhead)).on(partition % 2));
        produced.extend(world.topic.produce_with(&alone, largest).await?);
        let larger = world.topic.produce_with(&alone, [Produce::value(bytes(limit - overhead + 1))]).await;
        ensure!(larger.is_err(), "the limit of {limit} bytes is not exact");
        produced.extend(world.topic.produce(numbered(0..20)).await?);
    }
    expect_stored(&world, &produced).await?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_retention_took_is_counted_exactly() -> anyhow::Result<()> {
    let world = World::new("retention", 1).await?;
    let mut produced = world.topic.produce(numbered(0..100)).await?;
    let mut member = world.start(&Spec::named("m-0")).await?;
    world.wait_until_committed(100, PATIENCE).await?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    // While no member runs.
    let second = world.topic.produce(numbered(100..300)).await?;
    world.topic.delete_below(0, 250).await?;
    produced.extend(second.into_iter().filter(|p| p.offset >= 250));
    let mut again = world.start(&Spec::named("m-0")).await?;
    world.wait_for(&produced, PATIENCE).await?;
    ensure!(lost(&again).await? == 150, "{} counted instead of 150", lost(&again).await?);
    again.wait_for_metric("kafkasink_committed_offset", PATIENCE).await?;
    let rebalances = again.metric("kafkasink_rebalances_total").await?;
    // While the member sleeps: the fetch under way may still bring some of the first, the next one is out of range.
    again.freeze()?;
    let mut third = world.topic.produce(numbered(300..320)).await?;
    third.extend(world.topic.produce(numbered(320..400)).await?);
    world.topic.delete_below(0, 340).await?;
    again.wake()?;
    world.wait_until_committed(400, PATIENCE).await?;
    let stored = world.wait_for(&[], PATIENCE).await?;
    let fetched = stored.len() - produced.len() - 60;
    produced.extend(
        third.into_iter().filter(|p| p.offset < 300 + i64::try_from(fetched).unwrap_or(0) || p.offset >= 340),
    );
    checker::compare(&produced, &stored)?;
    let lost = lost(&again).await?;
    ensure!(lost + fetched == 190, "{lost} lost, {fetched} fetched, of 190");
    let own = again.metric("kafkasink_rebalances_total").await? - rebalances;
    ensure!(own < 0.5, "{own} rebalances are counted that the group knows nothing of");
    again.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

/// The member is the only place where these messages still are.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_memory_is_stored_when_retention_overtakes_it() -> anyhow::Result<()> {
    let world = World::new("overtaken", 1).await?;
    let tap = Tap::before(&world.store().url).await?;
    let mut member = world.start(&Spec::named("m-0").store(&tap.url)).await?;
    world.topic.produce(numbered(0..1)).await?;
    world.wait_until_stored(1, PATIENCE).await?;
    tap.shut();
    // More than a member holds: it stops to fetch somewhere, and what comes next is out of range.
    let large = |number: u64| Produce::value(number.to_be_bytes().repeat(125_000));
    let mut produced = world.topic.produce((1..80).map(large)).await?;
    member.wait_for_backlog(PATIENCE).await?;
    world.topic.delete_below(0, 70).await?;
    tap.open();
    world.wait_until_committed(80, PATIENCE).await?;
    let stored = world.read().await?;
    let lost = lost(&member).await?;
    ensure!(lost > 0, "nothing was lost, nothing was tested");
    ensure!(stored.len() + lost == 80, "{} stored and {lost} counted as lost, of 80", stored.len());
    let first_lost = 70 - i64::try_from(lost)?;
    ensure!(first_lost > 1, "nothing was in memory, nothing was tested");
    produced.retain(|p| p.offset < first_lost || p.offset >= 70);
    let kept: Vec<_> = stored.into_iter().filter(|record| record.body.len() == 1_000_000).collect();
    checker::compare(&produced, &kept)?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_batch_is_waited_for_and_not_passed_over() -> anyhow::Result<()> {
    let world = World::new("damaged", 1).await?;
    let mut produced = world.topic.produce(numbered(0..10)).await?;
    produced.extend(world.topic.produce([Produce::value("to be damaged")]).await?);
    produced.extend(world.topic.produce(numbered(11..50)).await?);
    let folder = format!("{}-0", world.topic.name);
    let log = Paths::from_env()?.data_dir("kafka").join(folder).join("00000000000000000000.log");
    damage(&log, b"to be damaged", b"to be dumaged")
        .context("damage the broker's log, which must be the lab's")?;
    let mut member = world.start(&Spec::named("m-0")).await?;
    member.wait_for_line("a batch of messages cannot be read", PATIENCE).await?;
    world.wait_until_stored(10, PATIENCE).await?;
    world.wait_until_committed(10, PATIENCE).await?;
    ensure!(world.count_stored().await? == 10, "what follows the damaged batch was stored");
    damage(&log, b"to be dumaged", b"to be damaged")?;
    expect_stored(&world, &produced).await?;
    ensure!(lost(&member).await? == 0, "it was counted as lost");
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

/// Writes other bytes of the same length in the place of the first such bytes of a file.
fn damage(file: &Path, from: &[u8], to: &[u8]) -> anyhow::Result<()> {
    let content = std::fs::read(file)?;
    let at = content.windows(from.len()).position(|window| window == from).context("find the bytes")?;
    OpenOptions::new().write(true).open(file)?.write_all_at(to, u64::try_from(at)?)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn latest_skips_what_was_there_before_the_group_and_nothing_else() -> anyhow::Result<()> {
    let mut world = World::new("latest", 2).await?;
    world.topic.produce(numbered(0..50)).await?;
    let latest = Spec::named("m-0").replace("startFrom: Earliest", "startFrom: Latest");
    let mut member = world.start(&latest).await?;
    for partition in 0..2 {
        member.wait_for_metric(&no_lag(&world, partition), PATIENCE).await?;
    }
    let mut produced = world.topic.produce(numbered(50..100)).await?;
    world.wait_for(&produced, PATIENCE).await?;
    // Partitions that come later are read from their beginning, whoever filled them before they were seen.
    world.grow(4).await?;
    produced.extend(world.topic.produce(numbered(100..200)).await?);
    expect_stored(&world, &produced).await?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    // A group that has offsets goes on at them.
    produced.extend(world.topic.produce(numbered(200..300)).await?);
    let mut again = world.start(&latest).await?;
    expect_stored(&world, &produced).await?;
    again.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn latest_skips_nothing_of_partitions_added_before_the_first_message() -> anyhow::Result<()> {
    let mut world = World::new("latest-idle", 2).await?;
    let latest = Spec::named("m-0").replace("startFrom: Earliest", "startFrom: Latest");
    let mut member = world.start(&latest).await?;
    for partition in 0..2 {
        member.wait_for_metric(&no_lag(&world, partition), PATIENCE).await?;
    }
    world.grow(4).await?;
    let produced = world.topic.produce(numbered(0..100)).await?;
    expect_stored(&world, &produced).await?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}
