//! Pure. `Requests`: what is under way at the simulated store, how long it takes, and how it ends.
//!
//! The store begins all records of a write ahead of their bodies and ends them one by one. Where a request is cut off,
//! the rest stays half-written. While an entry is held up, requests for it wait in the order in which they came; a
//! client that has given up waiting does not take its request back. Two writes that meet on one entry lock it up.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::agenda::Agenda;
use super::entry::Begun;
use super::replies::{failed, refusal, shown, taken};
use super::store::SimulatedStore;
use super::world::Event;
use crate::pipeline::{Answer, Check, Checked, ReadBack, Request};
use crate::record::{Entry, Record, TimestampUs};
use crate::writer::{Range, StoreError};

/// How often a waiting request looks whether it may begin.
const POLL: Duration = Duration::from_millis(20);

/// Names a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RequestId(pub(super) u64);

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asker {
    pub(super) process: usize,
    pub(super) lane: u64,
}

/// What happens to a request at the store.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// It arrives.
    Arrive,
    /// It is its turn.
    Begin,
    /// It is done.
    End,
}

/// What goes wrong with requests, out of a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Troubles {
    pub(super) writes_fail: u32,
    pub(super) reads_fail: u32,
    pub(super) answers_lost: u32,
    pub(super) lies: u32,
    pub(super) slow: u32,
}

/// What is under way at the store.
#[derive(Debug, Default)]
pub(super) struct Requests {
    under_way: Vec<UnderWay>,
    next: u64,
    pub(super) troubles: Troubles,
    /// Until when the whole store stands still.
    pub(super) frozen_until: Duration,
    /// Until when one entry stands still.
    pub(super) held: Option<(Entry, Duration)>,
}

#[derive(Debug)]
struct UnderWay {
    id: RequestId,
    asker: Asker,
    request: Request,
    phase: Phase,
    /// It waited for something that stood still, so that what came later waits for it.
    was_held: bool,
    /// Nobody waits for the answer.
    is_abandoned: bool,
    answers: Vec<Result<(), StoreError>>,
    /// Records that were begun and not ended, with their blocks.
    open: Vec<(Arc<Record>, u64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Travelling,
    Waiting,
    Executing,
}

impl Requests {
    pub(super) fn new(troubles: Troubles) -> Self {
        Self { troubles, ..Self::default() }
    }

    /// Sends a request.
    pub(super) fn send(&mut self, agenda: &mut Agenda<Event>, asker: Asker, request: Request) -> RequestId {
        self.next += 1;
        let id = RequestId(self.next);
        let travel = agenda.span(1..5);
        agenda.after(travel, Event::Request(id, Step::Arrive));
        self.under_way.push(UnderWay {
            id,
            asker,
            request,
            phase: Phase::Travelling,
            was_held: false,
            is_abandoned: false,
            answers: Vec::new(),
            open: Vec::new(),
        });
        id
    }

    /// Tells whether anything is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Takes note that nobody waits for an answer any more: the connection is closed, and the request cut off soon.
    /// Returns what the client makes of it, unless the answer is on its way.
    pub(super) fn abandon(&mut self, agenda: &mut Agenda<Event>, id: RequestId) -> Option<Answer> {
        let index = self.position(id)?;
        self.under_way[index].is_abandoned = true;
        let error = StoreError::TimedOut("no answer".to_owned());
        let answer = failed(&self.under_way[index].request, error);
        match self.under_way[index].phase {
            Phase::Executing => {
                let rest = agenda.span(0..1_000);
                agenda.after(rest, Event::Request(id, Step::End));
            }
            Phase::Travelling | Phase::Waiting if agenda.chance(500) => drop(self.under_way.remove(index)),
            Phase::Travelling | Phase::Waiting => {}
        }
        Some(answer)
    }

    /// The process is gone and its connections with it: what it asked ends at once, somehow.
    pub(super) fn cut(&mut self, agenda: &mut Agenda<Event>, store: &mut SimulatedStore, process: usize) {
        let ids: Vec<RequestId> =
            self.under_way.iter().filter(|it| it.asker.process == process).map(|it| it.id).collect();
        for id in ids {
            let index = self.position(id).unwrap();
            if self.under_way[index].was_held {
                self.under_way[index].is_abandoned = true;
                continue;
            }
            let mut cut = self.under_way.remove(index);
            cut.finish_some(agenda, store);
        }
    }

