//! Pure. `Rejection`: why a message can never become a record, and at which `Stage` that shows.

use std::fmt;

use crate::record::Offset;

/// Characters that are kept of an illegal entry, a few more than a legal one may have.
const ENTRY_CHARS_KEPT: usize = 300;

/// The step at which a message is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The mapping makes no legal record of it.
    Map,
    /// The store refuses the record.
    Write,
}

/// Why a message can never become a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The entry template asks for a key.
    #[error("the entry needs a key and the message has none")]
    KeyMissing,
    /// The entry template asks for a header.
    #[error("the entry needs the header {0:?} and the message has none with a value")]
    EntryHeaderMissing(String),
    /// The entry's name would be one that the store cannot hold.
    #[error("the store cannot hold the entry {0:?}")]
    EntryIllegal(String),
    /// The timestamp header is absent and `onMissing` says to reject.
    #[error("the timestamp header {0:?} is absent")]
    TimestampMissing(String),
    /// The timestamp header cannot be read and `onMissing` says to reject.
    #[error("the timestamp header {0:?} cannot be read")]
    TimestampUnreadable(String),
    /// The time does not fit into the store's unsigned microseconds.
    #[error("the time {0} µs is above what the store can hold")]
    TimestampTooLarge(i128),
    /// A header's name is not UTF-8.
    #[error("the name of a header is not UTF-8")]
    HeaderNameUnreadable,
    /// The labels do not fit into one request.
    #[error("the labels take {bytes} bytes, the most are {bytes_max}")]
    LabelsTooLarge {
        /// Bytes of all names and values.
        bytes: usize,
        /// Bytes that a request may carry.
        bytes_max: usize,
    },
    /// There are more labels than a reader can be sent.
    #[error("the message has {count} labels, the most are {count_max}")]
    LabelsTooMany {
        /// Number of labels.
        count: usize,
        /// Number that a response may carry.
        count_max: usize,
    },
    /// The name of a label, which a header gave, is longer than a reader can be sent.
    #[error("the name of a label takes {bytes} bytes, the most are {bytes_max}")]
    LabelNameTooLong {
        /// Bytes of the name.
        bytes: usize,
        /// Bytes that a name may have.
        bytes_max: usize,
    },
    /// The store refused the record for what it is.
    #[error("the store refuses the record at offset {offset}: {message}")]
    Refused {
        /// Offset of the message.
        offset: Offset,
        /// What the store said.
        message: String,
        /// The HTTP status it said it with.
        status: u16,
    },
}

impl Rejection {
    /// Returns that an entry is illegal; of a long name only the beginning is kept, since it travels in logs and headers.
    pub(super) fn entry_illegal(name: &str) -> Self {
        Self::EntryIllegal(name.chars().take(ENTRY_CHARS_KEPT).collect())
    }

    /// Returns the step at which the message was rejected.
    #[must_use]
    pub fn stage(&self) -> Stage {
        if self.http_status().is_some() { Stage::Write } else { Stage::Map }
    }

    /// Returns the HTTP status that the store refused with, if it was the store.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::KeyMissing
            | Self::EntryHeaderMissing(_)
            | Self::EntryIllegal(_)
            | Self::TimestampMissing(_)
            | Self::TimestampUnreadable(_)
            | Self::TimestampTooLarge(_)
            | Self::HeaderNameUnreadable
            | Self::LabelsTooLarge { .. }
            | Self::LabelsTooMany { .. }
            | Self::LabelNameTooLong { .. } => None,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Map => "map",
            Self::Write => "write",
        })
    }
}
