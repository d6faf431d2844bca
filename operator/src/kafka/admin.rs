//! IO: Kafka. `KafkaAdmin`: what the operator asks of one Kafka cluster, and what it changes there.
//!
//! Every call has a time-out. librdkafka's blocking calls run on the blocking pool.

mod configs;
mod rights;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kafkasink_crds::kafka_properties::CONNECTION_PROPERTIES;
use kafkasink_crds::topic_name::TopicName;
use kafkasink_kafka_ffi::{self as ffi, NativeError, OffsetSpec, PartitionOffset};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::{Client, DefaultClientContext};
use tokio::time::Instant;

use configs::BrokerAnswer;
use rights::SeenTopics;

use super::error::{Attempt, KafkaError, wrapped};
use super::groups::Groups;
use super::party::Party;
use super::security;
use super::track_record::TrackRecord;
use super::way::Way;
use crate::model::{GroupView, KafkaConnection, KafkaView, PartitionView, Rights, TopicCreation, TopicView};

/// Longest wait for one request: shorter than the pause after which a person looks for the cause elsewhere.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest wait for a new topic to be shown.
const VISIBLE_MAX: Duration = Duration::from_secs(5);

/// Pause between two looks at a new topic.
const VISIBLE_PAUSE: Duration = Duration::from_millis(50);

type NativeClient = Client<DefaultClientContext>;

/// A client of one Kafka cluster, shared by every sink with the same connection.
pub(crate) struct KafkaAdmin {
    client: AdminClient<DefaultClientContext>,
    pub(super) groups: Groups,
    party: Arc<Party>,
    way: Way,
    record: TrackRecord,
    /// What a broker last said of its own configuration.
    broker: Mutex<Option<BrokerAnswer>>,
}

/// What one sink wants to know about the cluster.
#[derive(Clone, Debug)]
pub(crate) struct KafkaQuery {
    /// The topics the sink names, dead-letter topic included.
    pub(crate) topics: Vec<TopicName>,
    /// The topics it consumes.
    pub(crate) consumed: Vec<TopicName>,
    /// Its consumer group.
    pub(crate) group_id: String,
}

impl KafkaAdmin {
    /// Prepares a client; no broker is asked yet.
    ///
    /// # Errors
    /// A property that librdkafka does not know or whose value it refuses.
    pub(crate) fn new(connection: &KafkaConnection) -> Result<Self, KafkaError> {
        let party = Arc::new(Party::of(connection));
        let mut config = ClientConfig::new();
        for (key, value) in &connection.properties {
            config.set(key, value);
        }
        for (key, value) in CONNECTION_PROPERTIES {
            config.set(key, value);
        }
        config.set("bootstrap.servers", &party.servers).set("client.id", "kafkasink-operator");
        security::apply(&mut config, &connection.credentials)
            .map_err(|error| KafkaError::new(Attempt::CreateClient, &party, error, None))?;
        let client = config
            .create()
            .map_err(|error| KafkaError::new(Attempt::CreateClient, &party, wrapped(&error), None))?;
        Ok(Self {
            client,
            groups: Groups::new(config),
            party,
            way: Way::new(connection),
            record: TrackRecord::default(),
            broker: Mutex::default(),
        })
    }

    /// Returns the cluster, the topics that exist and how far the group has come.
    ///
    /// # Errors
    /// No broker answers in time, or the brokers refuse us.
    pub(crate) async fn observe(self: &Arc<Self>, query: KafkaQuery) -> Result<KafkaView, KafkaError> {
        if let Some(line) = ffi::drain_log(self.native()) {
            self.record.note_old_line(line);
        }
        match self.look(query).await {
            Err(error) if error.is_on_the_way() => {
                let blocked = self.way.blocked(error.complaint()).await;
                Err(error.because(blocked))
            }
            seen => seen,
        }
    }

    /// Tells whether it has reached no broker for so long that another one may do better.
    pub(super) fn is_worn(&self, now: Instant) -> bool {
        self.record.is_worn(now)
    }

    async fn look(self: &Arc<Self>, query: KafkaQuery) -> Result<KafkaView, KafkaError> {
        let describe = |admin: &Self| ffi::describe_cluster(admin.native(), REQUEST_TIMEOUT);
        let cluster = self.blocking(Attempt::DescribeCluster, describe).await;
        let has_reached = cluster.as_ref().err().is_none_or(|error| !error.is_on_the_way());
        self.record.note_reach(has_reached, Instant::now());
        let cluster = cluster?;
        let names = query.topics.clone();
        let look = move |admin: &Self| admin.look_at_topics(&names);
        let mut seen = self.blocking(Attempt::DescribeTopics, look).await?;
        let (group, may_read_group) = self.observe_group(query, cluster.brokers.clone(), &seen).await?;
        for (name, config) in self.describe_configs(&seen.configurable()).await? {
            if let Some(topic) = seen.views.get_mut(&name) {
                topic.config = Some(config);
            }
        }
        let auto_creates_topics = self.auto_creates_topics(&cluster).await;
        let certificate_end = self.way.certificate_end().await;
        let brokers = cluster.brokers.len();
        let rights = Rights { topics: seen.rights, may_read_group };
        Ok(KafkaView {
            cluster_id: cluster.id,
            brokers,
            auto_creates_topics,
            topics: seen.views,
            group,
            rights,
            certificate_end,
        })
    }

