//! IO: Kafka. How old the oldest messages are that wait to be stored: as the members say, and where none does, by a look
//! at the next message itself.

use std::time::Duration;

use jiff::Timestamp;
use kafkasink_crds::topic_name::TopicName;
use tokio::time::Instant;

use crate::context::Context;
use crate::kafka::{KafkaError, NextMessage};
use crate::model::{Ages, GroupView, KafkaView, MembersView, Partition, Position, ValidatedSink};
use crate::telemetry::chain;

/// Returns the ages; none where the group could not be seen.
pub(crate) async fn ages(
    context: &Context,
    sink: &ValidatedSink,
    kafka: Option<&KafkaView>,
    members: &MembersView,
    now: Timestamp,
) -> Ages {
    let Some((kafka, group)) = kafka.and_then(|kafka| Some((kafka, kafka.group.as_ref()?))) else {
        return Ages::default();
    };
    let (mut ages, untold) = members.ages(&group.partitions, sink.kafka.start_from);
    ages.unknown.extend(unseen(sink, kafka, group));
    if untold.is_empty() {
        return ages;
    }
    let uid = &sink.identity.uid;
    let due = context.age_memory.due(uid, &untold, Instant::now());
    if let Some(error) = look(context, sink, due).await {
        tracing::debug!(
            sink = sink.identity.name,
            error = chain(&error),
            "the ages of messages are not known"
        );
    }
    for position in untold {
        match context.age_memory.next(uid, &position) {
            Some(NextMessage::MadeAt(made_ms)) => {
                ages.known.insert((position.topic, position.partition), since(made_ms, now));
            }
            Some(NextMessage::Absent) => {}
            Some(NextMessage::Undated) | None => ages.unknown.push((position.topic, position.partition)),
        }
    }
    ages
}

/// Partitions of which the brokers told nothing: one without a leader, above all.
fn unseen(sink: &ValidatedSink, kafka: &KafkaView, group: &GroupView) -> Vec<Partition> {
    let seen = |topic: &TopicName, number: i32| {
        group.partitions.iter().any(|seen| seen.topic == *topic && seen.partition == number)
    };
    let partitions = sink.topics.iter().flat_map(|topic| {
        let count = kafka.topics.get(&topic.name).map_or(0, |view| view.partitions);
        (0..i32::try_from(count).unwrap_or(i32::MAX)).map(move |number| (topic.name.clone(), number))
    });
    partitions.filter(|(topic, number)| !seen(topic, *number)).collect()
}

/// A message of the future has no age yet.
fn since(made_ms: i64, now: Timestamp) -> Duration {
    let age_ms = now.as_millisecond().saturating_sub(made_ms);
    Duration::from_millis(u64::try_from(age_ms).unwrap_or(0))
}

/// Asks Kafka, and returns why it could not be asked or what it refused.
async fn look(context: &Context, sink: &ValidatedSink, due: Vec<Position>) -> Option<KafkaError> {
    if due.is_empty() {
        return None;
    }
    let admin = match context.connections.get(&sink.connection(), Instant::now()) {
        Ok(admin) => admin,
        Err(error) => return Some(error),
    };
    let looks = admin.timestamps(&sink.kafka.group_id, due).await;
    for (position, next) in &looks.asked {
        context.age_memory.asked(&sink.identity.uid, position, *next, Instant::now());
    }
    looks.refusal
}
