//! Pure. `Passed`: how far a partition was read where no message says so, behind markers of transactions.
//!
//! The client library hands no marker out, but its position moves past one as soon as it is taken out of the partition's
//! queue, in order with the messages there. So the position is never ahead of a message that was not taken, as long as
//! it is this reading's own. Giving a partition up makes the library forget its position, and drop what is left in the
//! queue, before it reads again; until that is seen, the position may be that of the reading before, far ahead.

use crate::record::Offset;

/// What is known of the position of one reading, from where a partition is taken until it is given up.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    is_own: bool,
    told: Option<Offset>,
}

impl Passed {
    /// Tells whether the position has become this reading's own. Nothing may be taken out of the queue before.
    pub(crate) fn is_own(&mut self, position: impl FnOnce() -> Known) -> bool {
        self.is_own = self.is_own || position() == Known::Nothing;
        self.is_own
    }

    /// Notes that a message was handed on.
    pub(crate) fn sent(&mut self, message: Offset) {
        self.told = self.told.max(Some(message.next()));
    }

    /// Returns the position where it is ahead of all that was handed on.
    pub(crate) fn ahead(&mut self, position: Known) -> Option<Offset> {
        let Known::Position(offset) = position else {
            return None;
        };
        let is_ahead = self.is_own && Some(offset) > self.told;
        is_ahead.then(|| *self.told.insert(offset))
    }
}

/// What the client library knows of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It does not know the partition.
    NoPartition,
    /// Nothing was taken out of the queue.
    Nothing,
    /// The offset after what was taken out of the queue last.
    Position(Offset),
}

#[cfg(test)]
mod tests {
    use super::{Known, Passed};
    use crate::record::Offset;

    fn own() -> Passed {
        let mut passed = Passed::default();
        assert!(passed.is_own(|| Known::Nothing));
        passed
    }

    #[test]
    fn position_of_the_reading_before_counts_for_nothing() {
        let mut passed = Passed::default();
        assert!(!passed.is_own(|| Known::Position(Offset(100))));
        assert!(!passed.is_own(|| Known::NoPartition));
        assert_eq!(passed.ahead(Known::Position(Offset(100))), None);
        assert!(passed.is_own(|| Known::Nothing));
        assert!(passed.is_own(|| Known::Position(Offset(3))), "once it is forgotten, what comes is our own");
        assert_eq!(passed.ahead(Known::Position(Offset(3))), Some(Offset(3)));
    }

    #[test]
    fn only_what_no_message_has_told_is_told_and_once() {
        let mut passed = own();
        passed.sent(Offset(6));
        assert_eq!(passed.ahead(Known::Position(Offset(7))), None);
        assert_eq!(passed.ahead(Known::Position(Offset(8))), Some(Offset(8)));
        assert_eq!(passed.ahead(Known::Position(Offset(8))), None);
        assert_eq!(passed.ahead(Known::Nothing), None);
    }

    #[test]
    fn position_never_moves_back() {
        let mut passed = own();
        passed.sent(Offset(9));
        assert_eq!(passed.ahead(Known::Position(Offset(4))), None);
        passed.sent(Offset(5));
        assert_eq!(passed.ahead(Known::Position(Offset(10))), None);
    }
}
