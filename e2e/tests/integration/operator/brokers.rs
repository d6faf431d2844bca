//! What the tests ask of Kafka themselves, beside the operator. IO: Kafka.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::{ClientConfig, TopicPartitionList};

const TIMEOUT: Duration = Duration::from_secs(10);

/// A client of the lab's Kafka.
pub(crate) struct Brokers {
    bootstrap: String,
    admin: AdminClient<DefaultClientContext>,
}

impl Brokers {
    pub(crate) fn new(bootstrap: &str) -> anyhow::Result<Self> {
        let admin = ClientConfig::new().set("bootstrap.servers", bootstrap).create()?;
        Ok(Self { bootstrap: bootstrap.to_owned(), admin })
    }

    /// Creates a topic of one partition, as somebody else would.
    pub(crate) async fn create(&self, topic: &str) -> anyhow::Result<()> {
        let new = NewTopic::new(topic, 1, TopicReplication::Fixed(1));
        let results = self.admin.create_topics([&new], &AdminOptions::new()).await?;
        for result in results {
            result.map_err(|(name, code)| anyhow::anyhow!("create {name}: {code}"))?;
        }
        Ok(())
    }

    /// Deletes a topic and creates one of one partition under its name, as somebody else would.
    pub(crate) async fn replace(&self, topic: &str) -> anyhow::Result<()> {
        for result in self.admin.delete_topics(&[topic], &AdminOptions::new()).await? {
            result.map_err(|(name, code)| anyhow::anyhow!("delete {name}: {code}"))?;
        }
        self.create(topic).await
    }

    /// Sets one key of a topic, as somebody else would; the other keys of the topic are lost by this call.
    pub(crate) async fn set_only(&self, topic: &str, key: &str, value: &str) -> anyhow::Result<()> {
        let alter = AlterConfig::new(ResourceSpecifier::Topic(topic)).set(key, value);
        let results = self.admin.alter_configs([&alter], &AdminOptions::new()).await?;
        for result in results {
            result.map_err(|(resource, code)| anyhow::anyhow!("alter {resource:?}: {code}"))?;
        }
        Ok(())
    }

    /// The configuration of a topic.
    pub(crate) async fn config(&self, topic: &str) -> anyhow::Result<BTreeMap<String, String>> {
        let asked = [ResourceSpecifier::Topic(topic)];
        let mut answers = self.admin.describe_configs(&asked, &AdminOptions::new()).await?;
        let resource = answers.pop().context("no answer")?.map_err(|code| anyhow::anyhow!("{code}"))?;
        Ok(resource.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))).collect())
    }

    /// The number of partitions of a topic; 0 where there is no such topic.
    pub(crate) fn partitions(&self, topic: &str) -> anyhow::Result<usize> {
        // All topics: asking for one could create it.
        let metadata = self.admin.inner().fetch_metadata(None, TIMEOUT)?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        Ok(found.map_or(0, |found| found.partitions().len()))
    }

    /// The names of the topics that end so, sorted.
    pub(crate) fn topics(&self, suffix: &str) -> anyhow::Result<Vec<String>> {
        let metadata = self.admin.inner().fetch_metadata(None, TIMEOUT)?;
        let names = metadata.topics().iter().map(|topic| topic.name().to_owned());
        let mut names: Vec<_> = names.filter(|name| name.ends_with(suffix)).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// What a group has committed for the partitions of a topic; nothing for those for which it never did.
    pub(crate) fn committed(
        &self,
        group: &str,
        topic: &str,
        partitions: i32,
    ) -> anyhow::Result<Vec<Option<i64>>> {
        let consumer: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", &self.bootstrap).set("group.id", group).create()?;
        let mut wanted = TopicPartitionList::new();
        wanted.add_partition_range(topic, 0, partitions - 1);
        let committed = consumer.committed_offsets(wanted, TIMEOUT)?;
        Ok(committed
            .elements()
            .iter()
            .map(|element| element.offset().to_raw().filter(|raw| *raw >= 0))
            .collect())
    }

    /// Sends one message and waits until it is there.
    pub(crate) fn produce(&self, topic: &str) -> anyhow::Result<()> {
        self.produce_at(topic, jiff::Timestamp::now())
    }

    /// Sends one message that was made at that time and waits until it is there.
    pub(crate) fn produce_at(&self, topic: &str, made: jiff::Timestamp) -> anyhow::Result<()> {
        let producer: ThreadedProducer<DefaultProducerContext> =
            ClientConfig::new().set("bootstrap.servers", &self.bootstrap).create()?;
        let record = BaseRecord::<(), str>::to(topic).payload("a message").timestamp(made.as_millisecond());
        producer.send(record).map_err(|(error, _)| error)?;
        Ok(producer.flush(TIMEOUT)?)
    }
}
