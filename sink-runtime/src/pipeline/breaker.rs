//! Pure. `Breakers`: tell when so many messages of a partition are rejected that not they are at fault but their deploy.
//!
//! A few rejected messages are letters. A mapping that fits no message, or a producer that forgets a header, rejects
//! message after message: letter by letter the whole topic would leave for the dead-letter topic, out of its order and
//! for as long as that is kept. So the partition is held instead, while Kafka still has everything in its place.
//!
//! A breaker closes only with a new lane: a changed configuration restarts the members, and so does whoever has looked
//! at the letters and wants to see more of them. It never closes by itself, or it would merely slow the same loss down.

use std::collections::VecDeque;
use std::fmt;

use crate::map::Stage;

/// Rejected messages in a row that open a breaker: a bad device sends a burst of dozens among the messages of others,
/// a wrong deploy leaves no good one between.
const RUN_MAX: usize = 100;

/// How many of the latest messages the share is taken of, and how many must have been seen before it counts: some
/// seconds of a busy partition, and enough that a quiet one is not judged by a handful.
const WINDOW: usize = 1_000;

/// Rejected messages in the window that are still bearable: one of two producers of a topic may be wrong for good, and
/// the other one's messages must go on.
const REJECTED_MAX: usize = WINDOW / 2;

/// The breakers of one partition, one for each stage: a message that the mapping accepts says nothing about the store.
#[derive(Debug, Default)]
pub(super) struct Breakers {
    map: Breaker,
    write: Breaker,
    is_open: bool,
}

/// What becomes of a rejected message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It goes to the dead-letter topic.
    Letter,
    /// It is one too many: from here on the partition is held.
    Opens(Flood),
    /// The partition is held already.
    IsHeld,
}

/// How many messages were rejected when a breaker opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flood {
    /// Rejected messages, the last one included.
    pub rejected: usize,
    /// The number of latest messages among which they are.
    pub among: usize,
}

/// What one stage has said of the latest messages.
#[derive(Debug, Default)]
struct Breaker {
    /// Rejected messages since the last one that was accepted.
    run: usize,
    /// Whether each of the latest messages was rejected.
    recent: VecDeque<bool>,
    /// How many of them were.
    rejected: usize,
}

impl Breakers {
    /// Notes messages that a stage accepted.
    pub(super) fn accepted(&mut self, stage: Stage, messages: usize) {
        let breaker = self.of(stage);
        (0..messages).for_each(|_| breaker.note(false));
    }

    /// Notes a message that a stage rejected; returns what becomes of it.
    pub(super) fn rejected(&mut self, stage: Stage) -> Way {
        if self.is_open {
            return Way::IsHeld;
        }
        let breaker = self.of(stage);
        breaker.note(true);
        match breaker.flood() {
            Some(flood) => {
                self.is_open = true;
                Way::Opens(flood)
            }
            None => Way::Letter,
        }
    }

    fn of(&mut self, stage: Stage) -> &mut Breaker {
        match stage {
            Stage::Map => &mut self.map,
            Stage::Write => &mut self.write,
        }
    }
}

impl Breaker {
    fn note(&mut self, is_rejected: bool) {
        self.run = if is_rejected { self.run + 1 } else { 0 };
        if self.recent.len() == WINDOW && self.recent.pop_front() == Some(true) {
            self.rejected -= 1;
        }
        self.recent.push_back(is_rejected);
        self.rejected += usize::from(is_rejected);
    }

    fn flood(&self) -> Option<Flood> {
        let seen = self.recent.len();
        if self.run >= RUN_MAX {
            return Some(Flood { rejected: self.run, among: self.run });
        }
        (seen == WINDOW && self.rejected > REJECTED_MAX)
            .then_some(Flood { rejected: self.rejected, among: seen })
    }
}

impl fmt::Display for Flood {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of the last {} messages were rejected", self.rejected, self.among)
    }
}

#[cfg(test)]
mod tests {
    use super::{Breakers, Flood, Way};
    use crate::map::Stage;

    /// Notes the outcomes of a stage in order, `true` for a rejected message; returns where the breaker opened.
    fn check(outcomes: impl IntoIterator<Item = bool>, expected: Option<(usize, Flood)>) {
        let mut breakers = Breakers::default();
        let mut opened = None;
        for (index, is_rejected) in outcomes.into_iter().enumerate() {
            if !is_rejected {
                breakers.accepted(Stage::Map, 1);
                continue;
            }
            match breakers.rejected(Stage::Map) {
                Way::Letter => assert_eq!(opened, None, "no letter after it has opened"),
                Way::Opens(flood) => assert_eq!(opened.replace((index, flood)), None, "it opens once"),
                Way::IsHeld => assert!(opened.is_some()),
            }
        }
        assert_eq!(opened, expected);
    }

    fn repeated(pattern: &[bool], times: usize) -> Vec<bool> {
        pattern.repeat(times)
    }

    #[test]
    fn wrong_mapping_is_noticed_at_the_hundredth_message() {
        check(repeated(&[true], 300), Some((99, Flood { rejected: 100, among: 100 })));
    }

    #[test]
    fn burst_among_good_messages_is_delivered() {
        check(repeated(&[&[true; 99][..], &[false]].concat(), 3), None);
        check([repeated(&[false], 2_000), repeated(&[true], 99), repeated(&[false], 900)].concat(), None);
    }

    #[test]
    fn half_of_the_messages_may_be_wrong_for_good() {
        check(repeated(&[true, false], 5_000), None);
    }

    #[test]
    fn more_than_half_is_a_flood_once_enough_messages_were_seen() {
        check(repeated(&[true, false, true], 300), None);
        let flood = Flood { rejected: 667, among: 1_000 };
        check(repeated(&[true, false, true], 1_000), Some((999, flood)));
    }

    #[test]
    fn share_is_that_of_the_latest_messages() {
        let good_then_bad = [repeated(&[false], 10_000), repeated(&[true, true, false], 500)].concat();
        check(good_then_bad, Some((10_750, Flood { rejected: 501, among: 1_000 })));
    }

    #[test]
    fn messages_that_are_mapped_say_nothing_about_those_that_the_store_refuses() {
        let mut breakers = Breakers::default();
        for _ in 0..99 {
            breakers.accepted(Stage::Map, 80);
            assert_eq!(breakers.rejected(Stage::Write), Way::Letter);
        }
        let flood = Flood { rejected: 100, among: 100 };
        assert_eq!(breakers.rejected(Stage::Write), Way::Opens(flood));
        assert_eq!(breakers.rejected(Stage::Map), Way::IsHeld, "one breaker holds the partition");
    }

    #[test]
    fn flood_is_told_in_words() {
        let flood = Flood { rejected: 501, among: 1_000 };
        assert_eq!(flood.to_string(), "501 of the last 1000 messages were rejected");
    }
}
