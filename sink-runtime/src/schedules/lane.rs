//! Pure. `Lane`: one partition at work in a simulated process, driven as `pipeline/lane` and `pipeline/ask` drive it.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::check;
use super::forms::Form;
use super::process::Happening;
use super::requests::{Asker, RequestId};
use super::watch::since_boot;
use super::world::{Event, Shared};
use crate::batch::Batch;
use crate::dead_letter::{DeadLetterError, Letter, Obstacle};
use crate::lease::Lease;
use crate::pipeline::{Answer, Effect, Input, KnownReason, PartitionState, Refusal, Request, StoreSeen};
use crate::progress::Progress;
use crate::source::{Commit, Return};
use crate::writer::StoreError;

/// Longest wait for the store's answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// How often a commit is asked for while requests may not be sent.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// One partition at work.
pub(super) struct Lane {
    pub(super) asker: Asker,
    pub(super) state: PartitionState,
    form: Arc<Form>,
    /// It waits for the lane before it.
    pub(super) has_begun: bool,
    /// Until when it may prove what it wrote, where it was told to stop.
    pub(super) curfew: Option<Duration>,
    pub(super) is_stopped: bool,
    asking: Asking,
    /// The batch under way.
    handed: Option<Batch>,
    tick_at: Option<Duration>,
    /// Messages of this generation are its own.
    generation: u64,
    /// Where it wants to be read from again.
    pub(super) wish: Option<Return>,
    pub(super) is_reading: bool,
    pub(super) sent: Option<(Commit, Duration)>,
    pub(super) committed: Commit,
}

/// What a lane asks of the store.
enum Asking {
    Nothing,
    /// It may not be sent yet.
    Waiting(Request),
    Sent(RequestId, Duration),
}

/// What a lane shares with its process.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) lease: &'a Lease,
    pub(super) is_store_reachable: bool,
}

impl Lane {
    pub(super) fn new(asker: Asker, state: PartitionState, form: Arc<Form>, committed: Commit) -> Self {
        Self {
            asker,
            state,
            form,
            has_begun: false,
            curfew: None,
            is_stopped: false,
            asking: Asking::Nothing,
            handed: None,
            tick_at: None,
            generation: 0,
            wish: None,
            is_reading: false,
            sent: None,
            committed,
        }
    }

    /// Begins, with what is known of the store.
    pub(super) fn begin(&mut self, shared: &mut Shared, around: Around<'_>, seen: Option<StoreSeen>) {
        self.has_begun = true;
        if let Some(until) = self.curfew {
            self.step(shared, around, Input::Stop(shared.agenda.instant_at(until)));
        }
        if let Some(seen) = seen {
            self.step(shared, around, Input::Store(seen));
        }
        self.step(shared, around, Input::Tick);
    }

    /// Tells the lane to end, and until when it may prove what it wrote.
    pub(super) fn stop(&mut self, shared: &mut Shared, around: Around<'_>, until: Duration) {
        self.curfew = Some(until);
        if self.has_begun {
            self.step(shared, around, Input::Stop(shared.agenda.instant_at(until)));
            self.send(shared, around);
        }
    }

    /// Returns what the lane has come to, as a commit.
    pub(super) fn commit(&self, progress: Progress, is_clean: bool) -> Commit {
        let partition = self.committed.partition.clone();
        let (is_owner, other_mapping) = (self.state.is_owner(), self.state.other_mapping());
        let (promise, group_start) = (self.state.promise(), self.committed.group_start);
        Commit { partition, progress, life: None, is_clean, is_owner, other_mapping, promise, group_start }
    }

    /// Returns the same when it has ended.
    pub(super) fn last_commit(&self) -> Commit {
        let last = self.commit(self.state.progress(), self.state.is_clean());
        Commit { promise: self.state.last_promise(), ..last }
    }

    /// Returns the same while it works.
    pub(super) fn current(&self) -> Commit {
        self.commit(self.state.progress(), false)
    }

    /// Tells whether nothing is under way or about to be.
    pub(super) fn is_idle(&self) -> bool {
        let is_done = self.state.is_clean() && !self.is_draining();
        matches!(self.asking, Asking::Nothing) && self.wish.is_none() && is_done
    }

    /// Tells whether records of another mapping are waited for.
    fn is_draining(&self) -> bool {
        self.state.other_mapping().is_some()
    }

