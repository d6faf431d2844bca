//! Messages of any bytes, through the real broker and the real store, and read back both ways there are. IO: processes,
//! Kafka, store.

use anyhow::{Context as _, ensure};
use kafkasink_e2e::trial::{Produce, Signal, Spec, World, checker};
use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};

use crate::broker::PATIENCE;

const MESSAGES: usize = 2_000;

/// Names that meet each other and those of the sink.
const NAMES: [&str; 14] = [
    "a",
    "A",
    "a.2",
    "a.3",
    "site",
    "SITE",
    "header_site",
    "kafka_offset",
    "Kafka offset",
    "kafka_empty",
    "42",
    "",
    "ü",
    "@x",
];

#[tokio::test(flavor = "multi_thread")]
async fn any_message_is_stored_and_can_be_read_in_a_range_and_alone() -> anyhow::Result<()> {
    let seed: u64 = rand::random();
    let outcome = store_anything(seed).await;
    outcome.with_context(|| format!("the messages are those of store_anything({seed})"))
}

async fn store_anything(seed: u64) -> anyhow::Result<()> {
    let world = World::new("anything", 4).await?;
    let mut random = SmallRng::seed_from_u64(seed);
    let messages: Vec<Produce> = (0..MESSAGES).map(|_| anything(&mut random)).collect();
    let produced = world.topic.produce(messages).await?;
    let mut member = world.start(&Spec::named("m-0")).await?;
    let stored = world.wait_for(&produced, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    // The store has another way to write and read heads for a record alone, which ends it at what it does not expect.
    for record in &stored {
        let alone = world.read_alone(record).await?;
        ensure!(alone == *record, "read {alone:?} alone and {record:?} in a range");
    }
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

fn anything(random: &mut SmallRng) -> Produce {
    let key = random.random_bool(0.7).then(|| bytes(random, 24));
    let value = random.random_bool(0.9).then(|| bytes(random, 64));
    let headers = (0..random.random_range(0..8))
        .map(|_| (name(random), random.random_bool(0.8).then(|| bytes(random, 24))));
    Produce { key, value, headers: headers.collect(), ..Produce::default() }
}

fn name(random: &mut SmallRng) -> String {
    if random.random_bool(0.6) {
        return NAMES.get(random.random_range(0..NAMES.len())).copied().unwrap_or_default().to_owned();
    }
    let length = random.random_range(0..12);
    // The client library ends a name at a NUL.
    (0..length).map(|_| char::from_u32(random.random_range(1..0x3000)).unwrap_or('_')).collect()
}

/// Any bytes, or those that the store's heads are made of.
fn bytes(random: &mut impl Rng, longest: usize) -> Vec<u8> {
    let length = random.random_range(0..longest);
    let delimiters = b" ,\"%=;\t\n\r0Az";
    let is_any = random.random_bool(0.5);
    let byte = |_| match delimiters.get(random.random_range(0..delimiters.len())) {
        Some(delimiter) if !is_any => *delimiter,
        _ => random.random(),
    };
    (0..length).map(byte).collect()
}
