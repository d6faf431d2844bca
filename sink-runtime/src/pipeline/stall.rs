//! Pure. `Stall`: how long a partition has stood still although there is work and nothing is known to hold it up.

use std::time::{Duration, Instant};

use crate::named::named;
use crate::record::Offset;

/// Questions of which each answered part is progress, until a record is. A partition asks fewer between two records:
/// where the entries end, what is there, what holds the places, more than once where half-written records are mended,
/// and what was stored before. Without that limit asking for ever would pass for progress.
const QUESTIONS_MAX: u32 = 8;

/// How long the group may keep a member waiting. Heartbeats and commits go to the same broker: one that answers neither
/// ends the session after 30 s, and with it the partition, so that nothing is left that could wait. Longer waits are
/// hand-overs, of two rounds each, and a round waits for a frozen member no longer than its session. Whoever waits
/// longer still hears from a group that takes no commit of his, which a restart may cure; and where it does not, the
/// restarted member waits before its partitions begin, and is not restarted again.
pub(super) const GROUP_WAIT_MAX: Duration = Duration::from_mins(1);

named! {
    /// Why a partition may stand still.
    pub enum KnownReason {
        /// What was stored before is looked for again.
        Replay = "replay",
        /// The store has not been seen, or does not answer.
        StoreAway = "store_away",
        /// No broker that leads the partition is connected.
        KafkaAway = "kafka_away",
        /// The store is slow, and other partitions write first.
        TurnWait = "turn",
        /// The group has not lately told that the partitions are still this member's.
        LeaseWait = "lease",
        /// The broker has not taken a commit yet that covers what comes next.
        CommitWait = "commit",
        /// The registry has not told yet that the partition may be written.
        LeaveWait = "leave",
        /// Records made by another mapping must be safe first.
        MappingDrain = "mapping_drain",
        /// The last owner may still have a request open.
        FencingWait = "fencing",
        /// The store's own lock must time out first.
        LockTimeout = "lock_timeout",
        /// Something failed and is tried again after a pause.
        BackOff = "back_off",
        /// A person must act: a rejected message holds it, or its entries are somebody else's.
        Hold = "hold",
        /// It was told to stop.
        Draining = "draining",
    }
}

impl KnownReason {
    /// Returns how long it explains a standstill; none where that is as long as it lasts. A turn needs no limit: whoever has
    /// it is looked at like everybody else.
    pub(super) fn limit(self) -> Option<Duration> {
        match self {
            Self::LeaseWait | Self::CommitWait => Some(GROUP_WAIT_MAX),
            Self::Replay
            | Self::StoreAway
            | Self::KafkaAway
            | Self::TurnWait
            | Self::LeaveWait
            | Self::MappingDrain
            | Self::FencingWait
            | Self::LockTimeout
            | Self::BackOff
            | Self::Hold
            | Self::Draining => None,
        }
    }
}

/// How far a partition has come; any change is progress. The point that may be committed alone would not do: one record
/// that the store does not show keeps it where it is, while everything behind it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marks {
    /// How far may be committed.
    pub(super) committable: Offset,
    /// The offset below which the store has answered for every message.
    pub(super) answered_to: Offset,
    /// How many records the store has shown so far.
    pub(super) shown: u64,
}

/// How many parts of a question are answered: one of hundreds of parts may take minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    /// Which question it is, counted from the first.
    pub(super) question: u64,
    /// Its parts that are answered.
    pub(super) answered: u32,
}

/// What a partition shows at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Glimpse {
    /// How far it has come.
    pub(super) marks: Marks,
    /// How the question under way gets on.
    pub(super) parts: Parts,
    /// There are messages that have not ended.
    pub(super) has_backlog: bool,
    /// Why it may stand still.
    pub(super) known_reason: Option<KnownReason>,
}

/// How long one partition has stood still.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stall {
    /// What was seen last; nothing before the first look.
    marks: Option<Marks>,
    /// Since when nothing but reasons with a limit has explained it, without any progress.
    excused_since: Option<Instant>,
    parts: Parts,
    /// Questions that got on since a record did.
    questions: u32,
    since: Instant,
}

