//! Pure. `Committer`: one commit after another, as `kafka/committer` sends them, and the one that the poll loop waits for.

use std::collections::VecDeque;
use std::time::Duration;

use super::broker::Job;
use crate::source::Commit;

/// Most commits that wait for the one under way.
const QUEUE: usize = 8;

/// What a commit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To tell what is new; nobody waits for it.
    Round,
    /// To confirm where a partition begins.
    Start,
    /// To go back: for this lane, and the generation that follows.
    GoBack(u64, u64),
    /// To end with a partition.
    Last,
}

/// Sends commits.
#[derive(Debug, Default)]
pub(super) struct Committer {
    queue: VecDeque<(u64, u64, Commit)>,
    is_busy: bool,
    epoch: u64,
    number: u64,
    waiting: Option<(u64, Purpose)>,
}

impl Committer {
    /// Takes a commit; returns its number where it was waited for and finds no room.
    pub(super) fn submit(&mut self, commit: Commit, purpose: Purpose) -> Option<u64> {
        self.number += 1;
        let is_waited_for = purpose != Purpose::Round;
        if is_waited_for {
            self.waiting = Some((self.number, purpose));
        }
        if self.queue.len() >= QUEUE {
            return is_waited_for.then_some(self.number);
        }
        self.queue.push_back((self.number, self.epoch, commit));
        None
    }

    /// Returns what is sent next, if nothing is under way, and what is not sent any more.
    pub(super) fn next(&mut self, generation: u64, begun: Duration) -> (Option<Job>, Vec<u64>) {
        let mut skipped = Vec::new();
        while !self.is_busy {
            let Some((number, epoch, commit)) = self.queue.pop_front() else {
                break;
            };
            if epoch != self.epoch {
                skipped.push(number);
                continue;
            }
            self.is_busy = true;
            return (Some(Job { number, generation, commit, begun }), skipped);
        }
        (None, skipped)
    }

    /// The one under way has ended.
    pub(super) fn answered(&mut self) {
        self.is_busy = false;
    }

    /// Returns the number of what the poll loop waits for.
    pub(super) fn waits_for(&self) -> Option<u64> {
        self.waiting.map(|(number, _)| number)
    }

    /// Ends the wait for a number; returns what it was for.
    pub(super) fn take_waiting(&mut self, number: u64) -> Option<Purpose> {
        self.waiting.take_if(|(waited, _)| *waited == number).map(|(_, purpose)| purpose)
    }

    /// The partition has changed hands: what waits is not sent any more.
    pub(super) fn forget(&mut self) {
        self.epoch += 1;
    }
}
