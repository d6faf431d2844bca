//! A topic of a random name: created, filled, read. IO: Kafka.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::messages::Produce;

const TIMEOUT: Duration = Duration::from_secs(30);

/// A topic.
pub(crate) struct Topic {
    pub(crate) name: String,
    bootstrap: String,
    partitions: i32,
}

/// A message with what Kafka made of it.
#[derive(Clone, Debug)]
pub(crate) struct Produced {
    pub(crate) message: Produce,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) timestamp_ms: i64,
}

/// A message as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    pub(crate) value: Option<Vec<u8>>,
    headers: Vec<(String, Vec<u8>)>,
}

impl Topic {
    /// Creates the topic, for messages of up to so many bytes.
    pub(crate) async fn create(
        bootstrap: &str,
        name: &str,
        partitions: i32,
        message_bytes: u64,
    ) -> anyhow::Result<Self> {
        let admin: AdminClient<DefaultClientContext> = config(bootstrap).create()?;
        let message_bytes = message_bytes.to_string();
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1))
            .set("max.message.bytes", &message_bytes);
        let created = admin.create_topics([&topic], &AdminOptions::new()).await?;
        ensure!(created.iter().all(Result::is_ok), "cannot create {name}: {created:?}");
        Ok(Self { name: name.to_owned(), bootstrap: bootstrap.to_owned(), partitions })
    }

    /// Adds partitions until there are that many.
    pub(crate) async fn grow(&mut self, partitions: i32) -> anyhow::Result<()> {
        let admin: AdminClient<DefaultClientContext> = config(&self.bootstrap).create()?;
        let total = NewPartitions::new(&self.name, usize::try_from(partitions)?);
        let grown = admin.create_partitions(&[total], &AdminOptions::new()).await?;
        ensure!(grown.iter().all(Result::is_ok), "cannot add partitions to {}: {grown:?}", self.name);
        self.partitions = partitions;
        Ok(())
    }

    /// Produces the messages and returns them with partition, offset and time.
    pub(crate) async fn produce(
        &self,
        messages: impl IntoIterator<Item = Produce>,
    ) -> anyhow::Result<Vec<Produced>> {
        let producer: FutureProducer =
            config(&self.bootstrap).set("message.max.bytes", "4194304").set("linger.ms", "5").create()?;
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
    pub(crate) async fn read(&self, count: usize, patience: Duration) -> anyhow::Result<Vec<Read>> {
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
    pub(crate) async fn committed(&self) -> anyhow::Result<i64> {
        let consumer: BaseConsumer = config(&self.bootstrap).set("group.id", &self.name).create()?;
        let mut list = TopicPartitionList::new();
        for partition in 0..self.partitions {
            list.add_partition(&self.name, partition);
        }
        let list = tokio::task::spawn_blocking(move || consumer.committed_offsets(list, TIMEOUT)).await??;
        Ok(list.elements().iter().filter_map(|element| element.offset().to_raw()).filter(|o| *o >= 0).sum())
    }
}

impl Read {
    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
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