impl Stall {
    /// Returns a partition that moves.
    pub(super) fn new(now: Instant) -> Self {
        Self { marks: None, excused_since: None, parts: Parts::default(), questions: 0, since: now }
    }

    /// Takes what a partition shows; returns how long it has stood still without a known reason.
    pub(super) fn look(&mut self, now: Instant, glimpse: Glimpse) -> Duration {
        let moves = self.marks.replace(glimpse.marks).is_some_and(|before| before != glimpse.marks);
        let gets_on = self.gets_on(glimpse.parts);
        self.excused_since.take_if(|_| moves || !glimpse.has_backlog);
        if self.is_excused(now, glimpse.known_reason) || moves || !glimpse.has_backlog {
            self.questions = 0;
            self.since = now;
        } else if gets_on && self.questions <= QUESTIONS_MAX {
            self.since = now;
        }
        now.saturating_duration_since(self.since)
    }

    /// Tells whether a reason explains a standstill: one with a limit does so for a while.
    fn is_excused(&mut self, now: Instant, reason: Option<KnownReason>) -> bool {
        let limit = reason.and_then(KnownReason::limit);
        self.excused_since = limit.map(|_| self.excused_since.unwrap_or(now));
        let is_over = self.excused_since.zip(limit).is_some_and(|(since, limit)| now - since >= limit);
        reason.is_some() && !is_over
    }

