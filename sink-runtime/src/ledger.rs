//! Pure. `Ledger`: what has become of each message of one partition, and how far its offset may be committed.
//!
//! Offsets have gaps (compaction, transaction markers), so messages are found by their offset and counted in order.
//! A message ends shown by the store, dead-lettered or expired; the commit point is the first one that has not ended.
//! What lies behind a message and is none, as far as it was read, goes with the message before it.

use std::collections::VecDeque;

use crate::record::{Offset, PlaceState};

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was received.
    Received,
    /// The store has answered that it has it, which proves nothing.
    Answered,
    /// The store has shown it.
    Verified,
    /// It lies in the dead-letter topic.
    DeadLettered,
    /// The store had it and has deleted it, as its bucket is told to.
    Expired,
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
    /// Number of slots that have not ended.
    open: usize,
    /// Number of slots from the front that the store has answered for, without one in between.
    answered: usize,
}

#[derive(Debug)]
struct Slot {
    offset: Offset,
    /// Where reading goes on after it.
    next: Offset,
    timestamp_ms: Option<i64>,
    after: Option<PlaceState>,
    fate: Fate,
}

/// Slots that are added at once: a queue that doubles would take twice what the memory plan counts.
const GROWTH: usize = 256;

impl Ledger {
    /// Bytes that are remembered of a message.
    pub const BYTES_EACH: usize = size_of::<Slot>();

    /// Returns a ledger that begins at a point.
    #[must_use]
    pub fn new(point: CommitPoint) -> Self {
        Self { point, slots: VecDeque::new(), open: 0, answered: 0 }
    }

    /// Notes a message and the state of places after it.
    pub fn receive(&mut self, offset: Offset, timestamp_ms: Option<i64>, after: Option<PlaceState>) {
        debug_assert!(self.slots.back().is_none_or(|slot| slot.next <= offset), "offsets only rise");
        let (next, fate) = (offset.next(), Fate::Received);
        if self.slots.len() == self.slots.capacity() {
            self.slots.reserve_exact(GROWTH);
        }
        self.slots.push_back(Slot { offset, next, timestamp_ms, after, fate });
        self.open += 1;
    }

    /// Notes that no message lies below `offset` but those that were received.
    pub fn pass(&mut self, offset: Offset) {
        let next = self.slots.back_mut().map_or(&mut self.point.offset, |slot| &mut slot.next);
        *next = offset.max(*next);
    }

    /// Notes what has become of a message; one that is not known, or has ended, stays as it is.
    pub fn set(&mut self, offset: Offset, fate: Fate) {
        let found = self.slots.binary_search_by_key(&offset, |slot| slot.offset);
        let Some(slot) = found.ok().and_then(|index| self.slots.get_mut(index)) else {
            return;
        };
        if slot.fate.has_ended() {
            return;
        }
        slot.fate = fate;
        self.open -= usize::from(fate.has_ended());
        while let Some(first) = self.slots.front().filter(|first| first.fate.has_ended()) {
            self.point = CommitPoint { offset: first.next, state: first.after };
            self.slots.pop_front();
            self.answered = self.answered.saturating_sub(1);
        }
        while self.slots.get(self.answered).is_some_and(|next| next.fate != Fate::Received) {
            self.answered += 1;
        }
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

    /// Returns the offset below which the store has answered for every message that was received.
    #[must_use]
    pub fn answered_to(&self) -> Offset {
        match self.slots.get(self.answered) {
            Some(slot) => slot.offset,
            None => self.slots.back().map_or(self.point.offset, |slot| slot.next),
        }
    }

    /// Returns the time of the oldest message that the store has not answered for.
    #[must_use]
    pub fn oldest_timestamp_ms(&self) -> Option<i64> {
        self.slots.get(self.answered).and_then(|slot| slot.timestamp_ms)
    }

    /// Returns the number of messages that are remembered: all from the lowest one that has not ended on.
    #[must_use]
    pub fn span(&self) -> usize {
        self.slots.len()
    }

    /// Tells whether no message beyond the point has ended: none would have to be looked for again if the store were to
    /// lose everything beyond it.
    #[must_use]
    pub fn has_nothing_beyond(&self) -> bool {
        self.open == self.slots.len()
    }

    /// Returns the number of messages that have not ended.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open
    }
}

