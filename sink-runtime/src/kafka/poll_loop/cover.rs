//! Makes sure that every partition belongs to some member, after the own ones have changed. IO: Kafka.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use kafkasink_kafka_ffi::{GroupDescription, NativeError, describe_group, sight_topics};
use rdkafka::consumer::{BaseConsumer, Consumer};
use tokio::runtime::Handle;
use tokio::time::Instant;
use tracing::{debug, error, warn};

use super::look::Look;
use super::{PollLoop, PollSettings};
use crate::kafka::consumer_context::Context;
use crate::kafka::coverage::{Coverage, Seen};
use crate::record::{Partition, Topic, TopicPartition};

/// Longest wait for each of the brokers' answers. It is short because a look may be under way when the consumer is closed.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is known, and the look that is under way.
#[derive(Default)]
pub(super) struct Cover {
    coverage: Coverage,
    look: Look<Seen>,
}

impl Cover {
    /// Begins anew, because the own partitions have changed; a look that is under way tells of what was.
    pub(super) fn begin(&mut self) {
        self.look.forget();
        self.coverage.begin(Instant::now());
    }

    /// Looks at the group, when it is time; returns the partitions that belong to nobody.
    fn look(
        &mut self,
        consumer: &Arc<BaseConsumer<Context>>,
        settings: &PollSettings,
        runtime: &Handle,
    ) -> BTreeSet<TopicPartition> {
        if let Some(seen) = self.look.take(runtime) {
            return self.coverage.judge(seen, Instant::now());
        }
        if !self.look.is_under_way() && self.coverage.is_due(Instant::now()) {
            let (consumer, settings) = (Arc::clone(consumer), settings.clone());
            self.look.begin(runtime, move || look(&consumer, &settings));
        }
        BTreeSet::new()
    }
}

impl PollLoop {
    /// Leaves the group and joins it again where partitions belong to nobody: a rebalance hands them out.
    pub(super) fn cover(&mut self, runtime: &Handle) {
        let unowned = self.cover.look(&self.consumer, &self.settings, runtime);
        let Some(first) = unowned.first() else {
            return;
        };
        warn!(partitions = unowned.len(), %first, "partitions belong to no member, this one joins the group anew");
        self.consumer.unsubscribe();
        let topics: Vec<&str> = self.settings.topics.iter().map(String::as_str).collect();
        if let Err(error) = self.consumer.subscribe(&topics) {
            error!(%error, "cannot join the group anew, it is tried again");
            self.cover.begin();
        }
    }
}

fn look(consumer: &BaseConsumer<Context>, settings: &PollSettings) -> Seen {
    let seen = describe_group(consumer, &settings.group_id, PATIENCE);
    let seen = seen.and_then(|group| compare(consumer, settings, &group));
    seen.unwrap_or_else(|error| {
        debug!(%error, "cannot look at the group, it is tried again");
        Seen::Unsettled
    })
}

/// Returns which partitions of the topics are not in the group; topics that are not there have none.
fn compare(
    consumer: &BaseConsumer<Context>,
    settings: &PollSettings,
    group: &GroupDescription,
) -> Result<Seen, NativeError> {
    if !group.is_stable {
        return Ok(Seen::Unsettled);
    }
    let names: Vec<&str> = settings.topics.iter().map(String::as_str).collect();
    let assigned: HashSet<(&str, i32)> =
        group.assigned.iter().map(|(topic, partition)| (topic.as_str(), *partition)).collect();
    let mut unowned = BTreeSet::new();
    for (name, description) in sight_topics(consumer.client(), &names, PATIENCE)? {
        let count = description.map_or(0, |description| description.partitions);
        let numbers = (0..).take(count).filter(|number| !assigned.contains(&(name.as_str(), *number)));
        unowned.extend(
            numbers.map(|number| TopicPartition { topic: Topic::new(&name), partition: Partition(number) }),
        );
    }
    let ahead = group.instance_ids.iter().filter(|id| **id < settings.instance_id).count();
    Ok(Seen::Settled { unowned, ahead: u32::try_from(ahead).unwrap_or(u32::MAX) })
}
