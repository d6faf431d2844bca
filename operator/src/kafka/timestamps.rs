//! IO: Kafka. When messages were made: the first one at or behind each of some offsets, for sinks whose members do not say.
//!
//! Partition after partition, so that no more than one fetch is held in memory. Reading moves no offset.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafkasink_kafka_ffi::NativeError;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError as LibraryError;
use rdkafka::{Message, Offset, TopicPartitionList};
use tokio::time::Instant;

use super::admin::KafkaAdmin;
use super::error::{Attempt, KafkaError, wrapped};
use crate::model::Position;

/// Longest time for all of them; those that were not reached are asked about first the next time.
const LOOK_MAX: Duration = Duration::from_secs(5);

/// The first message at or behind a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NextMessage {
    /// It was made then, in milliseconds since 1970.
    MadeAt(i64),
    /// It does not say when it was made.
    Undated,
    /// There is none: only marks of transactions follow.
    Absent,
}

impl KafkaAdmin {
    /// Returns the first message at or behind each position, as far as that could be seen in time.
    ///
    /// # Errors
    /// The brokers refuse us.
    pub(crate) async fn timestamps(
        self: &Arc<Self>,
        group_id: &str,
        positions: Vec<Position>,
    ) -> Result<BTreeMap<Position, NextMessage>, KafkaError> {
        let (attempt, group_id) = (Attempt::ReadMessages(group_id.to_owned()), group_id.to_owned());
        self.blocking(attempt, move |admin| {
            let consumer = admin.groups.get(&group_id, Instant::now())?;
            let seen = look(&consumer, positions);
            consumer.unassign().map_err(|error| wrapped(&error))?;
            seen
        })
        .await
    }
}

fn look(
    consumer: &BaseConsumer,
    positions: Vec<Position>,
) -> Result<BTreeMap<Position, NextMessage>, NativeError> {
    let deadline = Instant::now() + LOOK_MAX;
    let mut seen = BTreeMap::new();
    for position in positions {
        let Some(next) = first_behind(consumer, &position, deadline).map_err(|error| wrapped(&error))? else {
            break;
        };
        seen.insert(position, next);
    }
    Ok(seen)
}

/// Nothing where the time is over.
fn first_behind(
    consumer: &BaseConsumer,
    position: &Position,
    deadline: Instant,
) -> Result<Option<NextMessage>, LibraryError> {
    let mut wanted = TopicPartitionList::new();
    wanted.add_partition_offset(
        position.topic.as_str(),
        position.partition,
        Offset::Offset(position.offset),
    )?;
    consumer.assign(&wanted)?;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        match consumer.poll(left) {
            None => return Ok(None),
            Some(Err(LibraryError::PartitionEOF(partition))) if partition == position.partition => {
                return Ok(Some(NextMessage::Absent));
            }
            Some(Err(error)) if is_passing(&error) => {}
            Some(Err(error)) => return Err(error),
            Some(Ok(message)) if is_of(&message, position) => return Ok(Some(dated(&message))),
            // What an earlier assignment left.
            Some(Ok(_)) => {}
        }
    }
}

/// A connection that fails is tried again by the client; the deadline ends that.
fn is_passing(error: &LibraryError) -> bool {
    let error = wrapped(error);
    !(error.is_authentication() || error.is_authorization() || error.is_unknown_topic())
}

fn dated(message: &impl Message) -> NextMessage {
    message.timestamp().to_millis().map_or(NextMessage::Undated, NextMessage::MadeAt)
}

fn is_of(message: &impl Message, position: &Position) -> bool {
    message.topic() == position.topic.as_str()
        && message.partition() == position.partition
        && message.offset() >= position.offset
}
