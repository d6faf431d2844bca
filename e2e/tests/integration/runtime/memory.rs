//! Memory: the limit of a container holds whatever happens, and a member without one stays small. IO: processes, cgroups.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use kafkasink_e2e::trial::checker::Stored;
use kafkasink_e2e::trial::messages::compressible;
use kafkasink_e2e::trial::{Member, Produce, Produced, Signal, Spec, World};
use tokio::time::{Instant, sleep};

use crate::runtime::PATIENCE;
use crate::runtime::cgroup::Cgroup;
use crate::tap::Tap;

const MIB: u64 = 1024 * 1024;

/// Seconds that the store stands still; `make freeze` takes ten minutes.
const FREEZE_SECONDS: &str = "KAFKASINK_TEST_FREEZE_SECONDS";
const FREEZE_SECONDS_DEFAULT: u64 = 40;

/// Largest message of a topic that says nothing else.
const MESSAGE_BYTES: &str = "1048588";

/// Messages of each partition in the test of the frozen store, and their size.
const FROZEN_MESSAGES: u64 = 20;
const FROZEN_BYTES: usize = 1_000_000;

/// Messages of 100 KB in the test of compressed batches, twice as much as its limit.
const INFLATED_MESSAGES: u64 = 2_560;

/// Most times that the load is produced until memory runs short, 50 MB each.
const LOAD_ROUNDS_MAX: u32 = 40;

/// What a member may take with eight partitions and default settings is 128 MiB; of these, 16 are for the program as it
/// is released. The one that is tested here is larger, so its own pages are left out.
const ANONYMOUS_MAX: u64 = (128 - 16) * MIB;