    /// Lets the state decide, and does what it says.
    pub(super) fn step(&mut self, shared: &mut Shared, around: Around<'_>, input: Input) {
        if self.is_stopped || !self.has_begun {
            return;
        }
        self.state.set_store_answering(around.is_store_reachable);
        let (now, was_draining) = (shared.agenda.instant(), self.is_draining());
        for effect in self.state.step(now, input) {
            self.perform(shared, around, effect);
        }
        shared.counts.drains += usize::from(was_draining && !self.is_draining());
        shared.counts.promises += usize::from(self.state.known_reason() == Some(KnownReason::CommitWait));
        shared.counts.steps += 1;
        self.arm(shared);
    }

    /// The time that was asked for has come.
    pub(super) fn tick(&mut self, shared: &mut Shared, around: Around<'_>, at: Duration) {
        if self.tick_at == Some(at) {
            self.tick_at = None;
            self.step(shared, around, Input::Tick);
        }
    }

    /// The store has answered.
    pub(super) fn answered(
        &mut self,
        shared: &mut Shared,
        around: Around<'_>,
        (id, answer): (RequestId, Answer),
    ) {
        let Asking::Sent(asked, sent) = self.asking else {
            return;
        };
        if asked != id {
            return;
        }
        self.asking = Asking::Nothing;
        let handed = self.handed.take();
        if let (Some(batch), Answer::Written(Err(StoreError::Unreachable(_)))) = (handed, &answer) {
            check::not_handed(shared, &batch);
        }
        let took = shared.agenda.now.checked_sub(sent).unwrap();
        let answer = match answer {
            Answer::Shown { heads, .. } => Answer::Shown { heads, took },
            answer => answer,
        };
        self.step(shared, around, Input::Answer(answer));
    }

    /// Sends what waits, if it may; asks for a commit that allows it.
    pub(super) fn send(&mut self, shared: &mut Shared, around: Around<'_>) {
        let Asking::Waiting(request) = &self.asking else {
            return;
        };
        if around.lease.holds(since_boot(shared.agenda.now)) {
            let request = request.clone();
            if let Request::Write(batch) = &request {
                check::handed(shared, batch, &self.form.fingerprint);
                self.handed = Some(batch.clone());
            }
            if matches!(request, Request::Write(_) | Request::Mend(_)) {
                check::lease(shared, self.asker.process);
            }
            let id = shared.requests.send(&mut shared.agenda, self.asker, request);
            self.asking = Asking::Sent(id, shared.agenda.now);
            shared.agenda.after(REQUEST_TIMEOUT, Event::TimedOut(self.asker, id));
        } else if self.curfew.is_some_and(|until| !is_proof(request) || shared.agenda.now >= until) {
            self.asking = Asking::Nothing;
            self.step(shared, around, Input::Answer(Answer::NotSent));
        }
    }

    /// Tells whether a commit is asked for, and asks again later.
    pub(super) fn wants_commit(&self, shared: &mut Shared) -> bool {
        let is_waiting = matches!(self.asking, Asking::Waiting(_));
        if is_waiting {
            shared.agenda.after(ASK_EVERY, self.happening(Happening::LeaseWanted(self.asker.lane)));
        }
        is_waiting
    }

    fn happening(&self, happening: Happening) -> Event {
        Event::Process(self.asker.process, happening)
    }

