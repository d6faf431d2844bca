//! Pure. What answers of the store and of the dead-letter topic mean for a partition.

use std::time::{Duration, Instant};

use super::going_back::Back;
use super::{PartitionState, Stopping};
use crate::batch::Planned;
use crate::dead_letter::DeadLetterError;
use crate::ledger::Fate;
use crate::map::Stage;
use crate::pipeline::effect::Effect;
use crate::pipeline::letters::Returned;
use crate::pipeline::proving::Answered;
use crate::pipeline::request::Answer;
use crate::pipeline::stall::KnownReason;
use crate::pipeline::upkeep::{Done, News};
use crate::pipeline::work::{Found, Pause, Settled, Wait, Work};
use crate::record::Entry;
use crate::registry::RegistryError;
use crate::writer::{Head, StoreError};

/// How long a partition keeps still after a time-out where the store answers others: with the 15 s of the request the
/// minute after which the store gives up waiting for its own lock.
const LOCKED_UP_PAUSE: Duration = Duration::from_secs(45);

/// The same where the store answers nobody: the request ends with whatever holds it up.
const TIMED_OUT_PAUSE: Duration = Duration::from_secs(10);

impl PartitionState {
    pub(super) fn take_answer(&mut self, now: Instant, answer: Answer, effects: &mut Vec<Effect>) {
        (self.is_requesting, self.is_breakable) = (false, false);
        let settled = match answer {
            Answer::Shown { heads, took } => return self.take_proof(now, heads, took, effects),
            Answer::NotSent => return self.take_back(),
            Answer::BrokenOff => return self.proving.unanswered(),
            Answer::Registry(answer) => return self.take_leave(now, answer, effects),
            Answer::Surveyed(Ok(entries)) => {
                self.frontier.make_room(entries.iter().map(|(entry, ..)| entry));
                for (entry, from, newest) in entries {
                    let highest = self.frontier.learn(entry.clone(), from, newest);
                    self.standing.safety().begin(&entry, highest);
                }
                Settled::default()
            }
            Answer::Checked(Ok(checked)) => self.settled(|work| work.checked(checked)),
            Answer::Written(answer) => self.take_written(answer),
            Answer::Unprepared(error) => self.settled(|work| work.unsent(error)),
            Answer::Probed(answers) => self.settled(|work| work.probed(now, answers)),
            Answer::Mended(answer) => self.settled(|work| work.mended(answer)),
            Answer::Surveyed(Err(error)) | Answer::Checked(Err(error)) => Work::unanswered(error),
        };
        self.settle(now, settled, effects);
    }

    /// Takes the answer to a write. Whatever it says, all of it may be there, unless it never left.
    fn take_written(&mut self, answer: Result<Vec<Result<(), StoreError>>, StoreError>) -> Settled {
        let has_left = !answer.as_ref().is_err_and(StoreError::is_unsent);
        self.cut.note(self.work.as_ref().and_then(Work::highest), &answer);
        if let Some(last) = self.work.as_ref().and_then(Work::last).filter(|_| has_left) {
            self.reach.hand(last);
        }
        self.settled(|work| work.written(answer))
    }

    fn settled(&mut self, take: impl FnOnce(&mut Work) -> Settled) -> Settled {
        self.work.as_mut().map(take).unwrap_or_default()
    }

    /// The registry said whether, and in which life, the partition may be written, or took what it was told.
    fn take_leave(&mut self, now: Instant, answer: Result<Done, RegistryError>, effects: &mut Vec<Effect>) {
        let done = match answer {
            Ok(done) => done,
            Err(error) => {
                self.upkeep.failed(now, &error);
                // Where the partition may be written nothing waits for the registry.
                if !self.upkeep.is_admitted() {
                    self.paused_for = KnownReason::BackOff;
                    self.resume_at = Some(now + self.retry.pause(&mut self.random));
                }
                return effects.push(Effect::RegistryFailing { error, attempts: self.retry.attempts() });
            }
        };
        match self.upkeep.done(now, done) {
            News::None => {}
            News::Admitted { number, life } => {
                self.retry.reset();
                self.mapper.live(life);
                effects.push(Effect::Admitted(number));
            }
            News::Foreign(owner) => effects.push(Effect::Foreign(owner)),
        }
    }

    fn settle(&mut self, now: Instant, settled: Settled, effects: &mut Vec<Effect>) {
        let has_progress = settled.has_progress();
        self.breakers.accepted(Stage::Write, settled.stored.len() + settled.found.len());
        self.settle_stored(now, settled.stored, effects);
        self.settle_found(now, settled.found, effects);
        if !settled.expired.is_empty() {
            let offsets = settled.expired.iter().map(|planned| planned.record.identity.offset);
            effects.push(Effect::Expired(offsets.clone().collect()));
            offsets.for_each(|offset| self.ledger.set(offset, Fate::Expired));
        }
        for (planned, reason) in settled.rejected {
            self.reject(planned.message, reason, effects);
        }
        match settled.pause {
            Some(pause) => self.pause(now, pause, effects),
            // An answered question is no progress: where reading works and writing does not, the pauses must grow.
            None if has_progress => self.retry.reset(),
            None => {}
        }
    }

