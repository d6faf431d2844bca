//! Pure. `Outbox`: rejected messages on their way to the dead-letter topic, tried again until they are there.

use std::collections::VecDeque;
use std::time::Instant;

use rand::Rng;

use crate::dead_letter::{DeadLetterError, Letter};
use crate::record::Offset;
use crate::retry::RetryForever;

/// Most letters that travel at once.
const LETTERS_MAX: usize = 80;

/// Letters that wait or travel.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    letters: VecDeque<Letter>,
    travelling: usize,
    retry: RetryForever,
    resume_at: Option<Instant>,
    /// Why the last attempt failed; none where it did not.
    failure: Option<DeadLetterError>,
}

/// What became of letters that travelled.
#[derive(Debug, Default)]
pub(super) struct Returned {
    /// Offsets of those that were delivered.
    pub(super) delivered: Vec<Offset>,
    /// The highest offset of those that may be in the topic, delivered or not.
    pub(super) last_tried: Option<Offset>,
    /// Why another was not, and how often that happened in a row.
    pub(super) failure: Option<(DeadLetterError, u32)>,
}

impl Outbox {
    pub(super) fn push(&mut self, letter: Letter) {
        self.letters.push_back(letter);
    }

    /// Returns the number of letters that are not delivered.
    pub(super) fn len(&self) -> usize {
        self.letters.len()
    }

    /// Returns the highest offset among them.
    pub(super) fn last(&self) -> Option<Offset> {
        self.letters.iter().map(|letter| letter.message.offset).max()
    }

    /// Forgets letters that do not travel: their messages come again.
    pub(super) fn clear(&mut self) {
        self.letters.clear();
        self.resume_at = None;
        self.failure = None;
    }

    /// Tells whether the last attempt at delivery failed.
    pub(super) fn is_failing(&self) -> bool {
        self.failure.is_some()
    }

    pub(super) fn is_travelling(&self) -> bool {
        self.travelling > 0
    }

    /// Returns when the next attempt is due, where one waits for its time.
    pub(super) fn due(&self) -> Option<Instant> {
        if self.letters.is_empty() || self.is_travelling() { None } else { self.resume_at }
    }

