//! The only door to Kafka: one consumer on a thread of its own, and the producer of dead letters.

mod commit_metadata;
mod committer;
mod consumer_context;
mod dead_letters;
mod feed;
mod letter_headers;
mod message;
mod poll_loop;
mod properties;
mod pulse;
mod source;
mod start;
mod start_rule;
mod statistics;

pub use commit_metadata::{CommitMetadata, Place, SafePlace, Signature};
pub use dead_letters::{KafkaDeadLetters, KafkaDeadLettersError, LETTER_BYTES_MAX};
pub use properties::Membership;
pub use pulse::Pulse;
pub use source::{KafkaSource, KafkaSourceError};
#[cfg(all(test, not(feature = "no-commit-gate")))]
pub(crate) use start_rule::{Facts, Start, start};
