//! Pure. `Coverage`: decides whether partitions are left to nobody, from what the brokers say of the group.
//!
//! A static member that is killed in the middle of a cooperative hand-over comes back to a group that the brokers call
//! stable: it gets the partitions that it was to keep, without a rebalance, and those that it was to give up belong to
//! nobody, because only the member that gives partitions up asks for the second half of the hand-over. Nothing would
//! ever read them until somebody else joins or leaves. So each member whose partitions have changed makes sure, once,
//! that the group has all of them.

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

/// What a look at the group has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// A rebalance is under way, or the brokers did not answer.
    Unsettled,
    /// The group is stable, and these partitions belong to nobody.
    Settled(BTreeSet<TopicPartition>),
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
    pub(super) fn judge(&mut self, look: Look, now: Instant) -> BTreeSet<TopicPartition> {
        let unowned = match look {
            Look::Unsettled => {
                self.look_at = Some(now + CONFIRM);
                self.unowned.clear();
                return BTreeSet::new();
            }
            Look::Settled(unowned) => unowned,
        };
        let certain: BTreeSet<_> = self.unowned.intersection(&unowned).cloned().collect();
        let is_over = unowned.is_empty() || !certain.is_empty();
        self.look_at = (!is_over).then(|| now + CONFIRM);
        self.found = if unowned.is_empty() { 0 } else { self.found + u32::from(is_over) };
        self.unowned = unowned;
        certain
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tokio::time::Instant;

    use super::{CONFIRM, Coverage, Look, SETTLE};
    use crate::record::{Partition, Topic, TopicPartition};

    fn partitions(numbers: &[i32]) -> BTreeSet<TopicPartition> {
        let partition =
            |number: &i32| TopicPartition { topic: Topic::new("cameras"), partition: Partition(*number) };
        numbers.iter().map(partition).collect()
    }

    /// Shows looks one after the other, each when it is due; returns the first partitions that are certain.
    fn check(looks: &[Look]) -> Vec<BTreeSet<TopicPartition>> {
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
        let whole = Look::Settled(BTreeSet::new());
        assert_eq!(check(&[whole.clone(), whole]), [partitions(&[])]);
    }

    #[test]
    fn two_looks_make_certain_and_the_first_alone_does_not() {
        let gap = Look::Settled(partitions(&[2, 3]));
        assert_eq!(check(&[gap.clone(), gap]), [partitions(&[]), partitions(&[2, 3])]);
    }

    #[test]
    fn hand_over_that_ends_between_two_looks_is_no_gap() {
        let first = Look::Settled(partitions(&[2]));
        let second = Look::Settled(partitions(&[5]));
        let whole = Look::Settled(BTreeSet::new());
        assert_eq!(check(&[first, second, whole]), vec![BTreeSet::new(); 3]);
    }

    #[test]
    fn joining_anew_that_does_not_help_is_tried_ever_more_seldom() {
        let (mut now, mut coverage, mut waits) = (Instant::now(), Coverage::default(), Vec::new());
        for _ in 0..9 {
            coverage.begin(now);
            let begun = now;
            while coverage.judge(Look::Settled(partitions(&[2])), now).is_empty() {
                now = coverage.look_at.unwrap();
            }
            waits.push((now - begun).as_secs());
        }
        assert!(waits.is_sorted(), "{waits:?}");
    }

    #[test]
    fn rebalance_between_two_looks_begins_anew() {
        let gap = Look::Settled(partitions(&[2]));
        let looks = [gap.clone(), Look::Unsettled, gap.clone(), gap];
        assert_eq!(check(&looks), [partitions(&[]), partitions(&[]), partitions(&[]), partitions(&[2])]);
    }
}
