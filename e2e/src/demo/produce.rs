//! IO: Kafka, clock. Produces a workload and remembers which message got which offset.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use tokio::time::{MissedTickBehavior, interval};

use super::compare::Produced;
use super::workload::{Message, Sent, Workload};

/// Messages whose delivery is awaited at one time.
const IN_FLIGHT_MAX: usize = 500;

/// Longest wait for the broker to take one message.
const DELIVERY_TIMEOUT: Duration = Duration::from_mins(1);

/// Returns a producer that neither loses, doubles nor reorders what it is given.
///
/// # Errors
/// `bootstrap` is not a list of `host:port`.
pub fn producer(bootstrap: &str) -> Result<FutureProducer> {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("enable.idempotence", "true")
        .set("message.max.bytes", "2000000")
        .set("linger.ms", "5")
        .create()
        .context("create a producer")
}

/// Returns the time that a first message bears.
///
/// # Errors
/// The clock stands before 1970.
#[expect(clippy::disallowed_methods, reason = "the demo is the producer: its messages carry the real time")]
pub fn now_ms() -> Result<u64> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).context("read the clock")?;
    u64::try_from(since.as_millis()).context("read the clock")
}

/// Returns the messages of the first act, each when it is due.
///
/// Must be polled inside a tokio runtime.
pub fn first_act(workload: &Workload, start_ms: u64) -> impl Stream<Item = Sent> {
    let count = usize::try_from(workload.messages).unwrap_or(usize::MAX);
    due(0, start_ms, workload.pace_ms).take(count)
}

/// Returns the messages of the second act, each when it is due, until `end`.
///
/// Must be polled inside a tokio runtime.
pub fn second_act(workload: &Workload, start_ms: u64, end: impl Future) -> impl Stream<Item = Sent> {
    due(workload.messages, start_ms, workload.second_pace_ms).take_until(end)
}

/// Produces messages of `workload`; `tell` is called with the partition and offset of each delivered one.
///
/// # Errors
/// A message was not taken within a minute.
pub async fn produce(
    producer: &FutureProducer,
    workload: &Workload,
    messages: impl Stream<Item = Sent>,
    tell: impl Fn(i32, i64),
) -> Result<Produced> {
    let deliveries = messages
        .map(|sent| async move {
            let place = send(producer, workload.name, &workload.message(sent)).await;
            place.map(|place| (place, sent)).with_context(|| format!("produce message {}", sent.index))
        })
        .buffered(IN_FLIGHT_MAX);
    deliveries.inspect_ok(|((partition, offset), _)| tell(*partition, *offset)).try_collect().await
}

/// Messages from number `first` on, whose own time and whose turn come every `pace_ms`.
fn due(first: u64, start_ms: u64, pace_ms: u64) -> impl Stream<Item = Sent> {
    let mut ticker = interval(Duration::from_millis(pace_ms));
    // Behind the pace, for a slow broker, is caught up with at once: the messages' own times stand still for nobody.
    ticker.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let first = Sent { index: first, timestamp_ms: start_ms };
    stream::unfold((ticker, first), move |(mut ticker, sent)| async move {
        ticker.tick().await;
        let next = Sent { index: sent.index + 1, timestamp_ms: sent.timestamp_ms + pace_ms };
        Some((sent, (ticker, next)))
    })
}

async fn send(producer: &FutureProducer, topic: &str, message: &Message) -> Result<(i32, i64)> {
    let headers = message.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
        headers.insert(Header { key, value: Some(value) })
    });
    let record = FutureRecord::<(), _>::to(topic)
        .partition(message.partition)
        .timestamp(i64::try_from(message.timestamp_ms)?)
        .headers(headers)
        .payload(message.value.as_ref());
    let delivery = producer.send(record, Timeout::After(DELIVERY_TIMEOUT)).await;
    let delivery = delivery.map_err(|(error, _)| error)?;
    Ok((delivery.partition, delivery.offset))
}
