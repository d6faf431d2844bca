//! Pure. `Input` and `Effect`: what happens to a partition, and what it wants done about it.

use super::breaker::Flood;
use super::request::{Answer, Request};
use crate::dead_letter::{DeadLetterError, Letter};
use crate::invariants::Invariant;
use crate::map::Rejection;
use crate::record::{Message, Offset};
use crate::writer::StoreError;

/// What happens to a partition.
#[derive(Debug)]
pub enum Input {
    /// Messages arrived.
    Messages(Vec<Message>),
    /// The store answered.
    Answer(Answer),
    /// The dead-letter topic answered for each letter.
    Letters(Vec<Result<(), DeadLetterError>>),
    /// The time that was asked for has come, or the limits have changed.
    Tick,
    /// Begin nothing new; end as soon as nothing is under way.
    Stop,
}

/// What a partition wants done, or tells.
#[derive(Debug)]
pub enum Effect {
    /// Ask the store.
    Send(Request),
    /// Deliver letters.
    Deliver(Vec<Letter>),
    /// Records are in the store now.
    Stored {
        /// Payload bytes of all of them.
        bytes: usize,
        /// The time of each message.
        timestamps_ms: Vec<Option<i64>>,
    },
    /// Records were in the store already.
    Found(usize),
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
