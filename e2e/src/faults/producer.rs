//! Produces a run's messages until it is told to stop. IO: Kafka.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{
    BaseRecord, DeliveryResult, NoCustomPartitioner, Producer as _, ProducerContext, ThreadedProducer,
};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::scenario::Load;
use super::workload::Workload;
use crate::trial::{Produce, Topic};

/// Under full load so many messages wait for the sink at most: some seconds' work, so that a run does not produce for
/// hours what it consumes in minutes.
const BACKLOG_MAX: u64 = 20_000;
/// Messages that are sent without a look at the backlog.
const BURST: u64 = 1_000;
/// How often the backlog is looked at while it is too long.
const GLANCE: Duration = Duration::from_millis(500);
/// Longest wait for the broker to take what was sent; it may have been killed just now.
const FLUSH_TIMEOUT: Duration = Duration::from_mins(2);

/// A production under way.
pub struct Production {
    stop: Arc<AtomicBool>,
    task: JoinHandle<anyhow::Result<u64>>,
}

/// Counts what the broker answered.
#[derive(Clone, Default)]
struct Deliveries {
    taken: Arc<AtomicU64>,
    failed: Arc<AtomicU64>,
}

impl ClientContext for Deliveries {}

impl ProducerContext<NoCustomPartitioner> for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let counter = if result.is_ok() { &self.taken } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Production {
    /// Begins to produce into a topic.
    #[must_use]
    pub fn start(bootstrap: String, topic: Topic, workload: Workload, load: Load) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        Self { stop, task: tokio::spawn(produce(bootstrap, topic, workload, load, stopped)) }
    }

    /// Ends the production, waits until the broker has taken everything, and returns how many messages there are.
    ///
    /// # Errors
    /// The broker refused a message, or does not take it.
    pub async fn finish(self) -> anyhow::Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.context("produce")?
    }
}

async fn produce(
    bootstrap: String,
    topic: Topic,
    workload: Workload,
    load: Load,
    stop: Arc<AtomicBool>,
) -> anyhow::Result<u64> {
    let deliveries = Deliveries::default();
    let producers = [producer(&bootstrap, &deliveries)?, producer(&bootstrap, &deliveries)?];
    let mut number = 0;
    let mut pace = Pace::new(load);
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..pace.next(&topic, number, &stop).await {
            let [first, second] = &producers;
            let producer = if workload.is_second_producers(number) { second } else { first };
            send(producer, &topic.name, &workload, number).await?;
            number += 1;
        }
    }
    for producer in producers {
        tokio::task::spawn_blocking(move || producer.flush(FLUSH_TIMEOUT)).await?.context("flush")?;
    }
    let (taken, failed) =
        (deliveries.taken.load(Ordering::Relaxed), deliveries.failed.load(Ordering::Relaxed));
    ensure!(
        failed == 0 && taken == number,
        "of {number} messages the broker took {taken} and refused {failed}"
    );
    let there = topic.end().await.context("ask how many messages there are")?;
    ensure!(u64::try_from(there) == Ok(number), "of {number} messages the broker took, it holds {there}");
    Ok(number)
}

/// Says how many messages may be sent next.
struct Pace {
    load: Load,
    ticks: tokio::time::Interval,
}

impl Pace {
    fn new(load: Load) -> Self {
        let period = match load {
            Load::Full => GLANCE,
            Load::PerSecond(rate) => Duration::from_secs(1) / rate,
        };
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        Self { load, ticks }
    }

    async fn next(&mut self, topic: &Topic, sent: u64, stop: &AtomicBool) -> u64 {
        if matches!(self.load, Load::PerSecond(_)) {
            self.ticks.tick().await;
            return 1;
        }
        while !stop.load(Ordering::Relaxed) {
            // A broker that was killed says nothing: what is committed is then asked again.
            let committed = topic.committed().await.ok().and_then(|offsets| u64::try_from(offsets).ok());
            if committed.is_some_and(|committed| sent.saturating_sub(committed) < BACKLOG_MAX) {
                return BURST;
            }
            self.ticks.tick().await;
        }
        0
    }
}

fn producer(bootstrap: &str, deliveries: &Deliveries) -> anyhow::Result<ThreadedProducer<Deliveries>> {
    let mut config = ClientConfig::new();
    // Tried for ever and taken once: the topic holds each message once, whatever happens to the broker.
    config.set("bootstrap.servers", bootstrap).set("enable.idempotence", "true");
    config.set("message.timeout.ms", "0").set("linger.ms", "10").set("log_level", "0");
    // With more, the second request may be the first that a new partition takes; the first is then a duplicate to the
    // broker, which drops it, and delivered to the client (seen with Kafka 4.3.1 and librdkafka 2.12).
    config.set("max.in.flight.requests.per.connection", "1");
    config.create_with_context(deliveries.clone()).context("create a producer")
}

async fn send(
    producer: &ThreadedProducer<Deliveries>,
    topic: &str,
    workload: &Workload,
    number: u64,
) -> anyhow::Result<()> {
    let message = workload.message(number);
    let now_ms = jiff::Timestamp::now().as_millisecond();
    loop {
        let mut record = BaseRecord::<[u8], [u8]>::to(topic)
            .partition(workload.partition(number))
            .timestamp(workload.timestamp_ms(number, now_ms))
            .headers(headers(&message));
        record.payload = message.value.as_deref();
        match producer.send(record) {
            Ok(()) => return Ok(()),
            // The broker is away: the queue empties when it is back.
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                tokio::time::sleep(GLANCE).await;
            }
            Err((error, _)) => return Err(error).with_context(|| format!("send message {number}")),
        }
    }
}

fn headers(message: &Produce) -> OwnedHeaders {
    message.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
        headers.insert(Header { key, value: value.as_deref() })
    })
}
