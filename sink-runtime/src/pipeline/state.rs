//! Pure. `PartitionState`: everything one partition decides, as `step(now, input) -> effects`.
//!
//! It holds each message in exactly one place: backlog, open batch, work, outbox, held, or proving. It asks the store for
//! one thing at a time and knows neither clock nor network.

mod answers;
mod asking;
mod due;
mod going_back;
mod reaching;
mod standstill;
mod stopping;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;

use self::going_back::Back;
use self::stopping::Stopping;
use super::breaker::{Breakers, Way};
use super::cut::Cut;
use super::effect::{Effect, Input};
use super::frontier::Frontier;
use super::gathering::{Gathering, Planning};
use super::history::History;
use super::letters::Outbox;
use super::proving::Proving;
use super::reach::Reach;
use super::stall::KnownReason;
use super::standing::Standing;
use super::upkeep::Upkeep;
use super::work::Work;
use crate::batch::{BatchLimits, Planned};
use crate::dead_letter::Letter;
use crate::invariants::{self, Invariant};
use crate::ledger::{Fate, Ledger};
use crate::map::{PartitionMapper, Rejection, Stage};
use crate::progress::Progress;
use crate::record::{Message, Offset, TopicPartition};
use crate::registry::{KEEPER, LastLife};
use crate::retry::RetryForever;

/// Part of the bytes for entries by which their order is followed, so that later records make earlier ones safe. It must
/// leave room for the entries of a whole batch.
const FOLLOWED: usize = 4;

/// What a partition needs to decide, besides its messages.
#[derive(Clone, Copy, Debug)]
pub struct StateSettings {
    /// The limits of a batch.
    pub limits: BatchLimits,
    /// A rejected message goes to the dead-letter topic; otherwise it holds the partition.
    pub has_dead_letters: bool,
    /// Time from the store's answer until the record is read back.
    pub commit_delay: Duration,
    /// Most messages from the lowest one without an end on, fewer where the names of their entries take much; Kafka keeps
    /// what follows.
    pub span_max: usize,
    /// Bytes that what is known of entries may take.
    pub entry_bytes: usize,
    /// How far a promise runs ahead of what was read, in offsets.
    pub reach_window: i64,
}

/// Where a partition begins.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// What its last commit says.
    pub progress: Progress,
    /// What earlier owners may have handed out lies below.
    pub reach: Offset,
    /// None of them is at work any more.
    pub is_bounded: bool,
    /// The mapping that made the records above the safe point, where it is another one than this member's.
    pub other_mapping: Option<Arc<str>>,
    /// Until when the last owner may have a request open.
    pub fenced_until: Option<Instant>,
    /// The life of the topic that commits name until the registry has told which it is.
    pub life: Option<LastLife>,
    /// The partition may be written; the registry is never asked.
    pub is_admitted: bool,
}

/// The state of one partition.
#[derive(Debug)]
pub struct PartitionState {
    settings: StateSettings,
    partition: TopicPartition,
    mapper: PartitionMapper,
    ledger: Ledger,
    reach: Reach,
    standing: Standing,
    upkeep: Upkeep,
    history: History,
    frontier: Frontier,
    random: SmallRng,
    gathering: Gathering,
    work: Option<Work>,
    proving: Proving,
    cut: Cut,
    outbox: Outbox,
    breakers: Breakers,
    /// Messages that can never be stored and have nowhere to go.
    held: Vec<Offset>,
    retry: RetryForever,
    fenced_until: Option<Instant>,
    resume_at: Option<Instant>,
    /// Messages must come again as soon as nothing is under way.
    going_back: Option<Back>,
    /// Records that the store did not show, until the partition goes back to them.
    missing: usize,
    /// How far places may be off, in microseconds, until what was proven before is read again: see [`Self::note_gap`].
    slack_us: u64,
    /// How far places have been moved since by that, until the partition goes back once more.
    drift_us: u64,
    /// From where messages come again, until the first of them has come.
    gone_back_to: Option<Offset>,
    /// How many records the store has shown so far.
    shown: u64,
    /// What the last pause was for.
    paused_for: KnownReason,
    stopping: Stopping,
    /// Other parts of the store answer.
    is_store_answering: bool,
    is_requesting: bool,
    /// The request under way is a question that may still be broken off.
    is_breakable: bool,
}

