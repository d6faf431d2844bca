//! Pure. `PartitionState`: everything one partition decides, as `step(now, input) -> effects`.
//!
//! It holds each message in exactly one place: backlog, open batch, work, outbox, or held. It asks the store for one
//! thing at a time and knows neither clock nor network.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;

use super::effect::{Effect, Input};
use super::frontier::Frontier;
use super::letters::Outbox;
use super::request::Answer;
use super::stall::KnownReason;
use super::work::{Settled, Work};
use crate::batch::{BatchLimits, OpenBatch, Planned};
use crate::dead_letter::{DeadLetterError, Letter};
use crate::invariants::{self, Invariant};
use crate::ledger::{CommitPoint, Ledger};
use crate::map::{PartitionMapper, Rejection};
use crate::record::{Message, Offset, TopicPartition};
use crate::retry::RetryForever;

/// How long a partition keeps still after a time-out, since its request may still be at work in the store.
const TIMED_OUT_PAUSE: Duration = Duration::from_secs(10);

/// Most messages from the lowest one without an end on: while that one cannot be delivered, Kafka keeps what follows.
const SPAN_MAX: usize = 4_096;

/// What a partition needs to decide, besides its messages.
#[derive(Clone, Copy, Debug)]
pub struct StateSettings {
    /// The limits of a batch.
    pub limits: BatchLimits,
    /// A rejected message goes to the dead-letter topic; otherwise it holds the partition.
    pub has_dead_letters: bool,
}

/// The state of one partition.
#[derive(Debug)]
pub struct PartitionState {
    settings: StateSettings,
    partition: TopicPartition,
    mapper: PartitionMapper,
    ledger: Ledger,
    frontier: Frontier,
    random: SmallRng,
    backlog: VecDeque<Message>,
    open: OpenBatch,
    /// A record that did not fit into the open batch.
    spare: Option<Box<Planned>>,
    work: Option<Work>,
    outbox: Outbox,
    /// Messages that can never be stored and have nowhere to go.
    held: Vec<Offset>,
    retry: RetryForever,
    resume_at: Option<Instant>,
    is_requesting: bool,
    is_stopping: bool,
}

impl PartitionState {
    /// Returns a partition that begins at a point and asks the store for nothing before `resume_at`.
    #[must_use]
    pub fn new(
        settings: StateSettings,
        partition: TopicPartition,
        (start, mapper): (CommitPoint, PartitionMapper),
        resume_at: Option<Instant>,
        random: SmallRng,
    ) -> Self {
        Self {
            settings,
            partition,
            mapper,
            ledger: Ledger::new(start),
            frontier: Frontier::default(),
            random,
            backlog: VecDeque::new(),
            open: OpenBatch::default(),
            spare: None,
            work: None,
            outbox: Outbox::default(),
            held: Vec::new(),
            retry: RetryForever::default(),
            resume_at,
            is_requesting: false,
            is_stopping: false,
        }
    }