    /// Returns how far the group has come, `None` while its coordinator is not up, and whether we may be its member.
    async fn observe_group(
        self: &Arc<Self>,
        query: KafkaQuery,
        brokers: Vec<i32>,
        seen: &SeenTopics,
    ) -> Result<(Option<GroupView>, Option<bool>), KafkaError> {
        let group_id = query.group_id.clone();
        let (attempt, topics) = (Attempt::ReadOffsets(group_id.clone()), seen.views.clone());
        let look = move |admin: &Self| admin.look_at_group(&query, &brokers, &topics);
        let group = match self.blocking(attempt.clone(), look).await {
            Ok(group) => group,
            Err(error) if error.is_coordinator_not_ready() => return Ok((None, None)),
            Err(error) if error.is_authorization() => return Ok((None, Some(false))),
            Err(error) => return Err(error),
        };
        // Who is a member may be one. Before there is a topic, nobody needs to know.
        let is_asked = group.members.is_none_or(|members| members == 0) && !seen.rights.is_empty();
        let may = if is_asked {
            let ask = move |admin: &Self| admin.groups.may_read(&group_id, REQUEST_TIMEOUT);
            self.blocking(attempt, ask).await?
        } else {
            None
        };
        Ok((Some(group), may))
    }

    /// Creates a topic and waits until its description can be read.
    ///
    /// # Errors
    /// The brokers refuse the topic or do not answer in time.
    pub(crate) async fn create_topic(
        self: &Arc<Self>,
        name: &TopicName,
        creation: TopicCreation,
    ) -> Result<(), KafkaError> {
        let new = name.clone();
        self.blocking(Attempt::CreateTopic(name.clone()), move |admin| {
            let config: Vec<_> =
                creation.config.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            let topic = ffi::NewTopic {
                name: new.as_str(),
                partitions: creation.partitions.map_or(-1, native_count),
                replication_factor: creation.replication_factor.map_or(-1, i32::from),
                config: &config,
            };
            ffi::create_topic(admin.native(), &topic, REQUEST_TIMEOUT)
        })
        .await?;
        self.until_visible(name).await;
        Ok(())
    }

    /// Waits until the brokers show a topic that they have created, which takes a moment; no longer than
    /// [`VISIBLE_MAX`], because it may already be gone again. That it was created stands, whatever is seen here.
    async fn until_visible(self: &Arc<Self>, name: &TopicName) {
        let deadline = Instant::now() + VISIBLE_MAX;
        let mut looks = tokio::time::interval(VISIBLE_PAUSE);
        while Instant::now() < deadline {
            looks.tick().await;
            let name = name.clone();
            let look = move |admin: &Self| admin.look_at_topics(std::slice::from_ref(&name));
            if self.blocking(Attempt::DescribeTopics, look).await.is_ok_and(|seen| !seen.views.is_empty()) {
                break;
            }
        }
    }

    /// Raises the number of partitions of a topic.
    ///
    /// # Errors
    /// The brokers refuse or do not answer in time.
    pub(crate) async fn raise_partitions(&self, name: &TopicName, to: u32) -> Result<(), KafkaError> {
        let partitions = NewPartitions::new(name.as_str(), usize::try_from(to).unwrap_or(usize::MAX));
        let answer = self.client.create_partitions([&partitions], &options()).await;
        self.outcome(Attempt::RaisePartitions(name.clone()), answer)
    }

    /// Sets the given configuration keys of a topic and leaves all others alone.
    ///
    /// # Errors
    /// The brokers refuse a key or value, or do not answer in time.
    pub(crate) async fn set_config(
        self: &Arc<Self>,
        name: &TopicName,
        entries: BTreeMap<String, String>,
    ) -> Result<(), KafkaError> {
        let entries = entries.into_iter().map(|(key, value)| (key, Some(value)));
        self.alter_config(name, entries.collect()).await
    }

    /// Lets the broker's default hold again for one configuration key of a topic.
    ///
    /// # Errors
    /// The brokers refuse or do not answer in time.
    pub(crate) async fn reset_config(
        self: &Arc<Self>,
        name: &TopicName,
        key: &str,
    ) -> Result<(), KafkaError> {
        self.alter_config(name, vec![(key.to_owned(), None)]).await
    }

    async fn alter_config(
        self: &Arc<Self>,
        name: &TopicName,
        entries: Vec<(String, Option<String>)>,
    ) -> Result<(), KafkaError> {
        let name = name.clone();
        self.blocking(Attempt::AlterConfig(name.clone()), move |admin| {
            let entries: Vec<_> =
                entries.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
            ffi::incremental_alter_configs(admin.native(), name.as_str(), &entries, REQUEST_TIMEOUT)
        })
        .await
    }