impl Fate {
    fn has_ended(self) -> bool {
        match self {
            Self::Received | Self::Answered => false,
            Self::Verified | Self::DeadLettered | Self::Expired => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CommitPoint, Fate, Ledger};
    use crate::record::{Offset, PlaceState, TimestampUs};

    fn state(last: u64) -> PlaceState {
        PlaceState { last: TimestampUs(last), last_source: TimestampUs(last) }
    }

    fn ledger(offsets: &[i64]) -> Ledger {
        let mut ledger = Ledger::new(CommitPoint { offset: Offset(0), state: None });
        for offset in offsets {
            ledger.receive(Offset(*offset), Some(*offset), Some(state(offset.unsigned_abs() * 10)));
        }
        ledger
    }

    #[test]
    fn point_waits_for_the_lowest_open_message() {
        let mut ledger = ledger(&[0, 1, 2]);
        ledger.set(Offset(1), Fate::Verified);
        ledger.set(Offset(2), Fate::Verified);
        assert_eq!(ledger.commit_point(), CommitPoint { offset: Offset(0), state: None });
        ledger.set(Offset(0), Fate::Verified);
        assert_eq!(ledger.commit_point(), CommitPoint { offset: Offset(3), state: Some(state(20)) });
        assert_eq!(ledger.lowest_open(), None);
    }

    #[test]
    fn an_answer_of_the_store_moves_the_lag_and_not_the_point() {
        let mut ledger = ledger(&[0, 1, 2]);
        ledger.set(Offset(1), Fate::Answered);
        assert_eq!((ledger.answered_to(), ledger.oldest_timestamp_ms()), (Offset(0), Some(0)));
        ledger.set(Offset(0), Fate::Answered);
        assert_eq!((ledger.answered_to(), ledger.oldest_timestamp_ms()), (Offset(2), Some(2)));
        assert_eq!((ledger.commit_point().offset, ledger.open()), (Offset(0), 3));
        ledger.set(Offset(0), Fate::Verified);
        ledger.set(Offset(2), Fate::Answered);
        assert_eq!((ledger.answered_to(), ledger.oldest_timestamp_ms()), (Offset(3), None));
    }

    #[test]
    fn gaps_in_offsets_are_no_gaps_in_the_ledger() {
        let mut ledger = ledger(&[3, 7, 20]);
        ledger.set(Offset(3), Fate::Expired);
        ledger.set(Offset(7), Fate::DeadLettered);
        assert_eq!(ledger.commit_point(), CommitPoint { offset: Offset(8), state: Some(state(70)) });
        assert_eq!((ledger.lowest_open(), ledger.open()), (Some(Offset(20)), 1));
    }

    #[test]
    fn what_is_no_message_goes_with_the_message_before_it() {
        let mut ledger = ledger(&[3, 7]);
        ledger.pass(Offset(12));
        assert_eq!((ledger.commit_point().offset, ledger.answered_to()), (Offset(0), Offset(3)));
        ledger.set(Offset(7), Fate::Verified);
        ledger.set(Offset(3), Fate::Answered);
        assert_eq!((ledger.commit_point().offset, ledger.answered_to()), (Offset(0), Offset(12)));
        ledger.set(Offset(3), Fate::Verified);
        assert_eq!(ledger.commit_point(), CommitPoint { offset: Offset(12), state: Some(state(70)) });
        ledger.receive(Offset(12), None, Some(state(120)));
        assert_eq!((ledger.commit_point().offset, ledger.lowest_open()), (Offset(12), Some(Offset(12))));
    }

    #[test]
    fn point_moves_alone_where_no_message_is_open_and_never_back() {
        let mut ledger = ledger(&[]);
        ledger.pass(Offset(5));
        assert_eq!(ledger.commit_point(), CommitPoint { offset: Offset(5), state: None });
        ledger.pass(Offset(4));
        assert_eq!((ledger.commit_point().offset, ledger.answered_to()), (Offset(5), Offset(5)));
        ledger.receive(Offset(8), None, None);
        ledger.pass(Offset(6));
        ledger.set(Offset(8), Fate::DeadLettered);
        assert_eq!(ledger.commit_point().offset, Offset(9));
    }

    #[test]
    fn answers_for_unknown_and_ended_messages_change_nothing() {
        let mut ledger = ledger(&[5, 6]);
        ledger.set(Offset(4), Fate::Verified);
        assert_eq!(ledger.commit_point().offset, Offset(0));
        ledger.set(Offset(6), Fate::DeadLettered);
        ledger.set(Offset(6), Fate::Answered);
        ledger.set(Offset(5), Fate::Verified);
        assert_eq!((ledger.commit_point().offset, ledger.open()), (Offset(7), 0));
    }
}
