//! Pure. The trait that a store adapter implements.

use std::future::Future;

use super::topic_record::TopicRecord;
use crate::map::HeaderNames;
use crate::record::{Entry, TimestampUs};
use crate::writer::StoreError;

/// Why the registry does not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The store does not show the attachment.
    #[error("cannot read the attachment of entry {home}")]
    Read {
        /// The entry it belongs to.
        home: Entry,
        /// What the store said.
        #[source]
        source: StoreError,
    },
    /// The store does not take the attachment.
    #[error("cannot write the attachment of entry {home}")]
    Write {
        /// The entry it belongs to.
        home: Entry,
        /// What the store said.
        #[source]
        source: StoreError,
    },
    /// The store took the attachment and does not show it.
    #[error("the store took the attachment of entry {home} and shows another")]
    NotKept {
        /// The entry it belongs to.
        home: Entry,
    },
    /// The partition was told to stop before the attachment was read or written.
    #[error("the attachment of entry {home} is not asked for any more")]
    NotSent {
        /// The entry it belongs to.
        home: Entry,
    },
    /// Somebody else wrote an attachment of that name: a person must look at it.
    #[error("the attachment of entry {home} is none of a sink: {reason}; remove it if it is not needed")]
    Unreadable {
        /// The entry it belongs to.
        home: Entry,
        /// What is wrong with it.
        reason: String,
    },
}

/// Keeps attachments. Each `home` must have one writer only, as the module says; reading while it writes is safe, but the
/// answer may be broken off or say that there is nothing.
pub trait Registry: Send + Sync + 'static {
    /// Returns what is known about the topic whose home is `home`.
    fn topic(&self, home: &Entry) -> impl Future<Output = Result<Option<TopicRecord>, RegistryError>> + Send;

    /// Replaces what is known about a topic. `now` is the clock's time.
    ///
    /// # Guarantees
    /// None: the answer is no proof, only reading it back is. Until it is answered there may be no attachment at all.
    fn keep_topic(
        &self,
        home: &Entry,
        record: &TopicRecord,
        now: TimestampUs,
    ) -> impl Future<Output = Result<(), RegistryError>> + Send;

    /// Returns the names of headers that the partition whose home is `home` has stored under another name.
    fn header_names(&self, home: &Entry) -> impl Future<Output = Result<HeaderNames, RegistryError>> + Send;

    /// Replaces those names. `now` is the clock's time.
    ///
    /// # Guarantees
    /// None, as with [`Registry::keep_topic`].
    fn keep_header_names(
        &self,
        home: &Entry,
        names: &HeaderNames,
        now: TimestampUs,
    ) -> impl Future<Output = Result<(), RegistryError>> + Send;
}
