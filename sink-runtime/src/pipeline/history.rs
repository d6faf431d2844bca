//! Pure. `History`: which messages the store had before, so that writing them once more is counted, and so that what its
//! bucket has deleted by policy is not written for ever.

use std::collections::{BTreeMap, BTreeSet};

use crate::progress::Progress;
use crate::record::Offset;

/// So many answers make believe that the store had a record, although it was never seen.
const ANSWERS_ENOUGH: u8 = 3;

/// What is known of messages from the time before the partition went back to them.
#[derive(Debug)]
pub(super) struct History {
    /// Every message below was proven once.
    proven_below: Offset,
    /// What is found below has outlived a restart of the store.
    outlived_below: Offset,
    /// How often the store answered for a message that it did not show.
    answers: BTreeMap<Offset, u8>,
    /// Messages above the commit point that lie in the dead-letter topic.
    lettered: BTreeSet<Offset>,
}

impl History {
    /// Returns the history of a partition whose messages below `proven` were all proven.
    pub(super) fn new(proven: Offset) -> Self {
        Self {
            proven_below: proven,
            outlived_below: Offset(i64::MIN),
            answers: BTreeMap::new(),
            lettered: BTreeSet::new(),
        }
    }

    /// Notes that the store answered for a message and does not show it.
    pub(super) fn missing(&mut self, offset: Offset) {
        let answers = self.answers.entry(offset).or_default();
        *answers = answers.saturating_add(1);
    }

    /// Notes a message that lies in the dead-letter topic.
    pub(super) fn lettered(&mut self, offset: Offset) {
        self.lettered.insert(offset);
    }

    /// Goes back to `to`, while everything below `proven` was shown by the store that still runs.
    pub(super) fn go_back(&mut self, to: Offset, proven: Offset) {
        self.proven_below = self.proven_below.max(proven);
        self.outlived_below = self.outlived_below.min(to);
        self.forget_below(to);
    }

    /// Goes back to `to`, while everything below `proven` was shown, and everything below `outlived` before the store was
    /// restarted: the restart is noticed only some time after it has happened.
    pub(super) fn restart(&mut self, to: Offset, proven: Offset, outlived: Offset) {
        self.proven_below = self.proven_below.max(proven);
        self.outlived_below = outlived;
        self.forget_below(to);
    }

    /// Tells whether writing this message is writing it once more.
    pub(super) fn knows(&self, offset: Offset) -> bool {
        self.was_proven(offset) || self.answers.contains_key(&offset)
    }

    /// Tells whether the store certainly had this message, so that its absence may mean that it has expired.
    pub(super) fn may_have_expired(&self, offset: Offset) -> bool {
        self.was_proven(offset) || self.answers.get(&offset).is_some_and(|answers| *answers >= ANSWERS_ENOUGH)
    }

    /// Tells whether this message, found now, has outlived a restart of the store.
    pub(super) fn outlived(&self, offset: Offset) -> bool {
        offset < self.outlived_below
    }

    /// Returns the progress with all that was ever proven.
    pub(super) fn complete(&self, progress: Progress) -> Progress {
        Progress { proven: progress.proven.max(self.proven_below), ..progress }
    }

    /// Tells whether this message ended before, stored or as a dead letter.
    pub(super) fn was_proven(&self, offset: Offset) -> bool {
        offset < self.proven_below
    }

    /// Tells whether this message lies in the dead-letter topic.
    pub(super) fn is_lettered(&self, offset: Offset) -> bool {
        self.lettered.contains(&offset)
    }

    /// Forgets what no replay can need any more.
    pub(super) fn forget_below(&mut self, offset: Offset) {
        if self.answers.first_key_value().is_some_and(|(first, _)| *first < offset) {
            self.answers = self.answers.split_off(&offset);
        }
        if self.lettered.first().is_some_and(|first| *first < offset) {
            self.lettered = self.lettered.split_off(&offset);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::History;
    use crate::record::Offset;

    #[test]
    fn only_a_message_that_was_surely_there_can_have_expired() {
        let mut history = History::new(Offset(5));
        assert!(history.may_have_expired(Offset(4)) && !history.may_have_expired(Offset(5)));
        for _ in 0..2 {
            history.missing(Offset(7));
        }
        assert!(history.knows(Offset(7)) && !history.may_have_expired(Offset(7)));
        history.missing(Offset(7));
        assert!(history.may_have_expired(Offset(7)));
    }

    #[test]
    fn what_was_found_after_a_restart_outlived_it_unless_it_may_have_been_written_since() {
        let mut history = History::new(Offset(0));
        history.restart(Offset(2), Offset(9), Offset(7));
        assert!(history.outlived(Offset(6)) && !history.outlived(Offset(7)));
        history.go_back(Offset(4), Offset(4));
        assert!(history.outlived(Offset(3)) && !history.outlived(Offset(4)));
        assert!(history.was_proven(Offset(8)));
    }

    #[test]
    fn forgets_what_lies_below_the_point() {
        let mut history = History::new(Offset(0));
        history.missing(Offset(1));
        history.lettered(Offset(2));
        history.lettered(Offset(3));
        history.forget_below(Offset(3));
        assert!(
            !history.knows(Offset(1)) && !history.is_lettered(Offset(2)) && history.is_lettered(Offset(3))
        );
    }
}