    /// The store was killed: everything ends in the middle.
    pub(super) fn end_all(&mut self, agenda: &mut Agenda<Event>, store: &mut SimulatedStore) {
        self.frozen_until = Duration::ZERO;
        self.held = None;
        for mut ended in std::mem::take(&mut self.under_way) {
            ended.finish_some(agenda, store);
            let error = StoreError::Unclear("the connection was reset".to_owned());
            ended.answer(agenda, failed(&ended.request, error));
        }
    }

    /// Moves a request on.
    pub(super) fn step(
        &mut self,
        agenda: &mut Agenda<Event>,
        store: &mut SimulatedStore,
        (id, step): (RequestId, Step),
    ) {
        let Some(index) = self.position(id) else {
            return;
        };
        if agenda.now < self.frozen_until {
            self.under_way[index].was_held = true;
            agenda.at(self.frozen_until, Event::Request(id, step));
            return;
        }
        match step {
            Step::Arrive => self.arrive(agenda, store, index),
            Step::Begin if self.must_wait(agenda.now, index) => agenda.after(POLL, Event::Request(id, step)),
            Step::Begin => self.begin(agenda, store, index),
            Step::End => {
                let mut ended = self.under_way.remove(index);
                ended.end(agenda, store, self.troubles);
            }
        }
    }

    fn arrive(&mut self, agenda: &mut Agenda<Event>, store: &SimulatedStore, index: usize) {
        if store.up_since.is_none() {
            let refused = self.under_way.remove(index);
            let error = StoreError::Unreachable("connection refused".to_owned());
            refused.answer(agenda, failed(&refused.request, error));
            return;
        }
        self.under_way[index].phase = Phase::Waiting;
        self.check_alone(index);
        let delay = agenda.span(0..4);
        agenda.after(delay, Event::Request(self.under_way[index].id, Step::Begin));
    }

    /// Two writes that meet on one entry lock it up.
    fn check_alone(&self, index: usize) {
        let new = &self.under_way[index];
        let entries = new.written();
        let others =
            self.under_way.iter().filter(|other| other.id != new.id && other.phase != Phase::Travelling);
        for other in others {
            let meets = other.written().intersection(&entries).next().cloned();
            assert!(meets.is_none(), "lock-up of {meets:?}: {:?} meets {:?}", new.asker, other.asker);
        }
    }

    fn must_wait(&mut self, now: Duration, index: usize) -> bool {
        let this = &self.under_way[index];
        let touched = this.touched();
        let is_held =
            self.held.as_ref().is_some_and(|(entry, until)| now < *until && touched.contains(entry));
        let is_behind =
            |other: &UnderWay| other.was_held && other.id < this.id && !other.written().is_disjoint(&touched);
        let waits = is_held || self.under_way.iter().any(is_behind);
        self.under_way[index].was_held |= waits;
        waits
    }

    fn begin(&mut self, agenda: &mut Agenda<Event>, store: &mut SimulatedStore, index: usize) {
        let this = &mut self.under_way[index];
        if this.phase == Phase::Executing {
            return;
        }
        this.phase = Phase::Executing;
        let is_write = matches!(this.request, Request::Write(_));
        let share = if is_write { self.troubles.writes_fail } else { self.troubles.reads_fail };
        if agenda.chance(share) && agenda.chance(500) {
            let status = [429, 500, 503, 507][usize::try_from(agenda.pick(0..4)).unwrap()];
            let refused = self.under_way.remove(index);
            let error = StoreError::from_status(status, "simulated");
            refused.answer(agenda, failed(&refused.request, error));
            return;
        }
        if let Request::Write(batch) = &this.request {
            if let Some(error) = refusal(batch) {
                let refused = self.under_way.remove(index);
                refused.answer(agenda, Answer::Written(Err(error)));
                return;
            }
            for record in &batch.records {
                let begun = store.begin(record);
                this.answers.push(if begun == Begun::Taken { Err(taken(record.place)) } else { Ok(()) });
                if let Begun::In(first) = begun {
                    this.open.push((Arc::clone(record), first));
                }
            }
        }
        let is_slow = !this.is_abandoned && agenda.chance(self.troubles.slow);
        let taking = agenda.span(if is_slow { 200..15_500 } else { 1..30 });
        agenda.after(taking, Event::Request(this.id, Step::End));
    }

    fn position(&self, id: RequestId) -> Option<usize> {
        self.under_way.iter().position(|it| it.id == id)
    }
}

impl UnderWay {
    /// Returns the entries that the request changes.
    fn written(&self) -> BTreeSet<Entry> {
        match &self.request {
            Request::Write(batch) => batch.records.iter().map(|record| record.entry.clone()).collect(),
            Request::Mend(places) => places.iter().map(|(entry, _)| entry.clone()).collect(),
            Request::Survey(_) | Request::Check(_) | Request::Probe(_) => BTreeSet::new(),
            Request::ReadBack(_) | Request::Registry(_) => BTreeSet::new(),
        }
    }

