//! Pure. `Coverage`: decides whether partitions are left to nobody, from what the brokers say of the group.
//!
//! A static member that is killed in the middle of a cooperative hand-over comes back to a group that the brokers call
//! stable: it gets the partitions that it was to keep, without a rebalance, and those that it was to give up belong to
//! nobody, because only the member that gives partitions up asks for the second half of the hand-over. Nothing would
//! ever read them until somebody else joins or leaves. So each member whose partitions have changed makes sure, once,
//! that the group has all of them.
//!
//! One member that joins anew is enough, and each that does interrupts all others for a moment. So they go one after
//! another, in the order of their instance ids: whoever comes later looks later, and finds a rebalance or nothing left.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::record::TopicPartition;

/// Time from a change of this member's partitions to the first look; twice as long after each time that joining anew
/// has not helped.
const SETTLE: Duration = Duration::from_secs(3);

/// How often that time is doubled at most.
const DOUBLED_MAX: u32 = 6;

/// Time between two looks that must agree. A hand-over leaves partitions to nobody for as long as a member takes to
/// finish with them, which is less.
const CONFIRM: Duration = Duration::from_secs(8);

/// How much later each member looks a second time than the one before it: a rebalance shows at once.
const STEP: Duration = Duration::from_secs(3);

/// Most members that one waits for: partitions must not be left alone for minutes because others may see to them.
const AHEAD_MAX: u32 = 10;

/// What a look at the group has shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Seen {
    /// A rebalance is under way, or the brokers did not answer.
    #[default]
    Unsettled,
    /// The group is stable.
    Settled {
        /// Partitions that belong to nobody.
        unowned: BTreeSet<TopicPartition>,
        /// Members that come before this one.
        ahead: u32,
    },
}

/// What is known about the group's partitions.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    look_at: Option<Instant>,
    unowned: BTreeSet<TopicPartition>,
    /// How often partitions were certain to belong to nobody since the group last had all of them.
    found: u32,
}

impl Coverage {
    /// Begins anew: this member's partitions have changed.
    pub(super) fn begin(&mut self, now: Instant) {
        self.look_at = Some(now + SETTLE * 2_u32.pow(self.found.min(DOUBLED_MAX)));
        self.unowned.clear();
    }

    /// Tells whether it is time to look.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.look_at.is_some_and(|at| now >= at)
    }

    /// Takes in what a look has shown; returns the partitions that belong to nobody for certain.
    pub(super) fn judge(&mut self, seen: Seen, now: Instant) -> BTreeSet<TopicPartition> {
        let (unowned, turn) = match seen {
            Seen::Unsettled => {
                self.look_at = Some(now + CONFIRM);
                self.unowned.clear();
                return BTreeSet::new();
            }
            Seen::Settled { unowned, ahead } => (unowned, STEP * ahead.min(AHEAD_MAX)),
        };
        let certain: BTreeSet<_> = self.unowned.intersection(&unowned).cloned().collect();
        let is_over = unowned.is_empty() || !certain.is_empty();
        self.look_at = (!is_over).then(|| now + CONFIRM + turn);
        self.found = if unowned.is_empty() { 0 } else { self.found + u32::from(is_over) };
        self.unowned = unowned;
        certain
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tokio::time::Instant;

    use super::{AHEAD_MAX, CONFIRM, Coverage, SETTLE, STEP, Seen};
    use crate::record::{Partition, Topic, TopicPartition};

    fn partitions(numbers: &[i32]) -> BTreeSet<TopicPartition> {
        let partition =
            |number: &i32| TopicPartition { topic: Topic::new("cameras"), partition: Partition(*number) };
        numbers.iter().map(partition).collect()
    }

    fn settled(unowned: &[i32]) -> Seen {
        Seen::Settled { unowned: partitions(unowned), ahead: 0 }
    }

    /// Shows looks one after the other, each when it is due; returns the first partitions that are certain.
    fn check(looks: &[Seen]) -> Vec<BTreeSet<TopicPartition>> {
        let mut now = Instant::now();
        let mut coverage = Coverage::default();
        assert!(!coverage.is_due(now), "looks although nothing has changed");
        coverage.begin(now);
        now += SETTLE;
        let mut certain = Vec::new();
        for look in looks {
            if !coverage.is_due(now) {
                break;
            }
            certain.push(coverage.judge(look.clone(), now));
            now += CONFIRM;
        }
        certain
    }

    #[test]
    fn looks_no_more_when_the_group_has_every_partition() {
        let whole = settled(&[]);
        assert_eq!(check(&[whole.clone(), whole]), [partitions(&[])]);
    }

    #[test]
    fn two_looks_make_certain_and_the_first_alone_does_not() {
        let gap = settled(&[2, 3]);
        assert_eq!(check(&[gap.clone(), gap]), [partitions(&[]), partitions(&[2, 3])]);
    }

    #[test]
    fn hand_over_that_ends_between_two_looks_is_no_gap() {
        let first = settled(&[2]);
        let second = settled(&[5]);
        let whole = settled(&[]);
        assert_eq!(check(&[first, second, whole]), vec![BTreeSet::new(); 3]);
    }

    #[test]
    fn joining_anew_that_does_not_help_is_tried_ever_more_seldom() {
        let (mut now, mut coverage, mut waits) = (Instant::now(), Coverage::default(), Vec::new());
        for _ in 0..9 {
            coverage.begin(now);
            let begun = now;
            while coverage.judge(settled(&[2]), now).is_empty() {
                now = coverage.look_at.unwrap();
            }
            waits.push((now - begun).as_secs());
        }
        assert!(waits.is_sorted(), "{waits:?}");
    }

    #[test]
    fn rebalance_between_two_looks_begins_anew() {
        let gap = settled(&[2]);
        let looks = [gap.clone(), Seen::Unsettled, gap.clone(), gap];
        assert_eq!(check(&looks), [partitions(&[]), partitions(&[]), partitions(&[]), partitions(&[2])]);
    }

    #[test]
    fn members_make_certain_one_after_another_in_their_order() {
        let now = Instant::now();
        let second_look = |ahead| {
            let mut coverage = Coverage::default();
            coverage.begin(now);
            coverage.judge(Seen::Settled { unowned: partitions(&[2]), ahead }, now);
            coverage.look_at.unwrap() - now
        };
        assert_eq!(second_look(0), CONFIRM);
        assert_eq!(second_look(2), CONFIRM + 2 * STEP);
        assert_eq!(second_look(AHEAD_MAX + 50), second_look(AHEAD_MAX), "but not for ever");
    }
}
