//! Asks the brokers which topics stand behind their names now. IO: Kafka.

use std::collections::HashMap;
use std::time::Duration;

use kafkasink_kafka_ffi::{NativeError, TopicDescription, describe_topics};
use rdkafka::client::{Client, ClientContext};

use super::life_rule::Sighting;
use crate::record::Topic;

/// Returns what the brokers say of each topic; blocks for at most a little longer than `patience`.
///
/// It never fails: brokers that do not answer, or do not tell ids, are one of the answers.
#[must_use]
pub fn topic_ids<C: ClientContext>(
    client: &Client<C>,
    topics: &[Topic],
    patience: Duration,
) -> HashMap<Topic, Sighting> {
    let names: Vec<&str> = topics.iter().map(Topic::as_str).collect();
    let described = match describe_topics(client, &names, patience) {
        Ok(described) => described,
        Err(error) => return topics.iter().map(|topic| (topic.clone(), untold(&error))).collect(),
    };
    let mut answers: HashMap<String, _> = described.into_iter().collect();
    let sight =
        |topic: &Topic| (topic.clone(), answers.remove(topic.as_str()).map_or_else(unmentioned, sighting));
    topics.iter().map(sight).collect()
}

fn sighting(answer: Result<TopicDescription, NativeError>) -> Sighting {
    match answer {
        Ok(description) => match description.id.parse() {
            Ok(id) => Sighting::Known(id),
            Err(error) => Sighting::Untold { reason: format!("the brokers tell no id: {error}") },
        },
        Err(error) if error.is_unknown_topic() => Sighting::Absent,
        Err(error) => untold(&error),
    }
}

fn untold(error: &NativeError) -> Sighting {
    Sighting::Untold { reason: error.to_string() }
}

fn unmentioned() -> Sighting {
    Sighting::Untold { reason: "the answer does not mention it".to_owned() }
}
