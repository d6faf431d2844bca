//! Pure. `Ledger`: what has become of each message of one partition, and how far its offset may be committed.
//!
//! Offsets have gaps (compaction, transaction markers), so messages are found by their offset and counted in order.
//! A message ends stored or dead-lettered; the commit point is the first one that has not ended.

use std::collections::VecDeque;

use crate::record::{Offset, PlaceState};

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It was received.
    Received,
    /// The store has answered that it has it.
    Answered,
    /// The store has shown it. Until the commit gate reads back, an answer counts as that.
    Verified,
    /// It lies in the dead-letter topic.
    DeadLettered,
}

/// What may be committed: the next offset to read and the state that a replay from there starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitPoint {
    /// The next offset to read.
    pub offset: Offset,
    /// The places given up to there; absent where none was given.
    pub state: Option<PlaceState>,
}

/// The messages of one partition that have not ended, and the point up to which all have.
#[derive(Debug)]
pub struct Ledger {
    point: CommitPoint,
    slots: VecDeque<Slot>,
}

#[derive(Debug)]
struct Slot {
    offset: Offset,
    timestamp_ms: Option<i64>,
    after: Option<PlaceState>,
    stage: Stage,
}

impl Ledger {
    /// Returns a ledger that begins at a point.
    #[must_use]
    pub fn new(point: CommitPoint) -> Self {
        Self { point, slots: VecDeque::new() }
    }

    /// Notes a message and the state of places after it.
    pub fn receive(&mut self, offset: Offset, timestamp_ms: Option<i64>, after: Option<PlaceState>) {
        debug_assert!(self.slots.back().is_none_or(|slot| slot.offset < offset), "offsets only rise");
        self.slots.push_back(Slot { offset, timestamp_ms, after, stage: Stage::Received });
    }

    /// Notes that the store has answered for a message.
    pub fn answered(&mut self, offset: Offset) {
        self.set(offset, Stage::Answered);
        self.verified(offset);
    }

    /// Notes that the store has shown a message.
    pub fn verified(&mut self, offset: Offset) {
        self.set(offset, Stage::Verified);
    }

    /// Notes that a message lies in the dead-letter topic.
    pub fn dead_lettered(&mut self, offset: Offset) {
        self.set(offset, Stage::DeadLettered);
    }

    /// Returns the point up to which every message has ended.
    #[must_use]
    pub fn commit_point(&self) -> CommitPoint {
        self.point
    }

    /// Returns the lowest offset that has not ended.
    #[must_use]
    pub fn lowest_open(&self) -> Option<Offset> {
        self.slots.front().map(|slot| slot.offset)
    }

    /// Returns the time of the oldest message that has not ended.
    #[must_use]
    pub fn oldest_timestamp_ms(&self) -> Option<i64> {
        self.slots.front().and_then(|slot| slot.timestamp_ms)
    }

    /// Returns the number of messages that are remembered: all from the lowest one that has not ended on.
    #[must_use]
    pub fn span(&self) -> usize {
        self.slots.len()
    }

    /// Returns the number of messages that have not ended.
    #[must_use]
    pub fn open(&self) -> usize {
        self.slots.iter().filter(|slot| !slot.has_ended()).count()
    }

    fn set(&mut self, offset: Offset, stage: Stage) {
        let found = self.slots.binary_search_by_key(&offset, |slot| slot.offset);
        if let Some(slot) = found.ok().and_then(|index| self.slots.get_mut(index)) {
            slot.stage = stage;
        }
        while let Some(slot) = self.slots.front().filter(|slot| slot.has_ended()) {
            self.point = CommitPoint { offset: slot.offset.next(), state: slot.after };
            self.slots.pop_front();
        }
    }
}

impl Slot {
    fn has_ended(&self) -> bool {
        match self.stage {
            Stage::Received | Stage::Answered => false,
            Stage::Verified | Stage::DeadLettered => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CommitPoint, Ledger};
    use crate::record::{Offset, PlaceState, TimestampUs};

    fn state(last: u64) -> PlaceState {
        PlaceState { last: TimestampUs(last), last_source: TimestampUs(last) }
    }

    fn ledger(offsets: &[i64]) -> Ledger {
        let mut ledger = Ledger::new(CommitPoint { offset: Offset(0), state: None });
        for offset in offsets {
            ledger.receive(Offset(*offset), None, Some(state(offset.unsigned_abs() * 10)));
        }
        ledger
    }

    #[test]
    fn point_waits_for_the_lowest_open_message() {
        let mut ledger = ledger(&[0, 1, 2]);
        ledger.answered(Offset(1));
        ledger.answered(Offset(2));
        assert_eq!(ledger.commit_point(), CommitPoint { offset: Offset(0), state: None });
        ledger.answered(Offset(0));
        assert_eq!(ledger.commit_point(), CommitPoint { offset: Offset(3), state: Some(state(20)) });
        assert_eq!(ledger.lowest_open(), None);
    }

    #[test]
    fn gaps_in_offsets_are_no_gaps_in_the_ledger() {
        let mut ledger = ledger(&[3, 7, 20]);
        ledger.answered(Offset(3));
        ledger.dead_lettered(Offset(7));
        assert_eq!(ledger.commit_point(), CommitPoint { offset: Offset(8), state: Some(state(70)) });
        assert_eq!((ledger.lowest_open(), ledger.open()), (Some(Offset(20)), 1));
    }

    #[test]
    fn answers_for_unknown_messages_change_nothing() {
        let mut ledger = ledger(&[5]);
        ledger.answered(Offset(4));
        assert_eq!(ledger.commit_point().offset, Offset(0));
    }
}