impl PartitionState {
    /// Returns a partition that asks the store for nothing before it has been seen and the last owner is done with it.
    #[must_use]
    pub fn new(
        settings: StateSettings,
        partition: TopicPartition,
        mapper: PartitionMapper,
        beginning: Beginning,
        random: SmallRng,
    ) -> Self {
        let Beginning { progress, reach, is_bounded, other_mapping, fenced_until, life, is_admitted } =
            beginning;
        let (point, is_own) = (progress.point.offset, other_mapping.is_none());
        let is_keeper = partition.partition == KEEPER;
        let followed = settings.entry_bytes / FOLLOWED;
        Self {
            settings,
            partition,
            mapper,
            ledger: Ledger::new(progress.point),
            reach: Reach::new(settings.reach_window, point, (reach, is_bounded), is_own),
            standing: Standing::new(progress, other_mapping, followed),
            upkeep: Upkeep::new(life, is_keeper, is_admitted),
            history: History::new(progress.proven),
            frontier: Frontier::new(settings.entry_bytes - followed),
            random,
            gathering: Gathering::default(),
            work: None,
            cut: Cut::default(),
            proving: Proving::new(settings.commit_delay),
            outbox: Outbox::default(),
            breakers: Breakers::default(),
            held: Vec::new(),
            retry: RetryForever::default(),
            fenced_until,
            resume_at: None,
            going_back: None,
            missing: 0,
            slack_us: 0,
            drift_us: 0,
            gone_back_to: None,
            shown: 0,
            paused_for: KnownReason::BackOff,
            stopping: Stopping::No,
            is_store_answering: true,
            is_requesting: false,
            is_breakable: false,
        }
    }