    /// Deletes a topic with all its messages; a topic that is not there counts as deleted.
    ///
    /// # Errors
    /// The brokers refuse or do not answer in time.
    pub(crate) async fn delete_topic(&self, name: &TopicName) -> Result<(), KafkaError> {
        let answer = self.client.delete_topics(&[name.as_str()], &options()).await;
        match self.outcome(Attempt::DeleteTopic(name.clone()), answer) {
            Err(error) if error.is_unknown_topic() => Ok(()),
            outcome => outcome,
        }
    }

    fn native(&self) -> &NativeClient {
        self.client.inner()
    }

    fn look_at_topics(&self, names: &[TopicName]) -> Result<SeenTopics, NativeError> {
        let texts: Vec<_> = names.iter().map(TopicName::as_str).collect();
        let mut seen = SeenTopics::default();
        for described in ffi::describe_topics(self.native(), &texts, REQUEST_TIMEOUT)? {
            seen.take(described)?;
        }
        Ok(seen)
    }

    fn look_at_group(
        &self,
        query: &KafkaQuery,
        brokers: &[i32],
        topics: &BTreeMap<TopicName, TopicView>,
    ) -> Result<GroupView, NativeError> {
        let partitions: Vec<_> = query
            .consumed
            .iter()
            .filter_map(|name| topics.get(name).map(|topic| (name, topic.partitions)))
            .flat_map(|(name, count)| (0..native_count(count)).map(|partition| (name.as_str(), partition)))
            .collect();
        if partitions.is_empty() {
            return Ok(GroupView::default());
        }
        let members = self.members(&query.group_id);
        let committed = self.groups.committed(&query.group_id, brokers, &partitions, REQUEST_TIMEOUT)?;
        let first = self.ends(&partitions, OffsetSpec::Earliest)?;
        let end = self.ends(&partitions, OffsetSpec::Latest)?;
        let partitions = partitions.into_iter().filter_map(|(topic, partition)| {
            let key = (topic.to_owned(), partition);
            let committed = committed.get(&key).copied();
            let (first, end) = (*first.get(&key)?, *end.get(&key)?);
            Some(PartitionView { topic: TopicName::parse(topic).ok()?, partition, first, end, committed })
        });
        Ok(GroupView { members, partitions: partitions.collect() })
    }

    /// The number of members of a group; `None` where the brokers do not tell. Every broker is asked for its groups,
    /// no coordinator is looked for: the admin client may do this.
    fn members(&self, group: &str) -> Option<u32> {
        let groups = self.native().fetch_group_list(Some(group), REQUEST_TIMEOUT).ok()?;
        let members = groups.groups().iter().find(|found| found.name() == group)?.members().len();
        u32::try_from(members).ok()
    }

    fn ends(
        &self,
        partitions: &[(&str, i32)],
        spec: OffsetSpec,
    ) -> Result<BTreeMap<(String, i32), i64>, NativeError> {
        Ok(keyed(ffi::list_offsets(self.native(), partitions, spec, REQUEST_TIMEOUT)?))
    }

    /// Runs a blocking call of librdkafka on the blocking pool.
    pub(super) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        attempt: Attempt,
        call: impl FnOnce(&Self) -> Result<T, NativeError> + Send + 'static,
    ) -> Result<T, KafkaError> {
        let admin = Arc::clone(self);
        let answer = tokio::task::spawn_blocking(move || call(&admin)).await.unwrap_or_else(|error| {
            let code = rdkafka::error::RDKafkaErrorCode::Fail;
            Err(NativeError { code, message: error.to_string() })
        });
        // To make a client is no proof that the brokers let it in.
        let is_proof = answer.is_ok() && attempt != Attempt::CreateClient;
        let failure = self.record.note(is_proof, ffi::drain_log(self.native()));
        answer.map_err(|source| KafkaError::new(attempt, &self.party, source, failure))
    }

    /// Returns what part of a call that succeeded otherwise was refused.
    pub(super) fn refused(&self, attempt: Attempt, source: NativeError) -> KafkaError {
        KafkaError::new(attempt, &self.party, source, None)
    }

    fn outcome(
        &self,
        attempt: Attempt,
        answer: rdkafka::error::KafkaResult<Vec<rdkafka::admin::TopicResult>>,
    ) -> Result<(), KafkaError> {
        let source = match answer {
            Err(error) => wrapped(&error),
            Ok(results) => match results.into_iter().find_map(Result::err) {
                None => return Ok(()),
                Some((_, code)) => native(code),
            },
        };
        Err(KafkaError::new(attempt, &self.party, source, None))
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(REQUEST_TIMEOUT)).operation_timeout(Some(REQUEST_TIMEOUT))
}

fn keyed(offsets: Vec<PartitionOffset>) -> BTreeMap<(String, i32), i64> {
    offsets.into_iter().map(|at| ((at.topic, at.partition), at.offset)).collect()
}

/// A number of partitions as Kafka counts them.
fn native_count(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn native(code: rdkafka::error::RDKafkaErrorCode) -> NativeError {
    NativeError { code, message: code.to_string() }
}
