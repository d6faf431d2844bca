//! A topic: created, filled before anything is measured, deleted. IO: Kafka.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use rand::RngExt as _;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord};
use uuid::Uuid;

use super::case::{Load, PARTITIONS};

/// Longest wait for an answer of the broker.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Random bytes of which every message is a part: what is stored must not compress.
const NOISE_BYTES: usize = 2 << 20;
/// Most bytes of messages that are on their way to the broker, and most messages.
const ON_THE_WAY: (usize, usize) = (64 << 20, 20_000);

/// A topic of a random name with the usual number of partitions.
pub(super) struct Topic {
    pub(super) name: String,
    bootstrap: String,
}

/// Sends messages to a topic, in turn to each of its partitions.
pub(super) struct Sender {
    producer: FutureProducer,
    topic: String,
    noise: Vec<u8>,
    message_bytes: usize,
}

impl Topic {
    /// Creates an empty topic.
    pub(super) async fn create(bootstrap: &str) -> anyhow::Result<Self> {
        // Without a dot: one contender takes the topic's name for the entry's.
        let name = format!("bench-{}", Uuid::new_v4().simple());
        let topic = NewTopic::new(&name, PARTITIONS, TopicReplication::Fixed(1));
        let created = admin(bootstrap)?.create_topics([&topic], &AdminOptions::new()).await?;
        ensure!(created.iter().all(Result::is_ok), "cannot create {name}: {created:?}");
        Ok(Self { name, bootstrap: bootstrap.to_owned() })
    }

    /// Creates a topic and fills it.
    pub(super) async fn filled(bootstrap: &str, load: Load) -> anyhow::Result<Self> {
        let topic = Self::create(bootstrap).await?;
        let sender = topic.sender(load.message_bytes)?;
        let at_once = (ON_THE_WAY.0 / load.message_bytes).min(ON_THE_WAY.1);
        let sent = stream::iter(0..load.messages)
            .map(|number| {
                let sent = sender.send(number, Timestamp::now().as_millisecond());
                async { sent?.await?.map(drop).map_err(|(error, _)| anyhow::Error::from(error)) }
            })
            .buffer_unordered(at_once)
            .try_for_each(|()| async { Ok(()) });
        sent.await.with_context(|| format!("fill {}", topic.name))?;
        let held = topic.count().await?;
        ensure!(held == load.messages, "{} holds {held} of {} messages", topic.name, load.messages);
        Ok(topic)
    }

    /// Returns what sends messages of a size.
    pub(super) fn sender(&self, message_bytes: usize) -> anyhow::Result<Sender> {
        let mut noise = vec![0; NOISE_BYTES + message_bytes];
        rand::rng().fill(noise.as_mut_slice());
        let mut config = config(&self.bootstrap);
        config.set("linger.ms", "2").set("acks", "all").set("enable.idempotence", "true");
        Ok(Sender { producer: config.create()?, topic: self.name.clone(), noise, message_bytes })
    }

    /// Deletes the topic.
    pub(super) async fn delete(self) -> anyhow::Result<()> {
        let deleted = admin(&self.bootstrap)?.delete_topics(&[&self.name], &AdminOptions::new()).await?;
        ensure!(deleted.iter().all(Result::is_ok), "cannot delete {}: {deleted:?}", self.name);
        Ok(())
    }

    async fn count(&self) -> anyhow::Result<u64> {
        let consumer: BaseConsumer = config(&self.bootstrap).create()?;
        let name = self.name.clone();
        let ends = move || -> Result<Vec<(i64, i64)>, _> {
            (0..PARTITIONS).map(|partition| consumer.fetch_watermarks(&name, partition, TIMEOUT)).collect()
        };
        let offsets = tokio::task::spawn_blocking(ends).await??;
        Ok(u64::try_from(offsets.into_iter().map(|(low, high)| high - low).sum::<i64>())?)
    }
}

impl Sender {
    /// Sends a message and returns what waits for its delivery.
    pub(super) fn send(&self, number: u64, timestamp_ms: i64) -> anyhow::Result<DeliveryFuture> {
        let start = usize::try_from(number.wrapping_mul(4_093) % NOISE_BYTES as u64)?;
        let value = self.noise.get(start..start + self.message_bytes).context("cut a message")?;
        let partition = i32::try_from(number % u64::from(PARTITIONS.unsigned_abs()))?;
        let record = FutureRecord::<(), [u8]>::to(&self.topic).partition(partition);
        let record = record.timestamp(timestamp_ms).payload(value);
        self.producer.send_result(record).map_err(|(error, _)| error.into())
    }
}

fn admin(bootstrap: &str) -> anyhow::Result<AdminClient<DefaultClientContext>> {
    Ok(config(bootstrap).create()?)
}

fn config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    config
}
