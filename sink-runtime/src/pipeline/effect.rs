//! Pure. `Input` and `Effect`: what happens to a partition, and what it wants done about it.

use std::time::Instant;

use super::breaker::Flood;
use super::reach::GroupView;
use super::request::{Answer, Request};
use super::standing::StoreSeen;
use crate::dead_letter::{DeadLetterError, Letter};
use crate::invariants::Invariant;
use crate::map::Rejection;
use crate::progress::Progress;
use crate::record::{Message, Offset};
use crate::registry::{LifeNumber, Owner, RegistryError};
use crate::source::Arrival;
use crate::writer::StoreError;

/// What happens to a partition.
#[derive(Debug)]
pub enum Input {
    /// Messages arrived.
    Messages(Vec<Message>),
    /// No message lies below this offset but those that arrived.
    Passed(Offset),
    /// The store answered.
    Answer(Answer),
    /// The dead-letter topic answered for each letter.
    Letters(Vec<Result<(), DeadLetterError>>),
    /// The store was seen, for the first time or after something about it changed.
    Store(StoreSeen),
    /// The broker has taken a commit, or told something.
    Group(GroupView),
    /// The time that was asked for has come, or the limits have changed.
    Tick,
    /// Begin nothing new; prove until then what was written, and end as soon as nothing is under way.
    Stop(Instant),
}

impl From<Arrival> for Input {
    fn from(arrival: Arrival) -> Self {
        match arrival {
            Arrival::Messages(messages) => Self::Messages(messages),
            Arrival::Passed(offset) => Self::Passed(offset),
        }
    }
}

/// Why only the last mapping can go on: by another one records would be stored a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The store was restarted while its records were not safe: they must be replayed.
    StoreRestarted,
    /// Its members may have stored messages beyond the commit: there are some.
    StoredBeyond {
        /// What is committed.
        point: Offset,
        /// All that they have stored lies below.
        reach: Offset,
    },
}

/// What a partition wants done, or tells.
#[derive(Debug)]
pub enum Effect {
    /// Ask the store.
    Send(Request),
    /// Let the question under way end before its next part.
    BreakOff,
    /// Deliver letters.
    Deliver(Vec<Letter>),
    /// Messages must come again, from a point on.
    GoBack {
        /// From where.
        progress: Progress,
        /// The point must be committed before anything is read: the store was restarted.
        is_committed_first: bool,
    },
    /// The store has answered for records.
    Stored {
        /// Payload bytes of all of them.
        bytes: usize,
        /// The time of each message.
        timestamps_ms: Vec<Option<i64>>,
    },
    /// Records were in the store already.
    Found(usize),
    /// Records were written that the store had before.
    Rewritten(usize),
    /// The store does not show records that it has answered for; the lowest offset among them.
    Missing {
        /// How many.
        count: usize,
        /// The lowest.
        offset: Offset,
    },
    /// The bucket's policy has deleted records that were stored.
    Expired(Vec<Offset>),
    /// Nothing is written before the records of the last mapping are safe.
    Drains,
    /// Only the last mapping can go on.
    Refused(Refusal),
    /// A commit is of use now: nothing is handed out beyond what the broker has taken a promise for.
    CommitWanted,
    /// The partition may be written, in this life of its topic.
    Admitted(LifeNumber),
    /// The entries are somebody else's: nothing is written.
    Foreign(Box<Owner>),
    /// The registry failed; it is asked again.
    RegistryFailing {
        /// What went wrong.
        error: RegistryError,
        /// How often in a row.
        attempts: u32,
    },
    /// Messages lie in the dead-letter topic.
    DeadLettered(usize),
    /// A message can never be stored and holds the partition.
    Held {
        /// The message.
        offset: Offset,
        /// Why.
        reason: Rejection,
    },
    /// Too many messages are rejected: this one is no letter any more, the partition is held.
    Flooded {
        /// The message.
        offset: Offset,
        /// Why it is rejected.
        reason: Rejection,
        /// How many were.
        flood: Flood,
    },
    /// The store failed; it is tried again.
    StoreFailing {
        /// What went wrong.
        error: StoreError,
        /// How often in a row.
        attempts: u32,
    },
    /// The dead-letter topic failed; it is tried again.
    LettersFailing {
        /// What went wrong.
        error: DeadLetterError,
        /// How often in a row.
        attempts: u32,
    },
    /// A promise of the program is broken.
    Violated(Invariant),
    /// Nothing is under way and nothing will be.
    Stopped,
}
