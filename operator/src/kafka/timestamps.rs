//! IO: Kafka. When messages were made: the first one at or behind each of some offsets, for sinks whose members do not say.
//!
//! Partition after partition, so that no more than one fetch is held in memory. Reading moves no offset.

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

/// Longest time for one of them: a partition whose leader is silent takes no more from the others.
const ONE_MAX: Duration = Duration::from_secs(2);

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

/// What came of a look at positions.
#[derive(Debug)]
pub(crate) struct Looks<E = KafkaError> {
    /// Those that were asked about, and what was answered; nothing where no answer came in time.
    pub(crate) asked: Vec<(Position, Option<NextMessage>)>,
    /// The first refusal.
    pub(crate) refusal: Option<E>,
}

impl KafkaAdmin {
    /// Returns the first message at or behind each position, as far as that could be seen in time.
    pub(crate) async fn timestamps(self: &Arc<Self>, group_id: &str, positions: Vec<Position>) -> Looks {
        let (attempt, group_id) = (Attempt::ReadMessages(group_id.to_owned()), group_id.to_owned());
        let looks = self.blocking(attempt.clone(), move |admin| {
            let consumer = admin.groups.get(&group_id, Instant::now())?;
            let deadline = Instant::now() + LOOK_MAX;
            let looks = look(positions, |position| {
                let now = Instant::now();
                let patience = deadline.saturating_duration_since(now).min(ONE_MAX);
                (!patience.is_zero()).then(|| first_behind(&consumer, position, now + patience))
            });
            // It would go on to fetch what nobody takes.
            let refusal = consumer.unassign().err().map(|error| wrapped(&error));
            Ok(Looks { refusal: looks.refusal.or(refusal), ..looks })
        });
        match looks.await {
            Ok(Looks { asked, refusal }) => {
                Looks { asked, refusal: refusal.map(|source| self.refused(attempt, source)) }
            }
            Err(error) => Looks { asked: Vec::new(), refusal: Some(error) },
        }
    }
}

/// Asks about one position after the other until the time is over. What one partition is refused says nothing of the others,
/// unless the brokers do not let us in at all.
fn look(
    positions: Vec<Position>,
    mut ask: impl FnMut(&Position) -> Option<Result<Option<NextMessage>, NativeError>>,
) -> Looks<NativeError> {
    let mut looks = Looks { asked: Vec::new(), refusal: None };
    for position in positions {
        let Some(answer) = ask(&position) else { break };
        let (next, refusal) = answer.map_or_else(|error| (None, Some(error)), |next| (next, None));
        looks.asked.push((position, next));
        let is_end = refusal.as_ref().is_some_and(NativeError::is_authentication);
        looks.refusal = looks.refusal.or(refusal);
        if is_end {
            break;
        }
    }
    looks
}

/// Nothing where the time is over.
fn first_behind(
    consumer: &BaseConsumer,
    position: &Position,
    deadline: Instant,
) -> Result<Option<NextMessage>, NativeError> {
    let mut wanted = TopicPartitionList::new();
    let (topic, offset) = (position.topic.as_str(), Offset::Offset(position.offset));
    wanted.add_partition_offset(topic, position.partition, offset).map_err(|error| wrapped(&error))?;
    consumer.assign(&wanted).map_err(|error| wrapped(&error))?;
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
            Some(Err(error)) => return Err(wrapped(&error)),
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

#[cfg(test)]
mod tests {
    use kafkasink_crds::topic_name::TopicName;
    use rdkafka::error::RDKafkaErrorCode as Code;

    use super::{NativeError, NextMessage, Position, look};

    fn refused(code: Code) -> Result<Option<NextMessage>, NativeError> {
        Err(NativeError { code, message: String::new() })
    }

    /// Asks about as many partitions as there are answers, and one more: which were asked about, answered, and what was refused.
    fn check(
        answers: Vec<Option<Result<Option<NextMessage>, NativeError>>>,
        asked: &[i32],
        answered: &[i32],
        refusal: Option<Code>,
    ) {
        let topic = TopicName::parse("t").unwrap();
        let at = |partition| Position { topic: topic.clone(), partition, offset: 0 };
        let count = i32::try_from(answers.len()).unwrap();
        let mut answers = answers.into_iter();
        let looks = look((0..=count).map(at).collect(), |_| answers.next().flatten());
        let numbers = |is_answered: bool| {
            let all = looks.asked.iter().filter(move |(_, next)| !is_answered || next.is_some());
            all.map(|(position, _)| position.partition).collect::<Vec<_>>()
        };
        assert_eq!((numbers(false), numbers(true)), (asked.to_vec(), answered.to_vec()));
        assert_eq!(looks.refusal.map(|error| error.code), refusal);
    }

    #[test]
    fn neither_silence_nor_refusal_of_a_partition_hides_the_others() {
        let (made, silent) = (|| Some(Ok(Some(NextMessage::MadeAt(1)))), || Some(Ok(None)));
        let (gone, shut) = (Code::UnknownTopicOrPartition, Code::TopicAuthorizationFailed);
        check(vec![made(), silent(), made()], &[0, 1, 2], &[0, 2], None);
        check(vec![Some(refused(gone)), made(), Some(refused(shut))], &[0, 1, 2], &[1], Some(gone));
        check(vec![made(), None, made()], &[0], &[0], None);
        check(
            vec![made(), Some(refused(Code::Authentication)), made()],
            &[0, 1],
            &[0],
            Some(Code::Authentication),
        );
    }
}