    fn perform(&mut self, shared: &mut Shared, around: Around<'_>, effect: Effect) {
        match effect {
            Effect::Send(request) => self.ask(shared, around, request),
            Effect::Deliver(letters) => self.deliver(shared, &letters),
            Effect::GoBack { progress, is_committed_first } => {
                shared.counts.returns += 1;
                self.generation += 1;
                let commit = is_committed_first.then(|| self.commit(progress, false));
                let (generation, offset) = (self.generation, progress.point.offset);
                self.wish = Some(Return { generation, commit, offset, proven: progress.proven });
                shared.agenda.after(Duration::ZERO, self.happening(Happening::GoBack(self.asker.lane)));
            }
            Effect::StoreFailing { .. } | Effect::Missing { .. } => {
                shared.counts.missing += usize::from(matches!(effect, Effect::Missing { .. }));
                shared.agenda.after(Duration::ZERO, self.happening(Happening::LookAgain));
            }
            Effect::Found(count) => shared.counts.found += count,
            Effect::Rewritten(count) => shared.counts.rewritten += count,
            Effect::Expired(offsets) => check::expired(shared, offsets.iter().map(|offset| offset.0)),
            Effect::Stopped => self.is_stopped = true,
            Effect::Violated(invariant) => panic!("invariant {} is broken", invariant.name()),
            Effect::Held { offset, reason } => {
                panic!("{offset} is held although letters are taken: {reason}")
            }
            Effect::Admitted(_) | Effect::Foreign(_) | Effect::RegistryFailing { .. } => {
                panic!("the registry was asked although the partition is admitted")
            }
            Effect::Refused(refusal) => {
                shared.counts.refusals += usize::from(refusal == Refusal::StoreRestarted);
                shared.counts.beyond += usize::from(refusal != Refusal::StoreRestarted);
                self.refuse(shared);
            }
            Effect::CommitWanted => {
                let wanted = self.happening(Happening::CommitWanted(self.asker.lane));
                shared.agenda.after(Duration::ZERO, wanted);
            }
            Effect::Flooded { offset, .. } => panic!("{offset} floods a log that has few rejected messages"),
            // The store of the schedules answers a question as a whole.
            Effect::BreakOff
            | Effect::Drains
            | Effect::Stored { .. }
            | Effect::DeadLettered(_)
            | Effect::LettersFailing { .. } => {}
        }
    }

    /// A person reads what the sink says, and runs the last mapping once more.
    fn refuse(&self, shared: &mut Shared) {
        let last = self.state.other_mapping().expect("refused although the mapping never changed");
        assert_ne!(*last, *self.form.fingerprint, "refused although the mapping is its own");
        let delay = shared.agenda.span(1_000..60_000);
        shared.agenda.after(delay, Event::RunOnceMore(last));
    }

    fn ask(&mut self, shared: &mut Shared, around: Around<'_>, request: Request) {
        assert!(matches!(self.asking, Asking::Nothing), "two requests of one partition");
        if let Request::Write(batch) = &request {
            check::batch(batch, shared.settings.limits);
        }
        let cannot_prepare = matches!(request, Request::Write(_)) && shared.store.up_since.is_none();
        if cannot_prepare {
            // The answer is never there at once.
            let answer = Answer::Unprepared(StoreError::Unreachable("the bucket is not known".to_owned()));
            let id = RequestId(u64::MAX);
            self.asking = Asking::Sent(id, shared.agenda.now);
            shared.agenda.after(Duration::from_millis(2), Event::Answered(self.asker, id, answer));
            return;
        }
        self.asking = Asking::Waiting(request);
        self.send(shared, around);
        if matches!(self.asking, Asking::Waiting(_)) {
            shared.agenda.after(Duration::ZERO, self.happening(Happening::LeaseWanted(self.asker.lane)));
        }
    }

    fn deliver(&self, shared: &mut Shared, letters: &[Letter]) {
        let mut answers = Vec::with_capacity(letters.len());
        for letter in letters {
            let fails = shared.agenda.chance(shared.letters_fail);
            // A letter may be there although its answer is not.
            if !fails || shared.agenda.chance(500) {
                shared.truth.letters.insert(letter.message.offset.0);
            }
            answers.push(if fails { Err(undelivered()) } else { Ok(()) });
        }
        let delay = shared.agenda.span(2..200);
        shared.agenda.after(delay, self.happening(Happening::Letters(self.asker.lane, answers)));
    }

    fn arm(&mut self, shared: &mut Shared) {
        let due = self.state.due().map(|due| shared.agenda.time_of(due).max(shared.agenda.now));
        if due.is_some() && due != self.tick_at && !self.is_stopped {
            self.tick_at = due;
            let tick = due.map(|at| (at, self.happening(Happening::Tick(self.asker.lane, at))));
            tick.into_iter().for_each(|(at, event)| shared.agenda.at(at, event));
        }
    }
}

fn is_proof(request: &Request) -> bool {
    matches!(request, Request::ReadBack(_))
}

fn undelivered() -> DeadLetterError {
    let (topic, reason) = ("dlq".to_owned(), "simulated".to_owned());
    DeadLetterError { topic, bytes: 10, reason, obstacle: Obstacle::Passing }
}

/// Returns dice of its own for a partition.
pub(super) fn dice(shared: &mut Shared) -> SmallRng {
    SmallRng::seed_from_u64(shared.agenda.random.random())
}
