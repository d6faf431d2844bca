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
}

impl Outbox {
    pub(super) fn push(&mut self, letter: Letter) {
        self.letters.push_back(letter);
    }

    /// Returns the number of letters that are not delivered.
    pub(super) fn len(&self) -> usize {
        self.letters.len()
    }

    /// Tells whether the last attempt at delivery failed.
    pub(super) fn is_failing(&self) -> bool {
        self.retry.attempts() > 0
    }

    pub(super) fn is_travelling(&self) -> bool {
        self.travelling > 0
    }

    /// Returns when the next attempt is due, where one waits for its time.
    pub(super) fn due(&self) -> Option<Instant> {
        if self.letters.is_empty() || self.is_travelling() { None } else { self.resume_at }
    }

    /// Returns the letters to deliver now.
    pub(super) fn next(&mut self, now: Instant) -> Option<Vec<Letter>> {
        let is_early = self.resume_at.is_some_and(|at| now < at);
        if self.letters.is_empty() || self.is_travelling() || is_early {
            return None;
        }
        self.travelling = self.letters.len().min(LETTERS_MAX);
        Some(self.letters.iter().take(self.travelling).cloned().collect())
    }

    /// Takes the answers in order; returns the offsets that were delivered and the last error.
    pub(super) fn answered(
        &mut self,
        now: Instant,
        answers: Vec<Result<(), DeadLetterError>>,
        random: &mut impl Rng,
    ) -> (Vec<Offset>, Option<DeadLetterError>) {
        let mut delivered = Vec::new();
        let mut last_error = None;
        let travelled: Vec<Letter> = self.letters.drain(..self.travelling.min(self.letters.len())).collect();
        let mut answers = answers.into_iter();
        for mut letter in travelled {
            match answers.next() {
                Some(Ok(())) => delivered.push(letter.message.offset),
                Some(Err(error)) => {
                    last_error = Some(error);
                    letter.attempts += 1;
                    self.letters.push_back(letter);
                }
                None => self.letters.push_back(letter),
            }
        }
        self.travelling = 0;
        self.resume_at = None;
        if last_error.is_some() {
            self.resume_at = Some(now + self.retry.pause(random));
        } else {
            self.retry.reset();
        }
        (delivered, last_error)
    }
}
