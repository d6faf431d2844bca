//! Pure. `Request` and `Answer`: what one partition asks of the store, one at a time, and what comes back.

use std::time::Duration;

use super::upkeep::{Done, Errand};
use crate::batch::Batch;
use crate::record::{Entry, TimestampUs};
use crate::registry::RegistryError;
use crate::writer::{Head, Range, StoreError};

/// One question or write; a partition never has two under way.
#[derive(Clone, Debug)]
pub enum Request {
    /// Where do these entries end? Asked once for each entry, from the given place on.
    Survey(Vec<(Entry, TimestampUs)>),
    /// What is in these ranges, before something is written there?
    Check(Check),
    /// Write these records.
    Write(Batch),
    /// What holds these places?
    Probe(Vec<(Entry, TimestampUs)>),
    /// Delete what half-written records hold these places.
    Mend(Vec<(Entry, TimestampUs)>),
    /// Show what was written.
    ReadBack(ReadBack),
    /// Ask the registry, or tell it something.
    Registry(Errand),
}

impl Request {
    /// Tells whether this may have many parts, none of which changes anything, so that it may end before the last one.
    #[must_use]
    pub fn is_long_question(&self) -> bool {
        match self {
            Self::Survey(_)
            | Self::Check(_)
            | Self::Probe(_)
            | Self::ReadBack(_)
            | Self::Registry(Errand::Gather) => true,
            Self::Write(_) | Self::Mend(_) | Self::Registry(Errand::Admit(_) | Errand::Publish(_)) => false,
        }
    }
}

/// What is asked before a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The neighbourhood of the places.
    pub ranges: Vec<Range>,
    /// Entries whose records may have been deleted by the bucket's policy.
    pub horizons_of: Vec<Entry>,
}

/// How records are read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadBack {
    /// By ranges.
    Ranges(Vec<Range>),
    /// One by one, where a range would cost too much.
    Points(Vec<(Entry, TimestampUs)>),
}

/// What came back.
#[derive(Debug)]
pub enum Answer {
    /// The newest place of each entry.
    Surveyed(Result<Vec<(Entry, TimestampUs, Option<TimestampUs>)>, StoreError>),
    /// What the ranges hold.
    Checked(Result<Checked, StoreError>),
    /// One answer for each record.
    Written(Result<Vec<Result<(), StoreError>>, StoreError>),
    /// One answer for each place, up to the first that says nothing about its place.
    Probed(Vec<Result<Head, StoreError>>),
    /// Whether all places are free now.
    Mended(Result<(), StoreError>),
    /// What the store shows of what was written.
    Shown {
        /// The records.
        heads: Result<Vec<(Entry, Head)>, StoreError>,
        /// What the question cost.
        took: Duration,
    },
    /// What the registry said.
    Registry(Result<Done, RegistryError>),
    /// The write was not sent: the bucket could not be asked for.
    Unprepared(StoreError),
    /// The request was not sent: the member could not prove that the partition is still its own.
    NotSent,
    /// The partition was told to stop before all of a question was answered; what was is dropped.
    BrokenOff,
}

/// What the store holds where something is about to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// All records of the ranges.
    pub heads: Vec<(Entry, Head)>,
    /// For each entry that was asked about the time below which the bucket's policy deletes; none where it keeps all.
    pub horizons: Vec<(Entry, TimestampUs)>,
}
