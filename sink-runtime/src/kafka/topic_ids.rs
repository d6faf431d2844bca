//! Asks the brokers which topics stand behind their names now. IO: Kafka.

use std::collections::HashMap;
use std::time::Duration;

use kafkasink_kafka_ffi::{NativeError, TopicDescription, sight_topics};
use rdkafka::client::{Client, ClientContext};

use super::life_rule::Sighting;
use crate::record::Topic;

/// What the brokers say of a topic.
#[derive(Clone, Debug)]
pub(super) struct Sight {
    /// Whether it is there, and under which id.
    pub(super) sighting: Sighting,
    /// How many partitions it has; none where nobody tells.
    pub(super) partitions: Option<usize>,
}

impl Sight {
    /// Returns why nobody tells how many partitions it has; nothing where somebody does.
    pub(super) fn reason(&self) -> Option<&str> {
        match &self.sighting {
            Sighting::Untold { reason } if self.partitions.is_none() => Some(reason),
            Sighting::Untold { .. } | Sighting::Known(_) | Sighting::Absent => None,
        }
    }
}

/// Returns what the brokers say of each topic; blocks for at most a little longer than `patience`.
///
/// It never fails: brokers that do not answer, or do not tell ids, are one of the answers.
#[must_use]
pub fn topic_ids<C: ClientContext>(
    client: &Client<C>,
    topics: &[Topic],
    patience: Duration,
) -> HashMap<Topic, Sighting> {
    let sights = sights(client, topics, patience);
    sights.into_iter().map(|(topic, sight)| (topic, sight.sighting)).collect()
}

/// Returns the same, and how many partitions there are.
pub(super) fn sights<C: ClientContext>(
    client: &Client<C>,
    topics: &[Topic],
    patience: Duration,
) -> HashMap<Topic, Sight> {
    let names: Vec<&str> = topics.iter().map(Topic::as_str).collect();
    let described = match sight_topics(client, &names, patience) {
        Ok(described) => described,
        Err(error) => return topics.iter().map(|topic| (topic.clone(), untold(&error))).collect(),
    };
    let mut answers: HashMap<String, _> = described.into_iter().collect();
    let sight =
        |topic: &Topic| (topic.clone(), answers.remove(topic.as_str()).map_or_else(unmentioned, sight));
    topics.iter().map(sight).collect()
}

fn sight(answer: Result<TopicDescription, NativeError>) -> Sight {
    match answer {
        Ok(TopicDescription { id, partitions, .. }) => {
            let sighting = match id.parse() {
                Ok(id) => Sighting::Known(id),
                Err(error) => Sighting::Untold { reason: format!("the brokers tell no id: {error}") },
            };
            Sight { sighting, partitions: Some(partitions) }
        }
        Err(error) if error.is_unknown_topic() => Sight { sighting: Sighting::Absent, partitions: Some(0) },
        Err(error) => untold(&error),
    }
}

fn untold(error: &NativeError) -> Sight {
    Sight { sighting: Sighting::Untold { reason: error.to_string() }, partitions: None }
}

fn unmentioned() -> Sight {
    let reason = "the answer does not mention it".to_owned();
    Sight { sighting: Sighting::Untold { reason }, partitions: None }
}
