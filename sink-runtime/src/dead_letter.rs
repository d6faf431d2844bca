//! Pure. The port to the dead-letter topic: `DeadLetters` takes `Letter`s and tells which were delivered.

use std::future::Future;
use std::sync::Arc;

use crate::map::Rejection;
use crate::record::{Message, TopicPartition};

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

/// Why a letter was not delivered; it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// The producer did not take it.
    #[error("cannot hand a message to the producer of the topic {topic:?}: {reason}")]
    Enqueue {
        /// The dead-letter topic.
        topic: String,
        /// What the producer said.
        reason: String,
    },
    /// The broker did not take it.
    #[error("cannot deliver a message to the topic {topic:?}: {reason}")]
    Deliver {
        /// The dead-letter topic.
        topic: String,
        /// What the broker or the producer said.
        reason: String,
    },
}

/// Takes rejected messages.
pub trait DeadLetters: Send + Sync + 'static {
    /// Delivers the letters and returns one answer for each, in order.
    ///
    /// # Guarantees
    /// An answer without error means that all replicas in sync have the letter.
    fn deliver(&self, letters: Vec<Letter>) -> impl Future<Output = Vec<Result<(), DeadLetterError>>> + Send;
}
