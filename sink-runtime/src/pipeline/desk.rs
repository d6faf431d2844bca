//! `Desk`: asks the registry for one partition. IO: store.

use std::sync::Arc;

use jiff::Timestamp;
use kafkasink_crds::entry_template::EntryTemplate;
use tracing::{debug, error, info, warn};

use super::ask::{Gate, NotSent};
use super::headway::BrokenOff;
use super::upkeep::{Done, Errand};
use crate::map::HeaderNames;
use crate::record::{Entry, Partition, TimestampUs, TopicPartition};
use crate::registry::{
    Claim, KEEPER, LifeNumber, Lineage, Owner, Registry, RegistryError, Sink, TopicRecord, admit,
    gather_header_names, partition_home, publish_header_names, topic_home,
};
use crate::writer::Writer;

/// What a partition tells the registry.
#[derive(Debug)]
pub(super) struct Desk {
    partition: TopicPartition,
    claim: Claim,
    home: Entry,
    partition_home: Entry,
    /// The homes of all partitions of the topic.
    partition_homes: Vec<Entry>,
}

/// A registry that takes nothing from a member that may not be the owner any more.
struct Guarded<R> {
    registry: Arc<R>,
    gate: Gate,
}

impl Desk {
    pub(super) fn new(
        sink: &Sink,
        template: &EntryTemplate,
        partition: &TopicPartition,
        lineage: &Lineage,
    ) -> Self {
        let home_of = |number| {
            let topic = partition.topic.clone();
            partition_home(template, &TopicPartition { topic, partition: Partition(number) })
        };
        let count = i32::try_from(lineage.partitions).unwrap_or(i32::MAX);
        Self {
            claim: sink.claim(&partition.topic, lineage),
            partition: partition.clone(),
            home: topic_home(template, &partition.topic),
            partition_home: partition_home(template, partition),
            partition_homes: (0..count).map(home_of).collect(),
        }
    }

    fn is_keeper(&self) -> bool {
        self.partition.partition == KEEPER
    }

    pub(super) fn tell_admitted(&self, life: LifeNumber) {
        let (topic, partition) = (self.partition.topic.as_str(), self.partition.partition.0);
        info!(topic, partition, life = life.0, "the partition may be written");
    }

    pub(super) fn tell_foreign(&self, owner: &Owner) {
        let (topic, partition) = (self.partition.topic.as_str(), self.partition.partition.0);
        error!(topic, partition, %owner, "the entries belong to another sink, nothing is written: give this sink another bucket or mapping.entry, or remove the attachment kafkasink once the other is gone");
    }

    pub(super) fn tell_failing(&self, error: &RegistryError, attempts: u32) {
        let (topic, partition) = (self.partition.topic.as_str(), self.partition.partition.0);
        let cause = std::error::Error::source(error).map(ToString::to_string);
        // Often enough to be seen, rarely enough not to fill a disk in a long outage.
        let is_rare = attempts == 0 || attempts.is_power_of_two();
        if is_rare && matches!(error, RegistryError::Unreadable { .. }) {
            error!(topic, partition, attempts, %error, "the partition is held, a person must look at the attachment");
        } else if is_rare {
            warn!(topic, partition, attempts, %error, cause, "the registry failed, it is asked again");
        } else {
            debug!(topic, partition, attempts, %error, cause, "the registry failed again");
        }
    }

    /// Does what a partition wants of the registry.
    pub(super) async fn run<R: Registry + Writer>(
        &self,
        registry: Arc<R>,
        errand: Errand,
        gate: Gate,
    ) -> Result<Done, RegistryError> {
        // Finding the bucket may take a while; the leave to write is asked for after that.
        let ready = registry.prepare().await;
        ready.map_err(|source| RegistryError::Read { home: self.home.clone(), source })?;
        let (registry, now) = (Guarded { registry, gate }, now());
        match errand {
            Errand::Admit(last_life) => {
                let claim = Claim { last_life: last_life.or(self.claim.last_life), ..self.claim.clone() };
                let admission = admit(&registry, &self.home, &claim, self.is_keeper(), now).await?;
                Ok(Done::Admission(admission))
            }
            Errand::Publish(names) => {
                publish_header_names(&registry, &self.partition_home, &names, now).await?;
                Ok(Done::Published(names))
            }
            Errand::Gather => {
                gather_header_names(&registry, &self.home, &self.partition_homes, now).await?;
                Ok(Done::Gathered)
            }
        }
    }
}

impl<R: Registry> Registry for Guarded<R> {
    async fn topic(&self, home: &Entry) -> Result<Option<TopicRecord>, RegistryError> {
        self.registry.topic(home).await
    }

    async fn keep_topic(
        &self,
        home: &Entry,
        record: &TopicRecord,
        now: TimestampUs,
    ) -> Result<(), RegistryError> {
        self.enter(home).await?;
        self.registry.keep_topic(home, record, now).await
    }

    async fn header_names(&self, home: &Entry) -> Result<HeaderNames, RegistryError> {
        // Those of all partitions are asked one after another.
        self.gate.headway.go_on().map_err(|BrokenOff| RegistryError::NotSent { home: home.clone() })?;
        let names = self.registry.header_names(home).await?;
        self.gate.headway.answered();
        Ok(names)
    }

    async fn keep_header_names(
        &self,
        home: &Entry,
        names: &HeaderNames,
        now: TimestampUs,
    ) -> Result<(), RegistryError> {
        self.enter(home).await?;
        self.registry.keep_header_names(home, names, now).await
    }
}

impl<R> Guarded<R> {
    async fn enter(&self, home: &Entry) -> Result<(), RegistryError> {
        self.gate.admit().await.map_err(|NotSent| RegistryError::NotSent { home: home.clone() })
    }
}

fn now() -> TimestampUs {
    TimestampUs(u64::try_from(Timestamp::now().as_microsecond()).unwrap_or(0))
}