    /// Takes what happened and returns what to do.
    pub fn step(&mut self, now: Instant, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Messages(messages) => self.backlog.extend(messages),
            Input::Answer(answer) => self.take_answer(now, answer, &mut effects),
            Input::Letters(answers) => self.take_letters(now, answers, &mut effects),
            Input::Tick => {}
            Input::Stop => self.is_stopping = true,
        }
        self.advance(now, &mut effects);
        self.check(&mut effects);
        effects
    }

    /// Changes how large a batch may be.
    pub fn set_batch_bytes(&mut self, bytes: usize) {
        self.settings.limits.bytes = bytes;
    }

    /// Tells whether more messages are of use now.
    #[must_use]
    pub fn wants_messages(&self) -> bool {
        !self.is_stopping
            && self.held.is_empty()
            && self.backlog.len() < self.settings.limits.records
            && self.ledger.span() < SPAN_MAX
    }

    /// Returns when the next tick is due, where nothing else would wake the partition.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        if self.is_stopping {
            return None;
        }
        let batch = match (&self.work, self.is_requesting) {
            (_, true) => None,
            (Some(_), false) => self.resume_at,
            (None, false) if self.is_batch_closed() => self.resume_at,
            (None, false) => self.open.due(self.settings.limits).max(self.resume_at),
        };
        [batch, self.outbox.due()].into_iter().flatten().min()
    }

    /// Returns what may be committed.
    #[must_use]
    pub fn commit_point(&self) -> CommitPoint {
        self.ledger.commit_point()
    }

    /// Returns the time of the oldest message here that is not stored.
    #[must_use]
    pub fn oldest_timestamp_ms(&self) -> Option<i64> {
        let waiting = || self.backlog.front().and_then(|message| message.timestamp_ms);
        self.ledger.oldest_timestamp_ms().or_else(waiting)
    }

    /// Tells whether nothing that the store was asked to write is unproven, by this owner or the one it waits for.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.resume_at.is_none() && self.work.as_ref().is_none_or(|work| work.is_empty() || !work.was_sent())
    }

    /// Tells whether a rejected message holds the partition.
    #[must_use]
    pub fn is_held(&self) -> bool {
        !self.held.is_empty()
    }

    /// Tells whether there are messages here that are not stored.
    #[must_use]
    pub fn has_backlog(&self) -> bool {
        !self.backlog.is_empty() || self.ledger.open() > 0
    }

    /// Returns why the partition may stand still, where that is known.
    #[must_use]
    pub fn known_reason(&self) -> Option<KnownReason> {
        if self.is_stopping {
            return Some(KnownReason::Draining);
        }
        if self.is_held() {
            return Some(KnownReason::Hold);
        }
        if self.outbox.is_failing() {
            return Some(KnownReason::BackOff);
        }
        let has_failed = self.retry.attempts() > 0;
        self.resume_at.map(|_| if has_failed { KnownReason::BackOff } else { KnownReason::FencingWait })
    }

    fn advance(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if self.is_stopping {
            if !self.is_requesting && !self.outbox.is_travelling() {
                effects.push(Effect::Stopped);
            }
            return;
        }
        self.fill(now, effects);
        self.request(now, effects);
        // What left the open batch made room for what waited.
        self.fill(now, effects);
        effects.extend(self.outbox.next(now).map(Effect::Deliver));
    }

    /// Maps what waits into the open batch until it is full.
    fn fill(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let limits = self.settings.limits;
        while self.held.is_empty() && !self.open.is_full(limits) {
            let planned = match self.spare.take() {
                Some(planned) => planned,
                None => match self.backlog.pop_front() {
                    Some(message) => match self.plan(message, effects) {
                        Some(planned) => planned,
                        None => continue,
                    },
                    None => return,
                },
            };
            if let Err(planned) = self.open.push(now, planned, limits) {
                self.spare = Some(planned);
                return;
            }
        }
    }

    fn plan(&mut self, message: Message, effects: &mut Vec<Effect>) -> Option<Box<Planned>> {
        let mapped = self.mapper.map(&message);
        self.ledger.receive(message.offset, message.timestamp_ms, self.mapper.state());
        match mapped {
            Ok(record) => Some(Box::new(Planned { message, record: Arc::new(record) })),
            Err(reason) => {
                self.reject(message, reason, effects);
                None
            }
        }
    }

    fn reject(&mut self, message: Message, reason: Rejection, effects: &mut Vec<Effect>) {
        if self.settings.has_dead_letters {
            let from = self.partition.clone();
            self.outbox.push(Letter { from, message: Arc::new(message), reason, attempts: 0 });
        } else {
            self.held.push(message.offset);
            effects.push(Effect::Held { offset: message.offset, reason });
        }
    }

    /// Sends the next request, if it is time for one.
    fn request(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if self.is_requesting || self.resume_at.is_some_and(|at| now < at) {
            return;
        }
        self.resume_at = None;
        if self.work.as_ref().is_none_or(Work::is_empty) {
            self.work = None;
            if self.is_batch_due(now) {
                self.work = Some(Work::new(self.open.take()));
            }
        }
        let request = self.work.as_mut().and_then(|work| work.next_request(now, &mut self.frontier));
        self.is_requesting = request.is_some();
        effects.extend(request.map(Effect::Send));
    }

    fn is_batch_due(&self, now: Instant) -> bool {
        let is_aged = self.open.due(self.settings.limits).is_some_and(|due| now >= due);
        is_aged || self.is_batch_closed()
    }

    /// Tells whether nothing more goes into the open batch.
    fn is_batch_closed(&self) -> bool {
        !self.open.is_empty() && (self.spare.is_some() || self.open.is_full(self.settings.limits))
    }

    fn take_answer(&mut self, now: Instant, answer: Answer, effects: &mut Vec<Effect>) {
        self.is_requesting = false;
        let Some(work) = self.work.as_mut() else {
            return;
        };
        let settled = match answer {
            Answer::Surveyed(Ok(entries)) => {
                for (entry, from, newest) in entries {
                    self.frontier.learn(entry, from, newest);
                }
                Settled::default()
            }
            Answer::Checked(Ok(heads)) => work.checked(heads),
            Answer::Written(answer) => work.written(answer),
            Answer::Probed(answers) => work.probed(now, answers),
            Answer::Mended(Ok(())) => {
                work.mended();
                Settled::default()
            }
            Answer::Surveyed(Err(error)) | Answer::Checked(Err(error)) | Answer::Mended(Err(error)) => {
                Work::unanswered(error)
            }
        };
        self.settle(now, settled, effects);
    }

    fn settle(&mut self, now: Instant, settled: Settled, effects: &mut Vec<Effect>) {
        let has_progress = settled.has_progress();
        if !settled.stored.is_empty() {
            let bytes = settled.stored.iter().map(|planned| planned.record.body.len()).sum();
            let timestamps_ms = settled.stored.iter().map(|planned| planned.message.timestamp_ms).collect();
            effects.push(Effect::Stored { bytes, timestamps_ms });
        }
        if !settled.found.is_empty() {
            effects.push(Effect::Found(settled.found.len()));
        }
        for planned in settled.stored.iter().chain(&settled.found) {
            self.ledger.answered(planned.record.offset);
        }
        for (planned, reason) in settled.rejected {
            self.reject(planned.message, reason, effects);
        }
        let Some(pause) = settled.pause else {
            // An answered question is no progress: where reading works and writing does not, the pauses must grow.
            if has_progress {
                self.retry.reset();
            }
            return;
        };
        let shortest = if pause.is_long { TIMED_OUT_PAUSE } else { Duration::ZERO };
        self.resume_at = Some(now + self.retry.pause(&mut self.random).max(shortest));
        effects.push(Effect::StoreFailing { error: pause.error, attempts: self.retry.attempts() });
    }

    fn take_letters(
        &mut self,
        now: Instant,
        answers: Vec<Result<(), DeadLetterError>>,
        effects: &mut Vec<Effect>,
    ) {
        let (delivered, error) = self.outbox.answered(now, answers, &mut self.random);
        for offset in &delivered {
            self.ledger.dead_lettered(*offset);
        }
        if !delivered.is_empty() {
            effects.push(Effect::DeadLettered(delivered.len()));
        }
        effects.extend(error.map(Effect::LettersFailing));
    }

    fn check(&self, effects: &mut Vec<Effect>) {
        let mut expect = |invariant: Invariant, holds: bool| {
            if !holds {
                effects.push(Effect::Violated(invariant));
            }
        };
        let commit = self.ledger.commit_point().offset;
        expect(
            Invariant::CommitsOnlyStored,
            invariants::commits_only_stored(commit, self.ledger.lowest_open()),
        );
        let gathering = self.open.len() + usize::from(self.spare.is_some());
        let work = self.work.as_ref().map_or(0, Work::len);
        let places = [gathering, work, self.outbox.len(), self.held.len()];
        expect(Invariant::EachInOnePlace, invariants::each_in_one_place(self.ledger.open(), places));
    }
}

#[cfg(test)]
mod schedules;
#[cfg(test)]
mod simulated_store;
#[cfg(test)]
mod tests;