#[tokio::test(flavor = "multi_thread")]
async fn frozen_store_and_64_partitions_of_large_messages_stay_inside_the_limit() -> anyhow::Result<()> {
    let Some(cgroup) = Cgroup::limited(256 * MIB)? else { return Ok(()) };
    let world = world("frozen", 64).await?;
    let mut load = Load::default();
    load.produce(&world, 64 * FROZEN_MESSAGES, |number| filled(number, FROZEN_BYTES)).await?;
    let tap = Tap::before(&world.store().url).await?;
    let mut member = world.start(&Spec::named("m-0").store(&tap.url).cgroup(cgroup.processes())).await?;
    world.wait_until_stored(64, PATIENCE).await?;
    tap.shut();
    let end = Instant::now() + freeze()?;
    while Instant::now() < end {
        ensure!(member.status("/livez").await? == 200, "a member that waits for its store is not alive");
        cgroup.expect_no_kill()?;
        sleep(Duration::from_secs(1)).await;
    }
    tap.open();
    world.wait_until_stored(load.messages(), PATIENCE).await?;
    load.expect_stored_once(&world).await?;
    cgroup.expect_no_kill()?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_partitions_at_full_speed_take_less_than_128_mib() -> anyhow::Result<()> {
    for (bytes, messages) in [(100_000, 3_000), (900_000, 400)] {
        let world = world("full", 8).await?;
        let mut load = Load::default();
        load.produce(&world, messages, |number| filled(number, bytes)).await?;
        let mut member = world.start(&Spec::named("m-0")).await?;
        world.wait_until_stored(load.messages(), PATIENCE).await?;
        let anonymous = member.anonymous_bytes_max()?;
        ensure!(anonymous < ANONYMOUS_MAX, "{} MiB with messages of {bytes} bytes", anonymous / MIB);
        member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    }
    Ok(())
}

/// Each small message that is left in a queue keeps the whole response alive that brought it.
#[tokio::test(flavor = "multi_thread")]
async fn held_partition_does_not_keep_what_the_others_have_read() -> anyhow::Result<()> {
    let Some(cgroup) = Cgroup::limited(96 * MIB)? else { return Ok(()) };
    let world = world("pinned", 8).await?;
    let keyed = |number| filled(number, 100_000).key(b"k1");
    // Nothing but the first message of partition 0, which has no key, holds it.
    world.topic.produce([Produce::value("no key").on(0)]).await?;
    let spec = Spec::named("m-0").entry("{key}/{partition}").cgroup(cgroup.processes());
    let mut member = world.start(&spec).await?;
    member.wait_for_line("a rejected message holds its partition", PATIENCE).await?;
    // Its share is full after these: what comes later stays in the queue of the client.
    let share = member.logged("memory is shared out", "share_bytes")?;
    world.topic.produce((0..=share / 100_000).map(|number| keyed(number).on(0))).await?;
    let small = Produce::value("small").key(b"k1").on(0);
    let mut load = Load::default();
    tokio::select! {
        failed = world.topic.trickle(&small) => match failed? {},
        outcome = load.produce_until_short(&world, &member, keyed) => outcome?,
    }
    world.wait_until_stored(load.messages(), PATIENCE).await?;
    cgroup.expect_no_kill()?;
    load.expect_stored_once(&world).await?;
    ensure!(member.status("/livez").await? == 200, "a held partition is no reason to be killed");
    ensure!(member.status("/readyz").await? == 200, "a held partition is no reason to hold up a rollout");
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

/// Kafka counts what travels, memory holds what that inflates to: here ten times as much, of all partitions more than the
/// limit, while the store says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn compressed_batches_stay_inside_the_limit_where_they_are_inflated() -> anyhow::Result<()> {
    let Some(cgroup) = Cgroup::limited(128 * MIB)? else { return Ok(()) };
    let world = world("inflated", 16).await?;
    let mut load = Load::default();
    let (compressed, large) = (("compression.type", "lz4"), ("batch.size", "1000000"));
    for first in (0..INFLATED_MESSAGES).step_by(160) {
        let messages = (first..first + 160).map(|number| compressible(number, 100_000));
        load.note(world.topic.produce_with(&[compressed, large, ("linger.ms", "1000")], messages).await?);
    }
    let tap = Tap::before(&world.store().url).await?;
    let mut member = world.start(&Spec::named("m-0").store(&tap.url).cgroup(cgroup.processes())).await?;
    world.wait_until_stored(1, PATIENCE).await?;
    tap.shut();
    member.wait_for_line("memory runs short", PATIENCE).await?;
    tap.open();
    world.wait_until_stored(load.messages(), PATIENCE).await?;
    load.expect_stored_once(&world).await?;
    cgroup.expect_no_kill()?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn limit_that_cannot_work_is_refused_with_the_arithmetic() -> anyhow::Result<()> {
    let Some(cgroup) = Cgroup::limited(48 * MIB)? else { return Ok(()) };
    let world = World::new("small", 8).await?;
    let ended = world.run_to_the_end(&Spec::named("m-0").cgroup(cgroup.processes()))?;
    ensure!(ended.code == Some(2), "{ended:?}");
    let line = ended.stderr.lines().last().context("read the refusal")?;
    let begin = "kafkasink-runtime: the memory limit of 48 MiB is too small for 8 partitions with messages of up to 4194304 bytes: ";
    ensure!(line.starts_with(begin) && line.ends_with("raise workload.resources.limits.memory"), "{line}");
    Ok(())
}

/// Returns a world whose topic takes messages of the usual size.
async fn world(name: &str, partitions: i32) -> anyhow::Result<World> {
    let world = World::new(name, partitions).await?;
    world.topic.configure(&[("max.message.bytes", MESSAGE_BYTES)]).await?;
    Ok(world)
}

/// Messages that are not kept: each is known by its number, from which its value follows.
#[derive(Default)]
struct Load {
    values: HashMap<(i32, i64), Fingerprint>,
    messages: usize,
}

impl Load {
    /// Produces numbered messages, a few at a time.
    async fn produce(
        &mut self,
        world: &World,
        messages: u64,
        message: impl Fn(u64) -> Produce,
    ) -> anyhow::Result<()> {
        for first in (0..messages).step_by(64) {
            let numbers = first..messages.min(first + 64);
            self.note(world.topic.produce(numbers.map(&message)).await?);
        }
        Ok(())
    }

    fn note(&mut self, produced: Vec<Produced>) {
        for Produced { message, partition, offset, .. } in produced {
            self.values.insert((partition, offset), fingerprint(&message.value.unwrap_or_default()));
            self.messages += 1;
        }
    }

    /// Produces to all partitions but the first until memory runs short.
    async fn produce_until_short(
        &mut self,
        world: &World,
        member: &Member,
        message: impl Fn(u64) -> Produce,
    ) -> anyhow::Result<()> {
        let on_another = |number| message(number).on(1 + i32::try_from(number % 7).unwrap_or(0));
        // A full batch has a response for itself, beside which nothing small is left.
        let alone = [("batch.num.messages", "1")];
        let mut rounds = 0;
        while !member.stderr()?.contains("memory runs short") {
            ensure!(rounds < LOAD_ROUNDS_MAX, "memory never ran short, nothing was tested");
            self.note(world.topic.produce_with(&alone, (0..500).map(on_another)).await?);
            rounds += 1;
        }
        Ok(())
    }

    fn messages(&self) -> usize {
        self.messages
    }

    /// Fails unless every message is stored exactly once, byte for byte.
    async fn expect_stored_once(mut self, world: &World) -> anyhow::Result<()> {
        let partitions: BTreeSet<i32> = self.values.keys().map(|(partition, _)| *partition).collect();
        for partition in partitions {
            let mut records = Vec::new();
            world.visit(partition, |record| records.push(record)).await?;
            for record in &records {
                self.take(record)?;
            }
        }
        ensure!(self.values.is_empty(), "{} messages are missing", self.values.len());
        Ok(())
    }

    fn take(&mut self, record: &Stored) -> anyhow::Result<()> {
        let offset = record.labels.get("kafka_offset").context("read a record without an offset")?;
        let at = (record.partition, offset.parse()?);
        let value = self.values.remove(&at).with_context(|| format!("{at:?} is stored twice"))?;
        ensure!(value == fingerprint(&record.body), "the body of {at:?} differs");
        Ok(())
    }
}

/// Returns a message that begins with its number.
fn filled(number: u64, bytes: usize) -> Produce {
    let mut value = number.to_be_bytes().repeat(bytes / 8 + 1);
    value.truncate(bytes);
    Produce::value(value)
}

/// Length and hash of a value.
type Fingerprint = (usize, u64);

/// Returns what tells a value from others, so that the value need not be kept.
fn fingerprint(value: &[u8]) -> Fingerprint {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    (value.len(), hasher.finish())
}

fn freeze() -> anyhow::Result<Duration> {
    let seconds = match std::env::var_os(FREEZE_SECONDS) {
        Some(text) => text.to_str().and_then(|text| text.parse().ok()).context(FREEZE_SECONDS)?,
        None => FREEZE_SECONDS_DEFAULT,
    };
    Ok(Duration::from_secs(seconds))
}
