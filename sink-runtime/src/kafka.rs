//! The only door to Kafka: one consumer on a thread of its own, and the producer of dead letters.

mod commit_metadata;
mod committer;
mod consumer_context;
mod dead_letters;
mod feed;
mod message;
mod poll_loop;
mod properties;
mod source;
mod start;
mod start_rule;
mod statistics;
mod survey;

pub use commit_metadata::{CommitMetadata, Place};
pub use dead_letters::{KafkaDeadLetters, KafkaDeadLettersError};
pub use properties::Membership;
pub use source::{KafkaSource, KafkaSourceError};
pub use survey::{SurveyError, survey};
