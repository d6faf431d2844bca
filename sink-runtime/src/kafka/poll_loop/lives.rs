//! Sees to it that no message of a topic that was created again is taken for one of the topic before. IO: Kafka.
//!
//! Three ways lead to the news: the library's own log, which comes before the first message of the new topic; the brokers,
//! who are asked now and then in case it does not; and the partitions' commits, when they are assigned.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use kafkasink_kafka_ffi::{LogQueue, NativeError};
use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tokio::runtime::Handle;
use tokio::time::Instant;
use tracing::warn;

use super::is_early;
use super::known_ids::KnownIds;
use super::look::Look;
use crate::kafka::consumer_context::Context;
use crate::kafka::life_rule::{Change, Sighting};
use crate::kafka::replaced_topics::ReplacedTopics;
use crate::kafka::topic_ids::{Sight, sights, topic_ids};
use crate::record::{Topic, TopicId};
use crate::source::Commit;

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
    ids: KnownIds,
    cluster_id: Option<String>,
    look: Look<Sightings>,
    look_at: Option<Instant>,
}

impl Lives {
    /// Takes over the library's log.
    pub(super) fn new(consumer: &Arc<BaseConsumer<Context>>) -> Result<Self, NativeError> {
        Ok(Self {
            consumer: Arc::clone(consumer),
            log: LogQueue::take(Arc::clone(consumer))?,
            replaced: ReplacedTopics::default(),
            ids: KnownIds::default(),
            cluster_id: None,
            look: Look::default(),
            look_at: None,
        })
    }

    /// Returns what the brokers say of topics that are about to be read; an id of a life that is over is no answer.
    pub(super) fn sight(&self, topics: &[Topic]) -> HashMap<Topic, Sight> {
        let mut sights = sights(self.consumer.client(), topics, PATIENCE);
        let now = Instant::now();
        for (topic, Sight { sighting, .. }) in &mut sights {
            if matches!(sighting, Sighting::Known(id) if self.ids.is_over(now, topic, *id)) {
                *sighting = Sighting::Absent;
            }
        }
        sights
    }

    /// Returns the id of the cluster; empty where the brokers do not tell.
    pub(super) fn cluster_id(&mut self) -> String {
        if self.cluster_id.is_none() {
            self.cluster_id = self.consumer.client().fetch_cluster_id(PATIENCE);
        }
        self.cluster_id.clone().unwrap_or_default()
    }

    /// Notes under which id a topic is read from now on; tells whether some of its partitions are read under another.
    pub(super) fn begin(&mut self, topic: &Topic, id: Option<TopicId>) -> bool {
        let is_replaced = self.ids.begin(Instant::now(), topic, id);
        if is_replaced {
            tell_replaced(topic);
        }
        is_replaced
    }

    /// Tells whether a commit may be about the life that is read now.
    pub(super) fn may_be_current(&self, commit: &Commit) -> bool {
        self.ids.may_be_current(&commit.partition.topic, commit.life)
    }

    /// Reads what the library has logged until now; returns the topics that are not any more what they were.
    pub(super) fn listen(&mut self) -> BTreeSet<Topic> {
        let (replaced, context) = (&self.replaced, self.consumer.context());
        self.log.drain(|level, facility, line| {
            replaced.note(facility, line);
            context.log(level, facility, line);
        });
        let (news, now) = (self.replaced.take(), Instant::now());
        let over = news.into_iter().filter(|(topic, id)| self.ids.end(now, topic, *id));
        over.map(|(topic, _)| topic).inspect(tell_replaced).collect()
    }

    /// Looks at the brokers, when it is time; returns the topics that are not there, or not any more what they were.
    pub(super) fn look(&mut self, runtime: &Handle) -> BTreeSet<Topic> {
        if let Some(sightings) = self.look.take(runtime) {
            return self.compare(&sightings);
        }
        if !self.look.is_under_way() && !is_early(self.look_at) {
            self.look_at = Some(Instant::now() + LOOK_EVERY);
            let (consumer, topics) = (Arc::clone(&self.consumer), self.ids.topics());
            self.look.begin(runtime, move || topic_ids(consumer.client(), &topics, PATIENCE));
        }
        BTreeSet::new()
    }

    fn compare(&mut self, sightings: &Sightings) -> BTreeSet<Topic> {
        let (mut over, now) = (BTreeSet::new(), Instant::now());
        for (topic, sighting) in sightings {
            match self.ids.compare(now, topic, sighting) {
                Change::None => continue,
                Change::Gone => warn!(%topic, "the topic is gone, its partitions are given up"),
                Change::Replaced(_) => tell_replaced(topic),
            }
            over.insert(topic.clone());
        }
        over
    }
}

fn tell_replaced(topic: &Topic) {
    warn!(%topic, "the topic was deleted and created again, its partitions begin anew");
}