    fn settle_stored(&mut self, now: Instant, stored: Vec<Planned>, effects: &mut Vec<Effect>) {
        if stored.is_empty() {
            return;
        }
        let again =
            stored.iter().filter(|planned| self.history.knows(planned.record.identity.offset)).count();
        effects.extend((again > 0).then_some(Effect::Rewritten(again)));
        effects.push(Effect::Stored {
            bytes: stored.iter().map(|planned| planned.record.body.len()).sum(),
            timestamps_ms: stored.iter().map(|planned| planned.message.timestamp_ms).collect(),
        });
        for planned in stored {
            self.answered(now, &planned);
        }
    }

    fn settle_found(&mut self, now: Instant, found: Vec<Found>, effects: &mut Vec<Effect>) {
        if found.is_empty() {
            return;
        }
        effects.push(Effect::Found(found.len()));
        for Found { planned, was_sent } in found {
            if self.slack_us > 0 {
                self.mapper.follow(planned.record.place, self.slack_us);
            }
            if !was_sent && self.history.outlived(planned.record.identity.offset) {
                self.ledger.set(planned.record.identity.offset, Fate::Verified);
            } else {
                self.answered(now, &planned);
            }
        }
    }

    /// The store says that it has a record; it must show it later. The payload is not needed for that.
    fn answered(&mut self, now: Instant, planned: &Planned) {
        let record = &planned.record;
        if cfg!(feature = "no-commit-gate") {
            self.ledger.set(record.identity.offset, Fate::Verified);
            return;
        }
        self.ledger.set(record.identity.offset, Fate::Answered);
        let (entry, place, identity) = (record.entry.clone(), record.place, record.identity);
        self.proving.push(Answered { entry, place, identity, at: now });
    }

    fn take_proof(
        &mut self,
        now: Instant,
        heads: Result<Vec<(Entry, Head)>, StoreError>,
        took: Duration,
        effects: &mut Vec<Effect>,
    ) {
        let heads = match heads {
            Ok(heads) => heads,
            Err(error) => {
                self.proving.unanswered();
                return self.settle(now, Work::unanswered(error), effects);
            }
        };
        let shown = self.proving.shown(now, &heads, took);
        self.shown += shown.proven.len() as u64;
        for proven in shown.proven {
            self.standing.safety().proven(&proven.entry, proven.place);
            self.ledger.set(proven.identity.offset, Fate::Verified);
        }
        let Some(lowest) = shown.missing.iter().map(|missing| missing.identity.offset).min() else {
            self.retry.reset();
            return;
        };
        self.missing += shown.missing.len();
        for missing in &shown.missing {
            self.history.missing(missing.identity.offset);
        }
        effects.push(Effect::Missing { count: shown.missing.len(), offset: lowest });
        self.going_back.get_or_insert(Back::ToMissing);
        self.paused_for = KnownReason::BackOff;
        self.resume_at = Some(now + self.retry.pause(&mut self.random));
    }

    /// The request was not sent; unless the partition ends, it is made again.
    fn take_back(&mut self) {
        let was_proof = self.proving.is_asked();
        self.proving.unanswered();
        self.work.iter_mut().for_each(Work::not_sent);
        if was_proof && self.is_stopping() {
            self.stopping = Stopping::GivenUp;
        }
    }

    fn pause(&mut self, now: Instant, pause: Pause, effects: &mut Vec<Effect>) {
        self.paused_for = match pause.wait {
            Wait::Long => KnownReason::LockTimeout,
            Wait::BackOff | Wait::Until(_) => KnownReason::BackOff,
        };
        let shortest = match (pause.wait, self.is_store_answering) {
            (Wait::Long, true) => LOCKED_UP_PAUSE,
            (Wait::Long, false) => TIMED_OUT_PAUSE,
            (Wait::BackOff | Wait::Until(_), _) => Duration::ZERO,
        };
        self.resume_at = Some(match pause.wait {
            Wait::Until(at) => at,
            Wait::BackOff | Wait::Long => now + self.retry.pause(&mut self.random).max(shortest),
        });
        effects.push(Effect::StoreFailing { error: pause.error, attempts: self.retry.attempts().max(1) });
    }

    pub(super) fn take_letters(
        &mut self,
        now: Instant,
        answers: Vec<Result<(), DeadLetterError>>,
        effects: &mut Vec<Effect>,
    ) {
        let Returned { delivered, last_tried, failure } =
            self.outbox.answered(now, answers, &mut self.random);
        if let Some(offset) = last_tried {
            self.reach.hand(offset);
        }
        for offset in &delivered {
            self.history.lettered(*offset);
            self.ledger.set(*offset, Fate::DeadLettered);
        }
        if !delivered.is_empty() {
            effects.push(Effect::DeadLettered(delivered.len()));
        }
        effects.extend(failure.map(|(error, attempts)| Effect::LettersFailing { error, attempts }));
    }
}
