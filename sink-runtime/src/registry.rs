//! Pure. The port to the registry: what the store keeps about a topic beside its records, as the attachment
//! `kafkasink`, and what follows from it.
//!
//! ```text
//!   home ──► which entry the attachment belongs to
//!   port ──► read and write it (the adapter is in `reduct/`)
//!   decision ──► is the topic ours, in which life
//!   admission ──► all of it, before a partition writes its first record
//!   lineage ──► what Kafka and the configuration say before that
//! ```
//!
//! Two requests that meet on one entry lock the store up, also on the hidden entry that holds attachments. So each has
//! one writer: that of a topic the owner of the topic's partition 0, that of a partition its owner, each as the one
//! request that the partition may have open. Everybody may read at any time.

mod admission;
mod decision;
mod home;
mod lineage;
mod port;
mod topic_record;

pub use admission::{Admission, admit, gather_header_names, publish_header_names};
pub use decision::{Claim, Decision, decide};
pub use home::{KEEPER, partition_home, topic_home};
pub use lineage::{GroupStart, Lineage, Sink};
pub use port::{Registry, RegistryError};
pub use topic_record::{LastLife, LifeNumber, Owner, TopicRecord};
