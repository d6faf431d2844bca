//! A topic that is deleted, created again and filled beyond the old position, under a consumer. IO: Kafka.
//!
//! The real library's order of events is what matters: the line about the new id must come before its messages.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use kafkasink_e2e::lab::ensure;
use kafkasink_kafka_ffi::LogQueue;
use kafkasink_runtime::kafka::ReplacedTopics;
use kafkasink_runtime::record::Topic;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use tokio::time::{Instant, interval};
use uuid::Uuid;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often the brokers are asked to create a topic whose name is not free yet.
const GLANCE: Duration = Duration::from_millis(20);

struct World {
    topic: Topic,
    admin: AdminClient<DefaultClientContext>,
    producer: BaseProducer,
    consumer: Arc<BaseConsumer>,
    queue: PartitionQueue<DefaultConsumerContext>,
    log: LogQueue<DefaultConsumerContext>,
    replaced: ReplacedTopics,
    /// The library was told that the topic does not exist.
    has_missed: Cell<bool>,
}

impl World {
    /// Creates the topic and a consumer that reads it from its beginning.
    async fn new() -> anyhow::Result<Self> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", ensure::kafka().await?.bootstrap);
        let topic = Topic::new(&format!("replaced.{}", Uuid::new_v4().simple()));
        let (admin, producer) = (config.create()?, config.create()?);
        create(&admin, &topic).await?;
        config.set("group.id", topic.as_str()).set("auto.offset.reset", "error");
        ReplacedTopics::watch(&mut config);
        let consumer: Arc<BaseConsumer> = Arc::new(config.create()?);
        let log = LogQueue::take(Arc::clone(&consumer))?;
        let mut start = TopicPartitionList::new();
        start.add_partition_offset(topic.as_str(), 0, Offset::Offset(0))?;
        let queue = consumer.split_partition_queue(topic.as_str(), 0).context("split the queue off")?;
        consumer.assign(&start)?;
        let (replaced, has_missed) = (ReplacedTopics::default(), Cell::new(false));
        Ok(Self { topic, admin, producer, consumer, queue, log, replaced, has_missed })
    }

    fn produce(&self, count: usize, value: &str) -> anyhow::Result<()> {
        for _ in 0..count {
            let record = BaseRecord::<(), str>::to(self.topic.as_str()).partition(0).payload(value);
            self.producer.send(record).map_err(|(error, _)| error)?;
        }
        Ok(self.producer.flush(PATIENCE)?)
    }

    /// Takes the next message's value from the partition's queue, and then all of the log.
    fn take(&self) -> anyhow::Result<Option<Vec<u8>>> {
        let message = self.queue.poll(Duration::from_millis(50));
        let value = message.transpose()?.map(|message| message.payload().unwrap_or_default().to_vec());
        self.log.drain(|_level, facility, line| {
            self.replaced.note(facility, line);
            self.has_missed.set(self.has_missed.get() || line.contains("Error in metadata reply for topic"));
        });
        self.consumer.poll(Duration::ZERO).transpose()?;
        Ok(value)
    }

    fn take_until(&self, is_wanted: impl Fn(&[u8]) -> bool) -> anyhow::Result<Vec<u8>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(value) = self.take()?.filter(|value| is_wanted(value)) {
                return Ok(value);
            }
            ensure!(Instant::now() < deadline, "the message did not come");
        }
    }

    fn replaced(&self) -> Vec<Topic> {
        self.replaced.take().into_keys().collect()
    }
}

async fn create(admin: &AdminClient<DefaultClientContext>, topic: &Topic) -> anyhow::Result<()> {
    let new = NewTopic::new(topic.as_str(), 1, TopicReplication::Fixed(1));
    let (deadline, mut glances) = (Instant::now() + PATIENCE, interval(GLANCE));
    while !admin.create_topics([&new], &AdminOptions::new()).await?.iter().all(Result::is_ok) {
        ensure!(Instant::now() < deadline, "{topic} cannot be created");
        glances.tick().await;
    }
    Ok(())
}

async fn check(rest_after_deletion: impl FnOnce(&World) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let world = World::new().await?;
    world.produce(10, "old")?;
    world.produce(1, "last of the old")?;
    world.take_until(|value| value == b"last of the old")?;
    ensure!(world.replaced().is_empty(), "a topic that is seen first is not replaced");
    world.admin.delete_topics(&[world.topic.as_str()], &AdminOptions::new()).await?;
    rest_after_deletion(&world)?;
    create(&world.admin, &world.topic).await?;
    world.produce(100, "new")?;
    world.take_until(|value| value == b"new")?;
    ensure!(world.replaced() == std::slice::from_ref(&world.topic), "its messages came before its id");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn replacement_is_known_before_its_first_message_is_handed_on() -> anyhow::Result<()> {
    check(|_world| Ok(())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn replacement_is_known_also_when_the_topic_was_missed_for_a_while() -> anyhow::Result<()> {
    check(|world| {
        let deadline = Instant::now() + PATIENCE;
        while !world.has_missed.get() {
            ensure!(world.take()?.is_none(), "a deleted topic has messages");
            ensure!(Instant::now() < deadline, "the topic is not missed");
        }
        Ok(())
    })
    .await
}
