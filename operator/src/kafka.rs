//! The door to Kafka's admin API: nothing outside this folder names rdkafka.
//!
//! ```text
//! connections ──► admin ──► kafka-ffi (one client per distinct connection, shared by all sinks on it)
//!                   ├─────► groups    (one client for all consumer groups, beside it)
//!                   ├─────► timestamps (when messages were made)
//!                   └─────► error     (what a failure means to the user) ──► blocked, party
//!                             way       (how far one comes without librdkafka, which tells little)
//!
//! `connections` and `groups` keep their clients in an `idle_cache`; `security` is how clients and brokers know each other.
//! ```

mod admin;
mod blocked;
mod connections;
mod error;
mod groups;
mod idle_cache;
mod party;
mod security;
mod timestamps;
mod track_record;
mod way;

pub(crate) use admin::{KafkaAdmin, KafkaQuery};
pub(crate) use connections::Connections;
pub(crate) use error::KafkaError;
pub(crate) use timestamps::NextMessage;