    /// Returns the entries that the request speaks of.
    fn touched(&self) -> BTreeSet<Entry> {
        let of_places =
            |places: &[(Entry, TimestampUs)]| places.iter().map(|(entry, _)| entry.clone()).collect();
        let of_ranges = |ranges: &[Range]| ranges.iter().map(|range| range.entry.clone()).collect();
        match &self.request {
            Request::Write(_) => self.written(),
            Request::Survey(places) | Request::Probe(places) | Request::Mend(places) => of_places(places),
            Request::Check(Check { ranges, .. }) | Request::ReadBack(ReadBack::Ranges(ranges)) => {
                of_ranges(ranges)
            }
            Request::ReadBack(ReadBack::Points(places)) => of_places(places),
            Request::Registry(_) => BTreeSet::new(),
        }
    }

    /// Ends some of the records, from the first on; the rest stays half-written.
    fn finish_some(&mut self, agenda: &mut Agenda<Event>, store: &mut SimulatedStore) {
        let most = u64::try_from(self.open.len()).unwrap();
        let whole = usize::try_from(agenda.pick(0..most + 1)).unwrap();
        for (record, first) in std::mem::take(&mut self.open).into_iter().take(whole) {
            store.finish(&record, first, agenda.now);
        }
    }

    fn end(&mut self, agenda: &mut Agenda<Event>, store: &mut SimulatedStore, troubles: Troubles) {
        let is_write = matches!(self.request, Request::Write(_) | Request::Mend(_));
        let fails = agenda.chance(if is_write { troubles.writes_fail } else { troubles.reads_fail });
        if self.is_abandoned || fails {
            self.finish_some(agenda, store);
            let error = StoreError::Unclear("the connection was reset".to_owned());
            self.answer(agenda, failed(&self.request, error));
            return;
        }
        for (record, first) in std::mem::take(&mut self.open) {
            // A disk error is the store's own secret.
            if !agenda.chance(troubles.lies) {
                store.finish(&record, first, agenda.now);
            }
        }
        let answer = self.result(agenda.now, store);
        if agenda.chance(troubles.answers_lost) {
            let error = StoreError::Unclear("the connection was reset".to_owned());
            self.answer(agenda, failed(&self.request, error));
        } else {
            self.answer(agenda, answer);
        }
    }

    fn result(&mut self, now: Duration, store: &mut SimulatedStore) -> Answer {
        let whole = |entry: &Entry, from: TimestampUs| Range {
            entry: entry.clone(),
            first: from,
            last: TimestampUs(u64::MAX),
        };
        match &self.request {
            Request::Registry(_) => panic!("the registry is asked although the partition is admitted"),
            Request::Write(batch) => {
                store.answered(batch, &self.answers);
                Answer::Written(Ok(std::mem::take(&mut self.answers)))
            }
            Request::Survey(entries) => {
                let newest = |(entry, from): &(Entry, TimestampUs)| {
                    let newest = store.heads(&whole(entry, *from)).last().map(|(_, head)| head.place);
                    (entry.clone(), *from, newest)
                };
                Answer::Surveyed(Ok(entries.iter().map(newest).collect()))
            }
            Request::Check(check) => {
                let heads = check.ranges.iter().flat_map(|range| store.heads(range)).collect();
                let horizon = |entry: &Entry| Some((entry.clone(), store.horizon(entry, now)?));
                let horizons = check.horizons_of.iter().filter_map(horizon).collect();
                Answer::Checked(Ok(Checked { heads, horizons }))
            }
            Request::Probe(places) => {
                Answer::Probed(places.iter().map(|(entry, place)| store.head(entry, *place)).collect())
            }
            Request::Mend(places) => {
                for (entry, place) in places {
                    drop(store.remove(entry, *place));
                }
                Answer::Mended(Ok(()))
            }
            Request::ReadBack(ReadBack::Ranges(ranges)) => {
                shown(ranges.iter().flat_map(|range| store.heads(range)).collect())
            }
            Request::ReadBack(ReadBack::Points(places)) => {
                let head = |(entry, place): &(Entry, TimestampUs)| {
                    Some((entry.clone(), store.head(entry, *place).ok()?))
                };
                shown(places.iter().filter_map(head).collect())
            }
        }
    }

    fn answer(&self, agenda: &mut Agenda<Event>, answer: Answer) {
        if !self.is_abandoned {
            let travel = agenda.span(1..5);
            agenda.after(travel, Event::Answered(self.asker, self.id, answer));
        }
    }
}
