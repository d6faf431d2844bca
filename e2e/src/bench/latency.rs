//! Time from a message's timestamp until the store shows it, at a steady and modest rate. IO: processes, Kafka, store.
//!
//! It is seen from outside, so that the sink is not its own witness: some of the messages are asked for at the store
//! again and again from their delivery to Kafka on, by a query for the one record. What is measured so is a few
//! milliseconds too long and never too short.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use jiff::Timestamp;
use rdkafka::producer::DeliveryFuture;
use reduct_rs::{Bucket as StoreBucket, ErrorCode};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::bucket::Bucket;
use super::case::{Case, LATENCY_BATCH_DELAY, Load};
use super::findings::Latency;
use super::row::Run;
use super::sampler::watch;
use super::samples;
use super::sink::Sink;
use super::stage::Stage;
use super::topic::Topic;

/// 500 messages a second.
const MESSAGE_EVERY: Duration = Duration::from_millis(2);
/// Messages of the first 5 seconds: the sink is still joining its group.
const WARM_UP: u64 = 2_500;
/// Of the others, one in so many is looked at: in turn of each partition, and few enough not to load the store.
const LOOK_AT_EVERY: u64 = 25;
/// Time between two looks at one message.
const GLANCE: Duration = Duration::from_millis(4);
/// Longest time that a message may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// A second record of one millisecond lies so many microseconds behind it at most.
const NEIGHBOURS: u64 = 100;

/// Lets a sink work at the rate and returns what it used and how long messages took.
pub(super) async fn measure(stage: &Stage, load: Load) -> anyhow::Result<(Run, Latency)> {
    let topic = Topic::create(&stage.bootstrap).await?;
    let bucket = Bucket::create(stage).await?;
    let mut sinks = [Sink::start(stage, 0, &topic, &bucket, Some(LATENCY_BATCH_DELAY))?];
    let working = watch(stage, &mut sinks, load.messages);
    let store_bucket = Arc::new(stage.client.get_bucket(&bucket.name).await?);
    let (samples, delays) = tokio::try_join!(working, flow(&topic, &store_bucket, load))?;
    let [mut sink] = sinks;
    let metrics = sink.metrics().await?.context("ask the sink for its histogram")?;
    sink.stop().await?;
    bucket.expect_records(load.messages).await.context("latency")?;
    bucket.remove(stage).await?;
    topic.delete().await?;
    let run = samples::run(&samples, Case::Latency, load).context("find the end of the run")?;
    let share = metrics.share_within("kafkasink_end_to_end_seconds", "0.25");
    Ok((run, Latency::of(delays, share).context("no message was looked at")?))
}

/// Produces at the rate and returns what the looks at some messages found, in milliseconds.
async fn flow(topic: &Topic, bucket: &Arc<StoreBucket>, load: Load) -> anyhow::Result<Vec<f64>> {
    let sender = topic.sender(load.message_bytes)?;
    let mut ticks = interval(MESSAGE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut looks = JoinSet::new();
    for number in 0..load.messages {
        ticks.tick().await;
        let timestamp_ms = Timestamp::now().as_millisecond();
        let delivery = sender.send(number, timestamp_ms)?;
        if number >= WARM_UP && number % LOOK_AT_EVERY == 0 {
            looks.spawn(look(Arc::clone(bucket), topic.name.clone(), delivery, timestamp_ms));
        }
    }
    looks.join_all().await.into_iter().collect()
}

/// Looks for one message until the store shows it, and returns the milliseconds since its timestamp.
async fn look(
    bucket: Arc<StoreBucket>,
    topic: String,
    delivery: DeliveryFuture,
    timestamp_ms: i64,
) -> anyhow::Result<f64> {
    let delivered = delivery.await?.map_err(|(error, _)| error)?;
    let (entry, offset) = (format!("{topic}/{}", delivered.partition), delivered.offset.to_string());
    let first = timestamp_ms.unsigned_abs() * 1_000;
    let mut place = first;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let head = bucket.read_record(&entry).timestamp_us(place).head_only(true).send().await;
        match head {
            Ok(record) if record.labels().get("kafka_offset") == Some(&offset) => {
                let taken = Timestamp::now().as_microsecond() - timestamp_ms * 1_000;
                return Ok(Duration::from_micros(u64::try_from(taken)?).as_secs_f64() * 1e3);
            }
            // Another message of its millisecond: ours is behind it.
            Ok(_) => place += 1,
            Err(error) if matches!(error.status(), ErrorCode::NotFound | ErrorCode::TooEarly) => {
                sleep(GLANCE).await;
            }
            Err(error) => return Err(error).context("look for a message"),
        }
        ensure!(place - first < NEIGHBOURS, "message {offset} of {entry} is not in its millisecond");
        ensure!(Instant::now() < deadline, "message {offset} of {entry} is not stored after {PATIENCE:?}");
    }
}
