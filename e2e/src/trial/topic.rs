//! A topic of a random name: created, altered, filled, read. IO: Kafka.

mod upheaval;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedHeaders, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::messages::Produce;
use super::raw_message::{self, RawMessage};

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
    /// What marks the records of the topic's life, from the second on.
    pub life: Option<String>,
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
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Option<Vec<u8>>,
    /// Its headers in order, without those whose name is not UTF-8; a value may be null.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// How many headers there are, readable or not.
    pub headers_count: usize,
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its messages count.
    Commit,
    /// Its messages lie in the log and count as never produced.
    Abort,
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

    /// Sets these settings of the topic, and all others to the broker's default.
    ///
    /// # Errors
    /// Kafka refuses or does not answer.
    pub async fn configure(&self, settings: &[(&str, &str)]) -> anyhow::Result<()> {
        let admin: AdminClient<DefaultClientContext> = config(&self.bootstrap).create()?;
        let resource = AlterConfig::new(ResourceSpecifier::Topic(&self.name));
        let resource = settings.iter().fold(resource, |resource, (name, value)| resource.set(name, value));
        let altered = admin.alter_configs([&resource], &AdminOptions::new()).await?;
        ensure!(altered.iter().all(Result::is_ok), "cannot configure {}: {altered:?}", self.name);
        Ok(())
    }

    /// Deletes the messages of a partition below an offset, as retention does.
    ///
    /// # Errors
    /// Kafka refuses or does not answer.
    pub async fn delete_below(&self, partition: i32, offset: i64) -> anyhow::Result<()> {
        let admin: AdminClient<DefaultClientContext> = config(&self.bootstrap).create()?;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.name, partition, Offset::Offset(offset))?;
        for element in admin.delete_records(&list, &AdminOptions::new()).await?.elements() {
            element.error()?;
        }
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
        self.produce_with(&[("linger.ms", "5"), ("message.max.bytes", VALUE_BYTES_MAX)], messages).await
    }

    /// Produces the same message again and again, each when the one before is delivered, until it is dropped.
    ///
    /// # Errors
    /// A message cannot be delivered.
    pub async fn trickle(&self, message: &Produce) -> anyhow::Result<Infallible> {
        let producer = producer(&self.bootstrap, &[])?;
        loop {
            self.send(&producer, [message.clone()]).await?;
        }
    }

    /// Produces the messages with these settings of the producer.
    ///
    /// # Errors
    /// A message cannot be delivered.
    pub async fn produce_with(
        &self,
        settings: &[(&str, &str)],
        messages: impl IntoIterator<Item = Produce>,
    ) -> anyhow::Result<Vec<Produced>> {
        self.send(&producer(&self.bootstrap, settings)?, messages).await
    }

    /// Produces a message of raw bytes to the first partition; returns its offset.
    ///
    /// # Errors
    /// The broker refuses it or does not answer.
    pub async fn produce_raw(&self, message: &RawMessage) -> anyhow::Result<i64> {
        raw_message::produce(&self.bootstrap, &self.name, 0, message).await
    }

    /// Produces the messages in one transaction.
    ///
    /// # Errors
    /// A message cannot be delivered, or the transaction not be ended.
    pub async fn transact(
        &self,
        messages: impl IntoIterator<Item = Produce>,
        outcome: Outcome,
    ) -> anyhow::Result<Vec<Produced>> {
        let producer = producer(&self.bootstrap, &[("transactional.id", &self.name)])?;
        producer.init_transactions(TIMEOUT)?;
        producer.begin_transaction()?;
        let sent = self.send(&producer, messages).await?;
        match outcome {
            Outcome::Commit => producer.commit_transaction(TIMEOUT)?,
            Outcome::Abort => producer.abort_transaction(TIMEOUT)?,
        }
        Ok(sent)
    }

    async fn send(
        &self,
        producer: &FutureProducer,
        messages: impl IntoIterator<Item = Produce>,
    ) -> anyhow::Result<Vec<Produced>> {
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
                life: None,
            });
        }
        Ok(delivered)
    }

    /// Reads that many messages from the beginning.
    ///
    /// # Errors
    /// There are fewer after `patience`.
    pub async fn read(&self, count: usize, patience: Duration) -> anyhow::Result<Vec<Read>> {
        let consumer = self.reader()?;
        let read = tokio::task::spawn_blocking(move || read(&consumer, count, patience)).await??;
        Ok(read)
    }

    /// Returns partition and offset of all messages that are there.
    ///
    /// # Errors
    /// Kafka does not answer.
    pub async fn offsets(&self) -> anyhow::Result<BTreeSet<(i32, i64)>> {
        let consumer = self.reader()?;
        let (name, partitions) = (self.name.clone(), self.partitions);
        tokio::task::spawn_blocking(move || offsets(&consumer, &name, partitions)).await?
    }

    fn reader(&self) -> anyhow::Result<BaseConsumer> {
        let mut settings = config(&self.bootstrap);
        settings
            .set("group.id", "reader")
            .set("enable.partition.eof", "true")
            .set("enable.auto.commit", "false");
        let consumer: BaseConsumer = settings.create()?;
        let mut list = TopicPartitionList::new();
        for partition in 0..self.partitions {
            list.add_partition_offset(&self.name, partition, Offset::Beginning)?;
        }
        consumer.assign(&list)?;
        Ok(consumer)
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

    /// Returns how many partitions there are.
    #[must_use]
    pub fn partitions(&self) -> i32 {
        self.partitions
    }

    /// Commits for the group of this topic's sink, by partition; it must have no members.
    ///
    /// # Errors
    /// Kafka refuses or does not answer.
    pub async fn commit(&self, commits: &[Commit]) -> anyhow::Result<()> {
        let consumer: BaseConsumer = config(&self.bootstrap).set("group.id", &self.name).create()?;
        let mut list = TopicPartitionList::new();
        for (commit, partition) in commits.iter().zip(0..) {
            let mut element = list.add_partition(&self.name, partition);
            element.set_offset(Offset::Offset(commit.offset))?;
            element.set_metadata(&commit.metadata);
        }
        Ok(tokio::task::spawn_blocking(move || consumer.commit(&list, CommitMode::Sync)).await??)
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
    /// Returns the value of the last header of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().rev().find(|(key, _)| key == name).and_then(|(_, value)| value.as_deref())
    }
}