    /// Takes note of the parts that are answered; tells whether these are more than before.
    fn gets_on(&mut self, parts: Parts) -> bool {
        let before = std::mem::replace(&mut self.parts, parts);
        let is_new = before.question != parts.question;
        let gets_on = parts.answered > if is_new { 0 } else { before.answered };
        self.questions += u32::from(gets_on && (is_new || before.answered == 0));
        gets_on
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{GROUP_WAIT_MAX, Glimpse, KnownReason, Marks, Parts, QUESTIONS_MAX, Stall};
    use crate::record::Offset;

    fn marks(answered_to: i64) -> Marks {
        Marks { committable: Offset(0), answered_to: Offset(answered_to), shown: 0 }
    }

    /// Looks once a second; compares the seconds of standing still that were seen.
    fn check_glimpses(glimpses: impl IntoIterator<Item = Glimpse>, expected: &[u64]) {
        let begun = tokio::time::Instant::now().into_std();
        let mut stall = Stall::new(begun);
        let mut look = |(second, glimpse)| stall.look(begun + Duration::from_secs(second), glimpse).as_secs();
        let seen: Vec<u64> = (1..).zip(glimpses).map(&mut look).collect();
        assert_eq!(seen, expected);
    }

    fn glimpse(marks: Marks) -> Glimpse {
        Glimpse { marks, parts: Parts::default(), has_backlog: true, known_reason: None }
    }

    fn check(glimpses: &[(i64, bool, Option<KnownReason>)], expected: &[u64]) {
        let glimpse = |(answered_to, has_backlog, known_reason): &(i64, bool, Option<KnownReason>)| Glimpse {
            has_backlog: *has_backlog,
            known_reason: *known_reason,
            ..glimpse(marks(*answered_to))
        };
        check_glimpses(glimpses.iter().map(glimpse), expected);
    }

    /// Looks at questions, by their number and their answered parts.
    fn check_parts(parts: impl IntoIterator<Item = (u64, u32)>, expected: &[u64]) {
        let glimpse =
            |(question, answered)| Glimpse { parts: Parts { question, answered }, ..glimpse(marks(0)) };
        check_glimpses(parts.into_iter().map(glimpse), expected);
    }

    #[test]
    fn stands_still_only_with_a_backlog() {
        check(&[(0, true, None), (0, true, None), (0, false, None), (0, true, None)], &[1, 2, 0, 1]);
    }

    #[test]
    fn any_progress_ends_it_also_backwards() {
        check(&[(0, true, None), (5, true, None), (5, true, None), (3, true, None)], &[1, 0, 1, 0]);
    }

    #[test]
    fn each_mark_alone_is_progress() {
        for moved in [Marks { committable: Offset(1), ..marks(0) }, marks(1), Marks { shown: 1, ..marks(0) }]
        {
            check_glimpses([marks(0), marks(0), moved, moved].map(glimpse), &[1, 2, 0, 1]);
        }
    }

    #[test]
    fn each_answered_part_of_a_question_is_progress_and_its_begin_is_none() {
        check_parts([(1, 0), (1, 0), (1, 1), (1, 7), (1, 7), (2, 0), (2, 1)], &[1, 2, 0, 0, 1, 2, 0]);
        let long = (1..=500).map(|answered| (1, answered));
        check_parts(long, &[0; 500]);
    }

    #[test]
    fn questions_without_end_are_no_progress() {
        let questions = (1..=QUESTIONS_MAX + 2).map(|question| (u64::from(question), 5));
        let mut expected = vec![0; QUESTIONS_MAX as usize];
        expected.extend([1, 2]);
        check_parts(questions, &expected);
    }

    #[test]
    fn record_that_gets_on_lets_questions_count_again() {
        let asking = |question, answered_to| Glimpse {
            parts: Parts { question, answered: 5 },
            ..glimpse(marks(answered_to))
        };
        let asked_out = (1..=u64::from(QUESTIONS_MAX) + 1).map(|question| asking(question, 0));
        let stored_and_asked = [asking(90, 1), asking(91, 1), asking(91, 1)];
        let mut expected = vec![0; QUESTIONS_MAX as usize];
        expected.extend([1, 0, 0, 1]);
        check_glimpses(asked_out.chain(stored_and_asked), &expected);
    }

    /// Looks each second at a partition that says the same all the time; returns for how many it was excused.
    fn excused(reason: impl Fn(usize) -> KnownReason) -> u64 {
        let begun = tokio::time::Instant::now().into_std();
        let (mut stall, looks) = (Stall::new(begun), 2 * GROUP_WAIT_MAX.as_secs());
        let mut look = |second: u64| {
            let known_reason = Some(reason(usize::try_from(second).unwrap()));
            let glimpse = Glimpse { known_reason, ..glimpse(marks(0)) };
            stall.look(begun + Duration::from_secs(second), glimpse).as_secs()
        };
        looks - (1..=looks).map(&mut look).last().unwrap()
    }

    #[test]
    fn each_reason_excuses_it_to_its_limit_and_others_with_a_limit_add_nothing() {
        for reason in KnownReason::ALL {
            // The last look that finds an excuse comes before the limit.
            let limit = reason.limit().map_or(2 * GROUP_WAIT_MAX.as_secs(), |limit| limit.as_secs());
            assert_eq!(excused(|_| *reason), limit, "{}", reason.name());
        }
        let limited = KnownReason::ALL.iter().filter(|reason| reason.limit().is_some());
        assert_eq!(limited.copied().collect::<Vec<_>>(), [KnownReason::LeaseWait, KnownReason::CommitWait]);
        let in_turn = |second: usize| [KnownReason::LeaseWait, KnownReason::CommitWait][second % 2];
        assert_eq!(excused(in_turn), GROUP_WAIT_MAX.as_secs());
    }

    #[test]
    fn limit_counts_anew_after_another_reason_and_after_progress() {
        let wait = |answered_to| (answered_to, true, Some(KnownReason::CommitWait));
        let waits = |answered_to| vec![wait(answered_to); 40];
        let after_a_pause = [waits(0), vec![(0, true, Some(KnownReason::BackOff))], waits(0)].concat();
        check(&after_a_pause, &[0; 81]);
        check(&[waits(0), waits(1)].concat(), &[0; 80]);
        let expected = (0..80_u64).map(|second| second.saturating_sub(59));
        check(&[waits(0), waits(0)].concat(), &expected.collect::<Vec<_>>());
    }

    #[test]
    fn every_known_reason_excuses_it_and_time_counts_anew_afterwards() {
        for reason in KnownReason::ALL {
            check(&[(0, true, None), (0, true, Some(*reason)), (0, true, None)], &[1, 0, 1]);
        }
    }
}
