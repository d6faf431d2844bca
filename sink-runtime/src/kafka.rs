//! The only door to Kafka: one consumer on a thread of its own, and the producer of dead letters.

mod access;
mod commit_metadata;
mod committer;
mod consumer_context;
mod credentials;
mod dead_letters;
mod feed;
mod message;
mod poll_loop;
mod proof;
mod properties;
mod pulse;
mod source;
mod start;
mod start_rule;
mod statistics;

pub use access::Access;
pub use commit_metadata::{CommitMetadata, Place};
pub use credentials::{CredentialsError, KafkaCredentials};
pub use dead_letters::{KafkaDeadLetters, KafkaDeadLettersError};
pub use proof::{ProofError, prove};
pub use properties::{Connection, Membership};
pub use pulse::Pulse;
pub use source::{KafkaSource, KafkaSourceError, Vitals};
