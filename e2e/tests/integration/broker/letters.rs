//! Dead letters: whole, recognisable, and never in the way for good. IO: processes, Kafka, store.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use kafkasink_e2e::trial::messages::numbered;
use kafkasink_e2e::trial::raw_message::RawMessage;
use kafkasink_e2e::trial::topic::Read;
use kafkasink_e2e::trial::{Produce, Produced, Signal, Spec, Topic, World};

use crate::broker::{PATIENCE, expect_stored};

/// The entry of messages that have a key; those without are rejected.
const BY_KEY: &str = "{key}/{partition}";

/// Messages that are rejected by [`BY_KEY`].
fn keyless(numbers: std::ops::Range<u64>) -> impl Iterator<Item = Produce> {
    numbered(numbers)
}

fn keyed(numbers: std::ops::Range<u64>) -> impl Iterator<Item = Produce> {
    numbered(numbers).map(|message| message.key(b"k1"))
}

fn ids(letters: &[Read]) -> anyhow::Result<BTreeSet<String>> {
    let id = |letter: &Read| Some(String::from_utf8_lossy(letter.header("sink.error.id")?).into_owned());
    letters.iter().map(|letter| id(letter).context("find the id of a letter")).collect()
}

fn ids_of(topic: &Topic, produced: &[Produced]) -> BTreeSet<String> {
    produced.iter().map(|p| format!("{}/{}/{}", topic.name, p.partition, p.offset)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn letter_is_the_message_as_it_was_and_says_why() -> anyhow::Result<()> {
    let world = World::new("whole", 1).await?;
    let letters = world.dead_letter_topic().await?;
    // The letters of old messages must not be older than what the topic keeps.
    letters.configure(&[("retention.ms", "3600000"), ("max.message.bytes", "4194304")]).await?;
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let odd = [
        Produce::value(""),
        Produce { value: None, ..Produce::default() }.at(1),
        Produce::value("old")
            .at(1_000_000_000_000)
            .header("a", "1")
            .null_header("a")
            .header("e", "")
            .header("ü b", "2"),
        Produce::value(vec![7; 500_000]).at(now_ms + 3_000_000).header("sink.error.reason", "an older one"),
        Produce::value("long")
            .header("long", vec![b'x'; 10_240])
            .header("bytes", (0..=255).collect::<Vec<u8>>()),
    ];
    let produced = world.topic.produce(odd).await?;
    let mut member = world.start(&Spec::named("m-0").entry(BY_KEY).dead_letters(&letters.name)).await?;
    let read = letters.read(produced.len(), PATIENCE).await?;
    for (offset, (rejected, letter)) in produced.iter().zip(&read).enumerate() {
        let message = &rejected.message;
        ensure!((&letter.key, &letter.value) == (&message.key, &message.value), "key or value of {offset}");
        let (own, ours) = letter.headers.split_at(message.headers.len());
        ensure!(own == message.headers, "own headers of {offset}: {own:?}");
        let text = |value: &Option<Vec<u8>>| {
            String::from_utf8_lossy(value.as_deref().unwrap_or_default()).into_owned()
        };
        let ours: Vec<(&str, String)> =
            ours.iter().map(|(name, value)| (name.as_str(), text(value))).collect();
        let expected = [
            ("sink.error.id", format!("{}/0/{offset}", world.topic.name)),
            ("sink.error.topic", world.topic.name.clone()),
            ("sink.error.partition", "0".to_owned()),
            ("sink.error.offset", offset.to_string()),
            ("sink.error.timestamp", rejected.timestamp_ms.to_string()),
            ("sink.error.stage", "map".to_owned()),
            ("sink.error.reason", "the entry needs a key and the message has none".to_owned()),
            ("sink.error.attempts", "1".to_owned()),
            ("sink.error.group", world.topic.name.clone()),
            ("sink.error.version", env!("CARGO_PKG_VERSION").to_owned()),
        ];
        ensure!(ours == expected, "our headers of {offset}: {ours:?}");
    }
    world.wait_until_committed(5, PATIENCE).await?;
    ensure!(world.count_stored().await? == 0, "a rejected message was stored");
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn header_whose_name_is_no_text_ends_neither_the_member_nor_the_header() -> anyhow::Result<()> {
    let world = World::new("raw", 1).await?;
    let letters = world.dead_letter_topic().await?;
    let mut produced = world.topic.produce(keyed(0..10)).await?;
    let headers =
        [(b"a".to_vec(), b"1".to_vec()), (vec![0xFF, b'x'], b"lost?".to_vec()), (b"b".to_vec(), vec![0xFE])];
    let raw = RawMessage { value: b"raw".to_vec(), headers: headers.to_vec() };
    let offset = world.topic.produce_raw(&raw).await?;
    produced.extend(world.topic.produce(keyed(11..20)).await?);
    let mut member = world.start(&Spec::named("m-0").dead_letters(&letters.name)).await?;
    let letter = letters.read(1, PATIENCE).await?.pop().context("read the letter")?;
    ensure!(letter.value.as_deref() == Some(b"raw"), "{letter:?}");
    ensure!(letter.header("sink.error.reason") == Some(b"the name of a header is not UTF-8"), "{letter:?}");
    ensure!(letter.header("a") == Some(b"1") && letter.header("b") == Some(&[0xFE]), "{letter:?}");
    ensure!(letter.headers_count == letter.headers.len() + 1, "the header is not in the letter: {letter:?}");
    world.wait_until_committed(20, PATIENCE).await?;
    ensure!(offset == 10, "it lies at {offset}");
    expect_stored(&world, &produced).await?;
    let ended = member.stop(Signal::Terminate, PATIENCE)?;
    ensure!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    ended.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn letter_that_comes_twice_is_recognised() -> anyhow::Result<()> {
    let world = World::new("twice", 1).await?;
    let letters = world.dead_letter_topic().await?;
    let produced = world.topic.produce(keyless(0..30)).await?;
    let seldom = Spec::named("m-0").entry(BY_KEY).dead_letters(&letters.name);
    let seldom = seldom.replace("commitDelayMs: 500", "commitDelayMs: 60000");
    let mut member = world.start(&seldom).await?;
    letters.read(30, PATIENCE).await?;
    member.stop(Signal::Kill, PATIENCE)?;
    ensure!(world.topic.committed().await? == 0, "it was committed before it was killed");
    let mut again = world.start(&seldom).await?;
    let read = letters.read(60, PATIENCE).await?;
    ensure!(ids(&read)? == ids_of(&world.topic, &produced), "ids {:?}", ids(&read)?);
    again.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    world.wait_until_committed(30, PATIENCE).await
}

#[tokio::test(flavor = "multi_thread")]
async fn letter_too_large_for_its_topic_holds_the_partition_and_no_other_letter() -> anyhow::Result<()> {
    let world = World::new("large", 1).await?;
    let letters = world.dead_letter_topic().await?;
    letters.configure(&[("max.message.bytes", "2000")]).await?;
    let mut rejected = world.topic.produce(keyless(0..40)).await?;
    rejected.extend(world.topic.produce([Produce::value(vec![b'x'; 5_000])]).await?);
    rejected.extend(world.topic.produce(keyless(41..60)).await?);
    let stored = world.topic.produce(keyed(60..90)).await?;
    let mut member = world.start(&Spec::named("m-0").entry(BY_KEY).dead_letters(&letters.name)).await?;
    // Together they are larger than the topic takes, one by one they are not.
    letters.read(59, PATIENCE).await?;
    member.wait_for_line("raise max.message.bytes of the dead-letter topic", PATIENCE).await?;
    member.wait_for_metric("kafkasink_held_partitions 1", PATIENCE).await?;
    world.wait_until_stored(30, PATIENCE).await?;
    world.wait_until_committed(40, PATIENCE).await?;
    letters.configure(&[("max.message.bytes", "10000")]).await?;
    let read = letters.read(60, PATIENCE).await?;
    ensure!(ids(&read)? == ids_of(&world.topic, &rejected), "ids {:?}", ids(&read)?);
    world.wait_until_committed(90, PATIENCE).await?;
    member.wait_for_metric("kafkasink_held_partitions 0", PATIENCE).await?;
    expect_stored(&world, &stored).await?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_wait_for_a_topic_that_does_not_exist() -> anyhow::Result<()> {
    let world = World::new("nowhere", 1).await?;
    let name = format!("{}.dlq", world.topic.name);
    let rejected = world.topic.produce(keyless(0..20)).await?;
    let stored = world.topic.produce(keyed(20..40)).await?;
    let mut member = world.start(&Spec::named("m-0").entry(BY_KEY).dead_letters(&name)).await?;
    member.wait_for_line("create the dead-letter topic", PATIENCE).await?;
    member.wait_for_metric("kafkasink_held_partitions 1", PATIENCE).await?;
    let letters = world.create_topic(&name, 2).await?;
    let read = letters.read(20, PATIENCE).await?;
    ensure!(ids(&read)? == ids_of(&world.topic, &rejected), "ids {:?}", ids(&read)?);
    world.wait_until_committed(40, PATIENCE).await?;
    expect_stored(&world, &stored).await?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn flood_of_rejected_messages_holds_the_partition_until_the_mapping_is_mended() -> anyhow::Result<()> {
    let world = World::new("flood", 1).await?;
    let letters = world.dead_letter_topic().await?;
    let good = world.topic.produce(keyed(0..10)).await?;
    let rejected = world.topic.produce(keyless(10..310)).await?;
    let mut member = world.start(&Spec::named("m-0").entry(BY_KEY).dead_letters(&letters.name)).await?;
    member.wait_for_line("100 of the last 100 messages were rejected", PATIENCE).await?;
    member.wait_for_metric("kafkasink_held_partitions 1", PATIENCE).await?;
    world.wait_until_committed(109, PATIENCE).await?;
    ensure!(letters.offsets().await?.len() == 99, "{} letters", letters.offsets().await?.len());
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    let mut mended = world.start(&Spec::named("m-0").dead_letters(&letters.name)).await?;
    world.wait_until_stored(10 + 201, PATIENCE).await?;
    world.wait_until_committed(310, PATIENCE).await?;
    ensure!(letters.offsets().await?.len() == 99, "messages that fit the mapping became letters");
    let (lettered, stored) = rejected.split_at(99);
    ensure!(ids(&letters.read(99, PATIENCE).await?)? == ids_of(&world.topic, lettered), "other letters");
    let all = [good, stored.to_vec()].concat();
    expect_stored(&world, &all).await?;
    mended.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn partition_held_without_dead_letters_goes_on_when_the_mapping_is_mended() -> anyhow::Result<()> {
    let world = World::new("block", 2).await?;
    let mut produced = world.topic.produce(keyed(0..20).map(|message| message.on(0))).await?;
    produced.extend(world.topic.produce(keyless(20..21).map(|message| message.on(0))).await?);
    produced.extend(world.topic.produce(keyed(21..50).map(|message| message.on(0))).await?);
    produced.extend(world.topic.produce(keyed(50..90).map(|message| message.on(1))).await?);
    let mut member = world.start(&Spec::named("m-0").entry(BY_KEY)).await?;
    member.wait_for_line("a rejected message holds its partition", PATIENCE).await?;
    world.wait_until_committed(20 + 40, PATIENCE).await?;
    member.wait_for_metric("kafkasink_held_partitions 1", PATIENCE).await?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    let mut mended = world.start(&Spec::named("m-0")).await?;
    world.wait_until_committed(90, PATIENCE).await?;
    expect_stored(&world, &produced).await?;
    mended.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}