    /// Tells whether letters wait for somebody to mend the dead-letter topic.
    pub(super) fn is_blocked(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.obstacle.remedy().is_some())
    }

    /// Returns the letters to deliver now: all that may travel at once, or after a failure a single one, to find out.
    pub(super) fn next(&mut self, now: Instant) -> Option<Vec<Letter>> {
        let is_early = self.resume_at.is_some_and(|at| now < at);
        if self.letters.is_empty() || self.is_travelling() || is_early {
            return None;
        }
        let most = if self.failure.is_some() { 1 } else { LETTERS_MAX };
        self.travelling = self.letters.len().min(most);
        Some(self.letters.iter().take(self.travelling).cloned().collect())
    }

    /// Takes the answers in order.
    pub(super) fn answered(
        &mut self,
        now: Instant,
        answers: Vec<Result<(), DeadLetterError>>,
        random: &mut impl Rng,
    ) -> Returned {
        let mut delivered = Vec::new();
        let (mut failure, mut last_tried) = (None, None);
        let travelled: Vec<Letter> = self.letters.drain(..self.travelling.min(self.letters.len())).collect();
        let mut answers = answers.into_iter();
        for mut letter in travelled {
            match answers.next() {
                Some(Ok(())) => {
                    last_tried = last_tried.max(Some(letter.message.offset));
                    delivered.push(letter.message.offset);
                }
                Some(Err(error)) => {
                    // Where it only took too long it may have got there.
                    let tried = error.obstacle.remedy().is_none().then_some(letter.message.offset);
                    last_tried = last_tried.max(tried);
                    failure = Some(error);
                    letter.attempts = letter.attempts.saturating_add(1);
                    // The others have their turn first: what is wrong with one need not be wrong with them.
                    self.letters.push_back(letter);
                }
                None => self.letters.push_back(letter),
            }
        }
        self.travelling = 0;
        self.failure.clone_from(&failure);
        self.resume_at = failure.is_some().then(|| now + self.retry.pause(random));
        if failure.is_none() {
            self.retry.reset();
        }
        Returned { delivered, last_tried, failure: failure.map(|error| (error, self.retry.attempts())) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    use super::{LETTERS_MAX, Outbox};
    use crate::budget::Hold;
    use crate::dead_letter::{DeadLetterError, Letter, Obstacle};
    use crate::map::Rejection;
    use crate::record::{Headers, Message, Offset, Partition, Topic, TopicPartition};

    fn letter(offset: i64) -> Letter {
        let message = Message {
            offset: Offset(offset),
            timestamp_ms: None,
            key: None,
            value: None,
            headers: Headers::Readable(Vec::new()),
            hold: Hold::none(),
        };
        let from = TopicPartition { topic: Topic::new("t"), partition: Partition(0) };
        Letter { from, message: Arc::new(message), reason: Rejection::KeyMissing, attempts: 0 }
    }

    fn failure(obstacle: Obstacle) -> DeadLetterError {
        DeadLetterError { topic: "dlq".to_owned(), bytes: 1, reason: "no".to_owned(), obstacle }
    }

    /// Delivers what is due until nothing is left; `is_stuck` names letters that fail. Returns the attempts and how long
    /// they took.
    fn deliver_all(
        outbox: &mut Outbox,
        start: Instant,
        is_stuck: impl Fn(i64, Instant) -> bool,
    ) -> (usize, Duration) {
        let mut random = SmallRng::seed_from_u64(1);
        let (mut now, mut attempts) = (start, 0);
        while outbox.len() > 0 {
            now = outbox.due().map_or(now, |due| due.max(now));
            let letters = outbox.next(now).expect("letters that are due travel");
            attempts += letters.len();
            let is_taken = |letter: &Letter| !is_stuck(letter.message.offset.0, now);
            let answer = |letter| is_taken(letter).then_some(()).ok_or_else(|| failure(Obstacle::TooLarge));
            let answers = letters.iter().map(answer).collect();
            outbox.answered(now, answers, &mut random);
        }
        (attempts, now - start)
    }

    #[test]
    fn one_letter_that_cannot_be_delivered_holds_up_no_other() {
        let mut outbox = Outbox::default();
        (0..3 * 80).for_each(|offset| outbox.push(letter(offset)));
        let start = tokio::time::Instant::now().into_std();
        let mut random = SmallRng::seed_from_u64(1);
        let first = outbox.next(start).unwrap();
        assert_eq!(first.len(), LETTERS_MAX);
        let answers = first
            .iter()
            .map(|l| if l.message.offset.0 == 7 { Err(failure(Obstacle::TooLarge)) } else { Ok(()) });
        let returned = outbox.answered(start, answers.collect(), &mut random);
        assert_eq!(returned.delivered.len(), LETTERS_MAX - 1);
        assert_eq!(returned.failure, Some((failure(Obstacle::TooLarge), 1)));
        assert!(outbox.is_blocked() && outbox.next(start).is_none(), "it waits before it tries again");
        let due = outbox.due().unwrap();
        let probe = outbox.next(due).unwrap();
        assert_eq!(probe.iter().map(|l| l.message.offset.0).collect::<Vec<_>>(), [80], "another, and alone");
        outbox.answered(due, vec![Ok(())], &mut random);
        assert!(!outbox.is_blocked());
        assert_eq!(outbox.next(due).unwrap().len(), LETTERS_MAX);
    }

    #[test]
    fn letters_that_cannot_be_delivered_are_tried_seldom_and_delivered_once_that_is_mended() {
        let mut outbox = Outbox::default();
        (0..200).for_each(|offset| outbox.push(letter(offset)));
        let start = tokio::time::Instant::now().into_std();
        let mended_at = start + Duration::from_hours(1);
        let (attempts, took) = deliver_all(&mut outbox, start, |_, now| now < mended_at);
        assert!(took < Duration::from_hours(1) + Duration::from_secs(20), "{took:?}");
        assert!(attempts < 200 + LETTERS_MAX + 3_600 / 7, "{attempts} attempts in an hour");
        assert!(!outbox.is_blocked());
    }

    #[test]
    fn outage_of_the_brokers_passes_without_anybody() {
        let mut outbox = Outbox::default();
        outbox.push(letter(0));
        let now = tokio::time::Instant::now().into_std();
        outbox.next(now).unwrap();
        outbox.answered(now, vec![Err(failure(Obstacle::Passing))], &mut SmallRng::seed_from_u64(1));
        assert!(!outbox.is_blocked());
    }
}
