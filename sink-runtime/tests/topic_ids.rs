//! What the real brokers tell of topics that are there, gone, and there again. IO: Kafka.

use std::time::Duration;

use anyhow::{bail, ensure};
use kafkasink_e2e::lab::ensure;
use kafkasink_runtime::kafka::{Sighting, topic_ids};
use kafkasink_runtime::record::{Topic, TopicId};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tokio::time::{Instant, interval};
use uuid::Uuid;

/// Longest wait for one answer, and for a change to show.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often the brokers are asked.
const GLANCE: Duration = Duration::from_millis(50);

/// A consumer of a group that no broker knows, and who changes topics.
struct World {
    consumer: BaseConsumer,
    admin: AdminClient<DefaultClientContext>,
}

impl World {
    async fn new() -> anyhow::Result<Self> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", ensure::kafka().await?.bootstrap);
        let admin = config.create()?;
        let consumer = config.set("group.id", Uuid::new_v4().to_string()).create()?;
        Ok(Self { consumer, admin })
    }

    async fn create(&self, topic: &Topic) -> anyhow::Result<()> {
        let new = NewTopic::new(topic.as_str(), 1, TopicReplication::Fixed(1));
        let created = self.admin.create_topics([&new], &AdminOptions::new()).await?;
        ensure!(created.iter().all(Result::is_ok), "{created:?}");
        Ok(())
    }

    async fn delete(&self, topic: &Topic) -> anyhow::Result<()> {
        let deleted = self.admin.delete_topics(&[topic.as_str()], &AdminOptions::new()).await?;
        ensure!(deleted.iter().all(Result::is_ok), "{deleted:?}");
        Ok(())
    }

    fn look(&self, topic: &Topic) -> Option<Sighting> {
        topic_ids(self.consumer.client(), std::slice::from_ref(topic), PATIENCE).remove(topic)
    }

    /// Waits until the brokers say what is wanted.
    async fn until<T>(&self, topic: &Topic, wanted: impl Fn(&Sighting) -> Option<T>) -> anyhow::Result<T> {
        let (deadline, mut glances) = (Instant::now() + PATIENCE, interval(GLANCE));
        loop {
            glances.tick().await;
            let seen = self.look(topic);
            if let Some(found) = seen.as_ref().and_then(&wanted) {
                return Ok(found);
            }
            if Instant::now() > deadline {
                bail!("{topic} is still {seen:?}");
            }
        }
    }
}

fn id_of(sighting: &Sighting) -> Option<TopicId> {
    match sighting {
        Sighting::Known(id) => Some(*id),
        Sighting::Absent | Sighting::Untold { .. } => None,
    }
}

fn topic(name: &str) -> Topic {
    Topic::new(&format!("{name}.{}", Uuid::new_v4().simple()))
}

#[tokio::test(flavor = "multi_thread")]
async fn topic_that_is_created_again_has_another_id() -> anyhow::Result<()> {
    let (world, topic) = (World::new().await?, topic("again"));
    ensure!(world.look(&topic) == Some(Sighting::Absent), "asking must not create the topic");
    world.create(&topic).await?;
    let first = world.until(&topic, id_of).await?;
    ensure!(world.look(&topic) == Some(Sighting::Known(first)), "the id changes by itself");
    world.delete(&topic).await?;
    world.until(&topic, |seen| (*seen == Sighting::Absent).then_some(())).await?;
    world.create(&topic).await?;
    let second = world.until(&topic, id_of).await?;
    ensure!(first != second, "{first} twice");
    ensure!(first.to_string().len() == 22 && first.life_mark() != second.life_mark(), "{first} {second}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_topic_gets_its_own_answer() -> anyhow::Result<()> {
    let (world, there, absent) = (World::new().await?, topic("there"), topic("absent"));
    world.create(&there).await?;
    let id = world.until(&there, id_of).await?;
    let illegal = Topic::new("not/a/topic");
    let topics = [absent.clone(), there.clone(), illegal.clone()];
    let seen = topic_ids(world.consumer.client(), &topics, PATIENCE);
    ensure!(seen.get(&there) == Some(&Sighting::Known(id)), "{seen:?}");
    ensure!(seen.get(&absent) == Some(&Sighting::Absent), "{seen:?}");
    ensure!(matches!(seen.get(&illegal), Some(Sighting::Untold { .. })), "{seen:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_do_not_answer_are_an_answer() -> anyhow::Result<()> {
    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", "127.0.0.1:1").set("group.id", "nobody").create()?;
    let topic = Topic::new("cameras");
    let seen = topic_ids(consumer.client(), std::slice::from_ref(&topic), Duration::from_millis(500));
    ensure!(matches!(seen.get(&topic), Some(Sighting::Untold { .. })), "{seen:?}");
    Ok(())
}
