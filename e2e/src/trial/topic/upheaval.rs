//! What befalls a topic and its group from outside: deleted, created again, offsets forgotten and set. IO: Kafka.

use std::time::Duration;

use anyhow::ensure;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use tokio::time::{Instant, sleep};

use super::{TIMEOUT, Topic, config};

/// How often the brokers are asked for what they are not ready for yet.
const GLANCE: Duration = Duration::from_millis(20);

impl Topic {
    /// Adds partitions until there are that many, and waits until the brokers tell so to everybody.
    ///
    /// # Errors
    /// Kafka refuses or does not answer.
    pub async fn grow(&mut self, partitions: i32) -> anyhow::Result<()> {
        let admin: AdminClient<DefaultClientContext> = config(&self.bootstrap).create()?;
        let total = NewPartitions::new(&self.name, usize::try_from(partitions)?);
        let grown = admin.create_partitions(&[total], &AdminOptions::new()).await?;
        ensure!(grown.iter().all(Result::is_ok), "cannot add partitions to {}: {grown:?}", self.name);
        self.partitions = partitions;
        let deadline = Instant::now() + TIMEOUT;
        while !self.is_told().await? {
            ensure!(Instant::now() < deadline, "the brokers do not tell of the partitions of {}", self.name);
            sleep(GLANCE).await;
        }
        Ok(())
    }

    async fn is_told(&self) -> anyhow::Result<bool> {
        let (consumer, name) = (self.reader()?, self.name.clone());
        let told = move || consumer.fetch_metadata(Some(&name), TIMEOUT);
        let told = tokio::task::spawn_blocking(told).await??;
        let wanted = usize::try_from(self.partitions)?;
        Ok(told.topics().iter().all(|topic| topic.partitions().len() == wanted))
    }

    /// Deletes the topic and creates it again, empty, as soon as the brokers let it.
    ///
    /// # Errors
    /// Kafka refuses or does not answer.
    pub async fn recreate(&self) -> anyhow::Result<()> {
        self.clone().recreate_with(self.partitions).await
    }

    /// Does the same, with another number of partitions.
    ///
    /// # Errors
    /// Kafka refuses or does not answer.
    pub async fn recreate_with(&mut self, partitions: i32) -> anyhow::Result<()> {
        self.delete().await?;
        self.partitions = partitions;
        let deadline = Instant::now() + TIMEOUT;
        while let Err(error) = Self::create(&self.bootstrap, &self.name, partitions).await {
            ensure!(Instant::now() < deadline, "cannot create the topic again: {error:#}");
            sleep(GLANCE).await;
        }
        Ok(())
    }

    /// Deletes the topic.
    ///
    /// # Errors
    /// Kafka refuses or does not answer.
    pub async fn delete(&self) -> anyhow::Result<()> {
        let admin: AdminClient<DefaultClientContext> = config(&self.bootstrap).create()?;
        let deleted = admin.delete_topics(&[&self.name], &AdminOptions::new()).await?;
        ensure!(deleted.iter().all(Result::is_ok), "cannot delete {}: {deleted:?}", self.name);
        Ok(())
    }

    /// Deletes the group of this topic's sink with its offsets, once it has no member.
    ///
    /// # Errors
    /// Kafka refuses or does not answer.
    pub async fn forget_group(&self) -> anyhow::Result<()> {
        let admin: AdminClient<DefaultClientContext> = config(&self.bootstrap).create()?;
        let deadline = Instant::now() + TIMEOUT;
        while let Some(Err((_, code))) = admin.delete_groups(&[&self.name], &AdminOptions::new()).await?.pop()
        {
            ensure!(Instant::now() < deadline, "cannot delete the group {}: {code}", self.name);
            sleep(GLANCE).await;
        }
        Ok(())
    }

    /// Sets the offsets of the sink's group, as a person does while it has no member.
    ///
    /// # Errors
    /// Kafka refuses or does not answer.
    pub async fn reset_offsets(&self, offset: i64) -> anyhow::Result<()> {
        let consumer: BaseConsumer = config(&self.bootstrap).set("group.id", &self.name).create()?;
        let mut list = TopicPartitionList::new();
        for partition in 0..self.partitions {
            list.add_partition_offset(&self.name, partition, Offset::Offset(offset))?;
        }
        tokio::task::spawn_blocking(move || consumer.commit(&list, CommitMode::Sync)).await??;
        Ok(())
    }
}