fn read(consumer: &BaseConsumer, count: usize, patience: Duration) -> anyhow::Result<Vec<Read>> {
    let mut read = Vec::with_capacity(count);
    while read.len() < count {
        let message =
            match consumer.poll(patience).with_context(|| format!("wait for message {}", read.len()))? {
                Err(KafkaError::PartitionEOF(_)) => continue,
                message => message?,
            };
        let headers = message.headers().map_or_else(Vec::new, readable);
        let headers_count = message.headers().map_or(0, Headers::count);
        let (key, value) = (message.key().map(<[u8]>::to_vec), message.payload().map(<[u8]>::to_vec));
        read.push(Read { key, value, headers, headers_count });
    }
    Ok(read)
}

/// Returns the headers whose name can be read: at one that is not UTF-8 the client library panics.
fn readable(headers: &BorrowedHeaders) -> Vec<(String, Option<Vec<u8>>)> {
    let read = |index| {
        let header = headers.get(index);
        (header.key.to_owned(), header.value.map(<[u8]>::to_vec))
    };
    (0..headers.count()).filter_map(|index| catch_unwind(AssertUnwindSafe(|| read(index))).ok()).collect()
}

fn offsets(consumer: &BaseConsumer, topic: &str, partitions: i32) -> anyhow::Result<BTreeSet<(i32, i64)>> {
    let mut open: BTreeSet<i32> = (0..partitions).collect();
    let mut offsets = BTreeSet::new();
    while !open.is_empty() {
        match consumer.poll(TIMEOUT).with_context(|| format!("read {topic} to its end"))? {
            Err(KafkaError::PartitionEOF(partition)) => drop(open.remove(&partition)),
            message => {
                let message = message?;
                offsets.insert((message.partition(), message.offset()));
            }
        }
    }
    Ok(offsets)
}

fn producer(bootstrap: &str, settings: &[(&str, &str)]) -> anyhow::Result<FutureProducer> {
    let mut config = config(bootstrap);
    // What is too large is for the broker to say.
    config.set("message.max.bytes", "67108864");
    for (name, value) in settings {
        config.set(*name, *value);
    }
    Ok(config.create()?)
}

fn config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    config
}
