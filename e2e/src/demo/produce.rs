//! IO: Kafka. Produces a workload and remembers which message got which offset.

use std::time::Duration;

use anyhow::{Context, Result};
use futures::stream::{self, StreamExt, TryStreamExt};
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use tokio::time::{MissedTickBehavior, interval};

use super::compare::Produced;
use super::workload::{Message, Workload};

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

/// Produces all messages of `workload` at its pace; `tell` is called with the number of delivered ones.
///
/// # Errors
/// A message was not taken within a minute.
pub async fn produce(
    producer: &FutureProducer,
    workload: &Workload,
    start_ms: u64,
    tell: impl Fn(u64),
) -> Result<Produced> {
    let mut ticker = interval(Duration::from_millis(workload.pace_ms));
    // Behind the pace, for a slow broker, is caught up with at once: the messages' own times stand still for nobody.
    ticker.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let ticks = stream::unfold((ticker, 0), |(mut ticker, index)| async move {
        ticker.tick().await;
        Some((index, (ticker, index + 1)))
    });
    let count = usize::try_from(workload.messages).context("count the messages")?;
    let deliveries = ticks
        .take(count)
        .map(|index| async move {
            let place = send(producer, workload.name, &workload.message(index, start_ms)).await;
            place.map(|place| (place, index)).with_context(|| format!("produce message {index}"))
        })
        .buffered(IN_FLIGHT_MAX);
    let mut delivered = 0;
    let counted = deliveries.inspect_ok(|_| {
        delivered += 1;
        tell(delivered);
    });
    counted.try_collect().await
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
