//! The only door to Kafka: one consumer on a thread of its own, and the producer of dead letters.

mod access;
mod address_book;
mod commit_metadata;
mod committer;
mod complaints;
mod consumer_context;
mod coverage;
mod credentials;
mod dead_letters;
mod ends;
mod feed;
mod fetch_error;
mod letter_headers;
mod life_rule;
mod message;
mod passed;
mod poll_loop;
mod proof;
mod properties;
mod replaced_topics;
mod responses;
mod source;
mod start;
mod start_rule;
mod statistics;
mod survey;
mod topic_ids;

pub use access::Access;
pub use commit_metadata::{CommitMetadata, Place, SafePlace, Signature};
pub use credentials::{CredentialsError, KafkaCredentials};
pub use dead_letters::{KafkaDeadLetters, KafkaDeadLettersError, LETTER_BYTES_MAX};
pub use life_rule::{Beginning, Change, LifeFacts, Sighting, beginning, change, latest_life, needs_registry};
#[cfg(test)]
#[cfg(not(feature = "no-commit-gate"))]
pub(crate) use passed::{Known, Passed};
pub use proof::{ProofError, prove};
pub use properties::{Connection, Membership};
pub use replaced_topics::ReplacedTopics;
pub use source::{KafkaSource, KafkaSourceError, Vitals};
#[cfg(test)]
#[cfg(not(feature = "no-commit-gate"))]
pub(crate) use start_rule::{Facts, Start, start};
pub use survey::{SurveyError, survey};
pub use topic_ids::topic_ids;