    /// Takes what happened and returns what to do.
    pub fn step(&mut self, now: Instant, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Messages(messages) => self.receive(messages),
            Input::Passed(offset) => self.pass(offset),
            Input::Answer(answer) => self.take_answer(now, answer, &mut effects),
            Input::Letters(answers) => self.take_letters(now, answers, &mut effects),
            Input::Store(seen) => self.see(seen, &mut effects),
            Input::Group(view) => self.reach.hear(view),
            Input::Tick => {}
            Input::Stop(until) => self.stopping = self.stopping.at_latest(until),
        }
        self.take_passed();
        self.judge_reach(&mut effects);
        self.advance(now, &mut effects);
        self.renew_promise(&mut effects);
        self.check(&mut effects);
        effects
    }

    /// Changes how large a batch may be, and how many messages may be remembered.
    pub fn set_limits(&mut self, batch_bytes: usize, span_max: usize) {
        self.settings.limits.bytes = batch_bytes;
        self.settings.span_max = span_max;
    }

    /// Notes whether the store answers others: where it does, an entry that does not is locked up.
    pub fn set_store_answering(&mut self, is_answering: bool) {
        self.is_store_answering = is_answering;
    }

    /// Tells whether more messages are of use now.
    #[must_use]
    pub fn wants_messages(&self) -> bool {
        !self.is_stopping()
            && self.held.is_empty()
            && self.going_back.is_none()
            && !self.standing.is_refused()
            && !self.upkeep.is_foreign()
            && !self.outbox.is_failing()
            && self.gathering.backlog() < self.settings.limits.records
            && self.remembered() < self.settings.span_max
    }

    /// Returns how many messages are remembered until the store has shown them; names of entries take the place of some.
    fn remembered(&self) -> usize {
        self.ledger.span() + self.proving.displaced_by_names()
    }

    /// Returns all that a commit says.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.history.complete(self.standing.progress(self.ledger.commit_point()))
    }

    /// Returns the offset below which the store has answered for every message.
    #[must_use]
    pub fn answered_to(&self) -> Offset {
        self.ledger.answered_to()
    }

    /// Returns the time of the oldest message here that the store has not answered for.
    #[must_use]
    pub fn oldest_timestamp_ms(&self) -> Option<i64> {
        self.ledger.oldest_timestamp_ms().or_else(|| self.gathering.oldest_timestamp_ms())
    }

    /// Returns the life of the topic that commits name.
    #[must_use]
    pub fn life(&self) -> Option<LastLife> {
        self.upkeep.life()
    }

    /// Tells whether the last owner's requests have surely ended, so that commits may bear this member's name.
    #[must_use]
    pub fn is_owner(&self) -> bool {
        self.fenced_until.is_none()
    }

    /// Returns the mapping that made the records above the safe point, where it is another one than this member's.
    #[must_use]
    pub fn other_mapping(&self) -> Option<Arc<str>> {
        self.standing.other_mapping()
    }

    /// Tells whether nothing that the store was asked to write is unproven, by this owner or the one it waits for.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.is_owner() && self.is_proven() && self.going_back.is_none()
    }

    fn is_stopping(&self) -> bool {
        self.stopping != Stopping::No
    }

    fn is_proven(&self) -> bool {
        self.proving.is_empty()
            && self.work.as_ref().is_none_or(|work| work.is_empty() || !work.may_be_there())
    }

    fn advance(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if self.fenced_until.is_some_and(|until| now >= until) {
            self.fenced_until = None;
        }
        if self.is_stopping() {
            self.advance_to_the_end(now, effects);
            return;
        }
        self.standing.advance(now, self.ledger.commit_point());
        self.history.forget_below(self.progress().safe.offset);
        if !self.is_requesting && !self.outbox.is_travelling() {
            self.go_back(effects);
        }
        self.fill(now, effects);
        self.request(now, effects);
        // What left the open batch made room for what waited.
        self.fill(now, effects);
        if self.going_back.is_none() && self.may_deliver() {
            effects.extend(self.outbox.next(now).map(Effect::Deliver));
        }
    }

    /// Maps what waits into the open batch until it is full.
    fn fill(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if !self.held.is_empty() || self.going_back.is_some() || !self.upkeep.is_admitted() {
            return;
        }
        let mut gathering = std::mem::take(&mut self.gathering);
        gathering.fill(now, self.settings.limits, |message| self.plan(message, effects));
        self.gathering = gathering;
    }

    fn plan(&mut self, message: Message, effects: &mut Vec<Effect>) -> Planning {
        self.note_gap(message.offset);
        let mapped = self.mapper.map(&message);
        self.ledger.receive(message.offset, message.timestamp_ms, self.mapper.state());
        match mapped {
            Ok(record) => {
                self.breakers.accepted(Stage::Map, 1);
                Planning::Record(Box::new(Planned { message, record: Arc::new(record) }))
            }
            Err(reason) => {
                self.reject(message, reason, effects);
                if self.held.is_empty() { Planning::None } else { Planning::End }
            }
        }
    }

    fn reject(&mut self, message: Message, reason: Rejection, effects: &mut Vec<Effect>) {
        let offset = message.offset;
        // What the mapping rejects now it rejected then, and what was committed past is delivered.
        let was_delivered = self.history.is_lettered(offset)
            || (reason.stage() == Stage::Map && self.history.was_proven(offset));
        if was_delivered {
            self.ledger.set(offset, Fate::DeadLettered);
            return;
        }
        if !self.settings.has_dead_letters {
            self.held.push(offset);
            effects.push(Effect::Held { offset, reason });
            return;
        }
        match self.breakers.rejected(reason.stage()) {
            Way::Letter => {
                let from = self.partition.clone();
                self.outbox.push(Letter { from, message: Arc::new(message), reason, attempts: 0 });
            }
            Way::Opens(flood) => {
                self.held.push(offset);
                effects.push(Effect::Flooded { offset, reason, flood });
            }
            Way::IsHeld => self.held.push(offset),
        }
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
        let work = self.work.as_ref().map_or(0, Work::len);
        let waiting = self.gathering.records() + self.outbox.len() + self.held.len();
        let places = [waiting, work, self.proving.len(), self.missing];
        expect(Invariant::EachInOnePlace, invariants::each_in_one_place(self.ledger.open(), places));
    }
}

#[cfg(test)]
mod tests;
