//! Pure. The port to the dead-letter topic: `DeadLetters` takes `Letter`s and tells which were delivered.
//!
//! A letter may be delivered twice: where a member dies between the delivery and the commit, the message is read and
//! rejected again. Both letters carry the same [`letter_id`] in a header, by which a consumer recognises the second.

use std::future::Future;
use std::sync::Arc;

use crate::map::Rejection;
use crate::record::{Message, Offset, TopicPartition};

/// A rejected message with the reason.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Where the message came from.
    pub from: TopicPartition,
    /// The message as it was.
    pub message: Arc<Message>,
    /// Why it can never be stored.
    pub reason: Rejection,
    /// How often its delivery was tried before.
    pub attempts: u32,
}

/// Why a letter was not delivered; it is tried again in any case.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot deliver a letter of {bytes} bytes to the topic {topic:?}: {reason}")]
pub struct DeadLetterError {
    /// The dead-letter topic.
    pub topic: String,
    /// Size of the message in the letter, without our headers.
    pub bytes: usize,
    /// What the broker or the producer said.
    pub reason: String,
    /// What it means.
    pub obstacle: Obstacle,
}

/// What keeps a letter from its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// Something that passes: a broker that is away, a time-out.
    Passing,
    /// The letter is larger than the topic takes.
    TooLarge,
    /// There is no such topic.
    NoTopic,
    /// The sink may not write to the topic.
    Forbidden,
    /// The topic refuses the letter for what it is.
    Refused,
}

/// Takes rejected messages.
pub trait DeadLetters: Send + Sync + 'static {
    /// Delivers the letters and returns one answer for each, in order.
    ///
    /// # Guarantees
    /// An answer without error means that all replicas in sync have the letter.
    fn deliver(&self, letters: Vec<Letter>) -> impl Future<Output = Vec<Result<(), DeadLetterError>>> + Send;
}

/// Returns what is the same for all letters of one message and no other: its topic, partition and offset.
#[must_use]
pub fn letter_id(from: &TopicPartition, offset: Offset) -> String {
    format!("{from}/{offset}")
}

impl Obstacle {
    /// Returns what somebody must change before any letter like it is delivered; none where waiting is enough.
    #[must_use]
    pub fn remedy(self) -> Option<&'static str> {
        match self {
            Self::Passing => None,
            Self::TooLarge => Some("raise max.message.bytes of the dead-letter topic"),
            Self::NoTopic => Some("create the dead-letter topic"),
            Self::Forbidden => Some("allow the sink to write to the dead-letter topic"),
            Self::Refused => Some("set cleanup.policy of the dead-letter topic to delete"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::letter_id;
    use crate::record::{Offset, Partition, Topic, TopicPartition};

    #[test]
    fn letters_are_recognised_by_where_their_message_stood() {
        let from = TopicPartition { topic: Topic::new("sensors.raw"), partition: Partition(3) };
        assert_eq!(letter_id(&from, Offset(17)), "sensors.raw/3/17");
    }
}
