//! Sees to it that no message of a topic that was created again is taken for one of the topic before. IO: Kafka.
//!
//! Three ways lead to the news: the library's own log, which comes before the first message of the new topic; the brokers,
//! who are asked now and then in case it does not; and the partitions' commits, when they are assigned.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use kafkasink_kafka_ffi::{LogQueue, NativeError};
use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{error, warn};

use crate::kafka::consumer_context::Context;
use crate::kafka::life_rule::{Change, Sighting, change};
use crate::kafka::replaced_topics::ReplacedTopics;
use crate::kafka::topic_ids::topic_ids;
use crate::record::{Topic, TopicId};

/// Time between looks at the brokers.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Longest wait for the brokers' answer. It is short because a look may be under way when the consumer is closed.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the brokers say of topics.
type Sightings = HashMap<Topic, Sighting>;

/// Under which ids topics are read.
pub(super) struct Lives {
    consumer: Arc<BaseConsumer<Context>>,
    log: LogQueue<Context>,
    replaced: ReplacedTopics,
    ids: BTreeMap<Topic, Option<TopicId>>,
    /// Ids of lives that are over, which a broker that lags behind may still tell.
    outdated: HashMap<Topic, TopicId>,
    cluster_id: Option<String>,
    look: Option<JoinHandle<Sightings>>,
    look_at: Option<Instant>,
}

impl Lives {
    /// Takes over the library's log.
    pub(super) fn new(consumer: &Arc<BaseConsumer<Context>>) -> Result<Self, NativeError> {
        Ok(Self {
            consumer: Arc::clone(consumer),
            log: LogQueue::take(Arc::clone(consumer))?,
            replaced: ReplacedTopics::default(),
            ids: BTreeMap::new(),
            outdated: HashMap::new(),
            cluster_id: None,
            look: None,
            look_at: None,
        })
    }

    /// Returns what the brokers say of topics that are about to be read; an id of a life that is over is no answer.
    pub(super) fn sight(&self, topics: &[Topic]) -> Sightings {
        let mut sightings = topic_ids(self.consumer.client(), topics, PATIENCE);
        for (topic, sighting) in &mut sightings {
            let is_over = |id: &TopicId| self.outdated.get(topic) == Some(id);
            if matches!(sighting, Sighting::Known(id) if is_over(id)) {
                *sighting = Sighting::Absent;
            }
        }
        sightings
    }

    /// Returns the id of the cluster; empty where the brokers do not tell.
    pub(super) fn cluster_id(&mut self) -> String {
        if self.cluster_id.is_none() {
            self.cluster_id = self.consumer.client().fetch_cluster_id(PATIENCE);
        }
        self.cluster_id.clone().unwrap_or_default()
    }

    /// Notes under which id a topic is read from now on.
    pub(super) fn begin(&mut self, topic: &Topic, id: Option<TopicId>) {
        self.ids.insert(topic.clone(), id);
    }

    /// Reads what the library has logged until now; returns the topics that are not any more what they were.
    pub(super) fn listen(&mut self) -> BTreeSet<Topic> {
        let (replaced, context) = (&self.replaced, self.consumer.context());
        self.log.drain(|level, facility, line| {
            replaced.note(facility, line);
            context.log(level, facility, line);
        });
        let news = self.replaced.take();
        news.into_iter().filter(|(topic, id)| self.end(topic, *id)).map(|(topic, _)| topic).collect()
    }

    /// Looks at the brokers, when it is time; returns the topics that are not there, or not any more what they were.
    pub(super) fn look(&mut self, runtime: &Handle) -> BTreeSet<Topic> {
        if let Some(look) = self.look.take_if(|look| look.is_finished()) {
            return match runtime.block_on(look) {
                Ok(sightings) => self.compare(&sightings),
                Err(error) => {
                    error!(%error, "looking at the topics failed");
                    BTreeSet::new()
                }
            };
        }
        let is_early = self.look_at.is_some_and(|at| Instant::now() < at);
        if self.look.is_none() && !is_early && !self.ids.is_empty() {
            self.look_at = Some(Instant::now() + LOOK_EVERY);
            let (consumer, topics) =
                (Arc::clone(&self.consumer), self.ids.keys().cloned().collect::<Vec<_>>());
            self.look = Some(runtime.spawn_blocking(move || topic_ids(consumer.client(), &topics, PATIENCE)));
        }
        BTreeSet::new()
    }

    fn compare(&mut self, sightings: &Sightings) -> BTreeSet<Topic> {
        let mut over = BTreeSet::new();
        for (topic, sighting) in sightings {
            let Some(id) = self.ids.get(topic).copied() else {
                continue;
            };
            let is_over = match change(id, sighting) {
                Change::None => false,
                Change::Gone => {
                    warn!(%topic, "the topic is gone, its partitions are given up");
                    self.ids.remove(topic);
                    true
                }
                Change::Replaced(now) => self.end(topic, Some(now)),
            };
            if is_over {
                over.insert(topic.clone());
            }
        }
        over
    }

    /// Ends the life of a topic that is read, unless the id is the one that it is read under; tells whether it did.
    fn end(&mut self, topic: &Topic, now: Option<TopicId>) -> bool {
        let Some(id) = self.ids.get(topic).copied() else {
            return false;
        };
        // A look that was under way may tell of a life that ended before the one that is read now.
        let is_past = now.is_some() && self.outdated.get(topic) == now.as_ref();
        if is_past || (now.is_some() && now == id) {
            return false;
        }
        self.ids.remove(topic);
        if let Some(id) = id {
            self.outdated.insert(topic.clone(), id);
        }
        warn!(%topic, "the topic was deleted and created again, its partitions begin anew");
        true
    }
}
