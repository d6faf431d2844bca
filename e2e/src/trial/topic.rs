//! A topic of a random name: created, filled, read. IO: Kafka.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::messages::Produce;

/// `max.message.bytes` of the topics here.
const VALUE_BYTES_MAX: &str = "4194304";
const TIMEOUT: Duration = Duration::from_secs(30);

/// A topic.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Its name.
    pub name: String,
    bootstrap: String,
    partitions: i32,
}

/// A message with what Kafka made of it.
#[derive(Clone, Debug)]
pub struct Produced {
    /// The message.
    pub message: Produce,
    /// Where it lies.
    pub partition: i32,
    /// Where it lies in the partition.
    pub offset: i64,
    /// Its time in milliseconds since 1970-01-01 UTC.
    pub timestamp_ms: i64,
}

/// What is committed of one partition.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The next offset to read; 0 where nothing is committed.
    pub offset: i64,
    /// What was committed with it.
    pub metadata: String,
}

/// A message as it was read.
#[derive(Clone, Debug)]
pub struct Read {
    /// Its value.
    pub value: Option<Vec<u8>>,
    headers: Vec<(String, Vec<u8>)>,
}

impl Topic {
    /// Creates the topic.
    ///
    /// # Errors
    /// Kafka refuses or does not answer.
    pub async fn create(bootstrap: &str, name: &str, partitions: i32) -> anyhow::Result<Self> {
        let admin: AdminClient<DefaultClientContext> = config(bootstrap).create()?;
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1))
            .set("max.message.bytes", VALUE_BYTES_MAX)
            // Clocks that are wrong by far are tried too.
            .set("message.timestamp.after.max.ms", "9223372036854775807");
        let created = admin.create_topics([&topic], &AdminOptions::new()).await?;
        ensure!(created.iter().all(Result::is_ok), "cannot create {name}: {created:?}");
        Ok(Self { name: name.to_owned(), bootstrap: bootstrap.to_owned(), partitions })
    }

    /// Adds partitions until there are that many.
    ///
    /// # Errors
    /// Kafka refuses or does not answer.
    pub async fn grow(&mut self, partitions: i32) -> anyhow::Result<()> {
        let admin: AdminClient<DefaultClientContext> = config(&self.bootstrap).create()?;
        let total = NewPartitions::new(&self.name, usize::try_from(partitions)?);
        let grown = admin.create_partitions(&[total], &AdminOptions::new()).await?;
        ensure!(grown.iter().all(Result::is_ok), "cannot add partitions to {}: {grown:?}", self.name);
        self.partitions = partitions;
        Ok(())
    }

    /// Produces the messages and returns them with partition, offset and time.
    ///
    /// # Errors
    /// A message cannot be delivered.
    pub async fn produce(
        &self,
        messages: impl IntoIterator<Item = Produce>,
    ) -> anyhow::Result<Vec<Produced>> {
        let producer: FutureProducer = config(&self.bootstrap)
            .set("message.max.bytes", VALUE_BYTES_MAX)
            .set("linger.ms", "5")
            .create()?;
        let mut waiting = Vec::new();
        for (message, index) in messages.into_iter().zip(0..) {
            let partition = message.partition.unwrap_or(index % self.partitions);
            let headers = message.headers.iter().fold(OwnedHeaders::new(), |headers, (name, value)| {
                headers.insert(Header { key: name, value: value.as_deref() })
            });
            let now_ms = jiff::Timestamp::now().as_millisecond();
            let timestamp_ms = message.timestamp_ms.unwrap_or(now_ms);
            let mut record = FutureRecord::<[u8], [u8]>::to(&self.name)
                .partition(partition)
                .timestamp(timestamp_ms)
                .headers(headers);
            record.key = message.key.as_deref();
            record.payload = message.value.as_deref();
            let sent = producer.send_result(record).map_err(|(error, _)| error)?;
            waiting.push((message, timestamp_ms, sent));
        }
        let mut delivered = Vec::with_capacity(waiting.len());
        for (message, timestamp_ms, sent) in waiting {
            let delivery = sent.await?.map_err(|(error, _)| error)?;
            delivered.push(Produced {
                message,
                partition: delivery.partition,
                offset: delivery.offset,
                timestamp_ms,
            });
        }
        Ok(delivered)
    }

    /// Reads that many messages from the beginning.
    ///
    /// # Errors
    /// There are fewer after `patience`.
    pub async fn read(&self, count: usize, patience: Duration) -> anyhow::Result<Vec<Read>> {
        let consumer: BaseConsumer = config(&self.bootstrap).set("group.id", "reader").create()?;
        let mut list = TopicPartitionList::new();
        for partition in 0..self.partitions {
            list.add_partition_offset(&self.name, partition, Offset::Beginning)?;
        }
        consumer.assign(&list)?;
        let read = tokio::task::spawn_blocking(move || read(&consumer, count, patience)).await??;
        Ok(read)
    }

    /// Returns the sum of the offsets that the group of this topic's sink has committed.
    ///
    /// # Errors
    /// Kafka does not answer.
    pub async fn committed(&self) -> anyhow::Result<i64> {
        Ok(self.commits().await?.into_iter().map(|commit| commit.offset).sum())
    }

    /// Returns how many messages there are: the sum of the offsets behind the last ones.
    ///
    /// # Errors
    /// Kafka does not answer.
    pub async fn end(&self) -> anyhow::Result<i64> {
        let consumer: BaseConsumer = config(&self.bootstrap).create()?;
        let (name, partitions) = (self.name.clone(), self.partitions);
        let end = move |partition| consumer.fetch_watermarks(&name, partition, TIMEOUT).map(|(_, end)| end);
        let ends = move || (0..partitions).map(end).sum::<Result<i64, _>>();
        Ok(tokio::task::spawn_blocking(ends).await??)
    }

    /// Returns what the group of this topic's sink has committed, by partition.
    ///
    /// # Errors
    /// Kafka does not answer.
    pub async fn commits(&self) -> anyhow::Result<Vec<Commit>> {
        let consumer: BaseConsumer = config(&self.bootstrap).set("group.id", &self.name).create()?;
        let mut list = TopicPartitionList::new();
        for partition in 0..self.partitions {
            list.add_partition(&self.name, partition);
        }
        let list = tokio::task::spawn_blocking(move || consumer.committed_offsets(list, TIMEOUT)).await??;
        let commit = |element: &TopicPartitionListElem<'_>| Commit {
            offset: element.offset().to_raw().map_or(0, |offset| offset.max(0)),
            metadata: element.metadata().to_owned(),
        };
        Ok(list.elements().iter().map(commit).collect())
    }
}

impl Read {
    /// Returns the value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_slice())
    }
}

fn read(consumer: &BaseConsumer, count: usize, patience: Duration) -> anyhow::Result<Vec<Read>> {
    let mut read = Vec::with_capacity(count);
    while read.len() < count {
        let message =
            consumer.poll(patience).with_context(|| format!("wait for message {}", read.len()))??;
        let headers = message.headers().map_or_else(Vec::new, |headers| {
            headers.iter().map(|h| (h.key.to_owned(), h.value.unwrap_or_default().to_vec())).collect()
        });
        read.push(Read { value: message.payload().map(<[u8]>::to_vec), headers });
    }
    Ok(read)
}

fn config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    config
}
