//! Pure. `World`: the members, the broker, the store and what happens to them, in the order of simulated time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::agenda::Agenda;
use super::broker::{Broker, Job, SEATS};
use super::check::{self, Truth};
use super::faults::{Fault, Plan};
use super::log::Log;
use super::process::{Happening, Process};
use super::requests::{Asker, RequestId, Requests, Step, Troubles};
use super::store::SimulatedStore;
use super::watch::Pulse;
use crate::batch::BatchLimits;
use crate::kafka::{CommitMetadata, Signature};
use crate::map::Mapper;
use crate::pipeline::{Answer, StateSettings};
use crate::record::{Entry, Partition, Topic, TopicPartition};

/// Time without a sign after which the group gives a member up.
const SESSION: Duration = Duration::from_secs(30);

/// A world that is not done by then never is.
const EVENTS_MAX: u64 = 60_000;

/// What happens next.
#[derive(Debug)]
pub(super) enum Event {
    /// A request moves on at the store.
    Request(RequestId, Step),
    /// An answer of the store arrives.
    Answered(Asker, RequestId, Answer),
    /// The time for an answer is over.
    TimedOut(Asker, RequestId),
    /// The store is asked how it is.
    Pulse { process: usize, asked: Duration },
    /// The store saves an entry by itself.
    Compact(Entry),
    /// The store deletes what is too old.
    Expire,
    /// The store is started.
    StoreUp { more: u32 },
    /// Something happens to a process.
    Process(usize, Happening),
    /// A commit arrives at the broker.
    Commit(usize, Job),
    /// A process is started in a member's place, as the same one or as a new one.
    Start { seat: usize, is_new: bool },
    /// A process joins the group.
    Join(usize),
    /// A process is heard of again.
    Heartbeat(usize),
    /// A process was not heard of for a session, unless it was since.
    Silence { process: usize, beats: u64 },
    /// Something goes wrong.
    Fault(Fault),
    /// Nothing goes wrong any more.
    Calm,
}

/// What happened, to prove that the schedules exercise the rules.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) steps: usize,
    pub(super) returns: usize,
    pub(super) missing: usize,
    pub(super) found: usize,
    pub(super) rewritten: usize,
    pub(super) expired: usize,
    pub(super) letters: usize,
}

impl Counts {
    pub(super) fn add(&mut self, more: Self) {
        self.steps += more.steps;
        self.returns += more.returns;
        self.missing += more.missing;
        self.found += more.found;
        self.rewritten += more.rewritten;
        self.expired += more.expired;
        self.letters += more.letters;
    }
}

/// Everything but the processes.
pub(super) struct Shared {
    pub(super) agenda: Agenda<Event>,
    pub(super) requests: Requests,
    pub(super) store: SimulatedStore,
    pub(super) log: Log,
    pub(super) broker: Broker,
    pub(super) mapper: Arc<Mapper>,
    pub(super) settings: StateSettings,
    pub(super) partition: TopicPartition,
    pub(super) truth: Truth,
    pub(super) counts: Counts,
    pub(super) letters_fail: u32,
    commits_fail: u32,
    tells_block_records: bool,
}

/// The world.
pub(super) struct World {
    shared: Shared,
    processes: Vec<Process>,
    /// The latest process of each member.
    current: [Option<usize>; SEATS],
    calm_at: Duration,
    is_over: bool,
}

impl Shared {
    /// Returns how long a commit or its answer travels.
    pub(super) fn commit_delay(&mut self) -> Duration {
        let is_slow = self.agenda.chance(self.commits_fail / 2);
        self.agenda.span(if is_slow { 1_000..8_000 } else { 1..20 })
    }
}

impl World {
    pub(super) fn new(seed: u64, epoch: Instant, mapper: &Arc<Mapper>) -> Self {
        let mut agenda = Agenda::new(seed, epoch);
        let plan = Plan::new(&mut agenda.random);
        let store = SimulatedStore::new(&mut agenda.random);
        let log = Log::new(&mut agenda.random, plan.calm_at, store.quota.is_some());
        let limits =
            BatchLimits { records: 8, bytes: 100, header_bytes: 10_000, age: Duration::from_millis(50) };
        let settings = StateSettings {
            limits,
            has_dead_letters: true,
            commit_delay: Duration::from_secs(2),
            span_max: usize::try_from(agenda.pick(8..64)).unwrap(),
        };
        agenda.at(plan.calm_at, Event::Calm);
        agenda.at(Duration::ZERO, Event::Expire);
        for (at, fault) in plan.faults {
            agenda.at(at, Event::Fault(fault));
        }
        for seat in 0..SEATS {
            let delay = agenda.span(0..4_000);
            agenda.after(delay, Event::Start { seat, is_new: true });
        }
        let tells_block_records = agenda.chance(800);
        let shared = Shared {
            agenda,
            requests: Requests::new(plan.troubles),
            store,
            log,
            broker: Broker::default(),
            mapper: Arc::clone(mapper),
            settings,
            partition: TopicPartition { topic: Topic::new("t"), partition: Partition(0) },
            truth: Truth::default(),
            counts: Counts::default(),
            letters_fail: plan.letters_fail,
            commits_fail: plan.commits_fail,
            tells_block_records,
        };
        Self { shared, processes: Vec::new(), current: [None; SEATS], calm_at: plan.calm_at, is_over: false }
    }

    /// Runs until everything is done and nothing goes wrong any more.
    pub(super) fn run(mut self) -> Counts {
        let mut events = 0;
        while !self.is_over {
            let event = self.shared.agenda.next().expect("somebody always looks at the store");
            if std::env::var("TRACE").is_ok() {
                eprintln!("{:?} {event:?}", self.shared.agenda.now);
            } // LOCAL
            self.happen(event);
            events += 1;
            assert!(
                events < EVENTS_MAX,
                "never ends: {} of {}, {:?}",
                self.committed(),
                self.shared.log.end(),
                self.shared.agenda.now
            );
        }
        check::end(&self.shared);
        Counts {
            expired: self.shared.truth.expired.len(),
            letters: self.shared.truth.letters.len(),
            ..self.shared.counts
        }
    }

    fn committed(&self) -> i64 {
        self.shared.broker.committed.as_ref().map_or(0, |(offset, _)| *offset)
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Request(id, step) => {
                let Shared { requests, agenda, store, .. } = &mut self.shared;
                requests.step(agenda, store, (id, step));
                self.plan_compaction();
            }
            Event::Answered(Asker { process, .. }, ..)
            | Event::TimedOut(Asker { process, .. }, _)
            | Event::Process(process, _) => {
                self.on_process(process, event);
            }
            Event::Pulse { process, asked } => self.pulse(process, asked),
            Event::Compact(entry) => {
                self.shared.store.compact(&entry);
            }
            Event::Expire => {
                self.shared.store.expire(self.shared.agenda.now);
                self.shared.agenda.after(Duration::from_secs(20), Event::Expire);
            }
            Event::StoreUp { more } => self.store_up(more),
            Event::Commit(process, job) => self.commit(process, job),
            Event::Start { seat, is_new } => self.start(seat, is_new),
            Event::Join(process) => self.join(process),
            Event::Heartbeat(process) => self.heartbeat(process),
            Event::Silence { process, beats } => self.silence(process, beats),
            Event::Fault(fault) => self.fault(fault),
            Event::Calm => {
                self.shared.requests.troubles = Troubles::default();
                self.shared.commits_fail = 0;
                self.shared.letters_fail = 0;
            }
        }
    }

    /// A process that stands still finds everything when it wakes.
    fn on_process(&mut self, id: usize, event: Event) {
        let (process, shared) = (&mut self.processes[id], &mut self.shared);
        if process.is_dead {
            return;
        }
        if shared.agenda.now < process.frozen_until {
            shared.agenda.at(process.frozen_until, event);
            return;
        }
        match event {
            Event::Answered(asker, request, answer) => {
                process.on_lane(shared, asker.lane, |lane, shared, around| {
                    lane.answered(shared, around, (request, answer))
                });
            }
            Event::TimedOut(asker, request) => {
                if let Some(answer) = shared.requests.abandon(&mut shared.agenda, request) {
                    process.on_lane(shared, asker.lane, |lane, shared, around| {
                        lane.answered(shared, around, (request, answer))
                    });
                }
            }
            Event::Process(_, happening) => {
                let is_tick = matches!(happening, Happening::CommitTick);
                process.happen(shared, happening);
                self.is_over |= is_tick && self.is_quiet();
            }
            _ => {}
        }
        if self.processes[id].is_dead {
            self.bury(id);
        }
    }

    fn is_quiet(&self) -> bool {
        let Shared { agenda, log, broker, store, requests, .. } = &self.shared;
        let owner = broker.owner.and_then(|seat| broker.seats[seat]).map(|process| &self.processes[process]);
        agenda.now > self.calm_at
            && self.committed() == log.end()
            && store.up_since.is_some()
            && requests.is_idle()
            && owner.is_some_and(|process| !process.is_dead && process.is_quiet(store.kills))
    }

    // The store.

    fn pulse(&mut self, process: usize, asked: Duration) {
        let Shared { agenda, requests, store, tells_block_records, .. } = &mut self.shared;
        if agenda.now < requests.frozen_until {
            agenda.at(requests.frozen_until, Event::Pulse { process, asked });
            return;
        }
        let is_slow = agenda.chance(requests.troubles.slow / 4);
        let travel = agenda.span(if is_slow { 100..12_000 } else { 1..10 });
        let is_late = agenda.now + travel > asked + Duration::from_secs(15);
        let pulse = store.up_since.filter(|_| !is_late).map(|since| Pulse {
            uptime: agenda.now - since,
            block_records: tells_block_records.then(|| u64::try_from(store.block_records).unwrap()),
            kills: store.kills,
        });
        agenda.after(travel, Event::Process(process, Happening::Looked { asked, pulse }));
    }

    /// What a store has not saved it saves within two and a half minutes.
    fn plan_compaction(&mut self) {
        let Shared { agenda, store, .. } = &mut self.shared;
        for entry in store.newly_unsaved() {
            let delay = agenda.span(1_000..150_000);
            agenda.after(delay, Event::Compact(entry));
        }
    }

    fn kill(&mut self, more: u32) {
        let Shared { agenda, store, requests, .. } = &mut self.shared;
        if store.up_since.is_none() {
            return;
        }
        requests.end_all(agenda, store);
        store.kill(agenda.now, &mut agenda.random);
        let delay = agenda.span(100..4_000);
        agenda.after(delay, Event::StoreUp { more });
    }

    fn store_up(&mut self, more: u32) {
        let Shared { agenda, store, .. } = &mut self.shared;
        store.up_since = Some(agenda.now);
        if let Some(more) = more.checked_sub(1) {
            let delay = agenda.span(100..14_000);
            agenda.after(delay, Event::Fault(Fault::Kill { more }));
        }
    }

    // The group.

    fn commit(&mut self, id: usize, job: Job) {
        let process = &self.processes[id];
        let shared = &mut self.shared;
        let fails = shared.agenda.chance(shared.commits_fail);
        let is_taken = !fails && shared.broker.accepts(id, process.seat, &job);
        if is_taken {
            check::commit(shared, process.seat, &job.commit);
            let metadata = CommitMetadata::new(&process.signature, &job.commit).to_text();
            shared.broker.committed = Some((job.commit.progress.point.offset.0, metadata));
        }
        // The broker may take a commit and its answer be lost.
        let is_told = is_taken && !shared.agenda.chance(shared.commits_fail / 4);
        let delay = shared.commit_delay();
        shared.agenda.after(delay, Event::Process(id, Happening::Committed(job, is_told)));
    }

    fn start(&mut self, seat: usize, is_new: bool) {
        let before = self.current[seat].map(|process| &self.processes[process]);
        if before.is_some_and(|before| !before.is_dead) {
            return;
        }
        let id = self.processes.len();
        let same = before.filter(|_| !is_new).map(|before| before.signature.writer_id.clone());
        let signature = Signature {
            writer_id: same.unwrap_or_else(|| format!("uid-{id}")),
            sink_uid: "sink".to_owned(),
            mapping: "mapping".to_owned(),
        };
        let skew_s = i64::try_from(self.shared.agenda.pick(0..4)).unwrap();
        let mut process = Process::new(id, seat, signature, skew_s);
        process.begin(&mut self.shared);
        self.processes.push(process);
        self.current[seat] = Some(id);
        let delay = self.shared.agenda.span(300..3_000);
        self.shared.agenda.after(delay, Event::Join(id));
    }

    fn join(&mut self, id: usize) {
        let process = &self.processes[id];
        if process.is_dead || process.is_stopping {
            return;
        }
        if self.shared.agenda.now < process.cut_off_until.max(process.frozen_until) {
            let at = process.cut_off_until.max(process.frozen_until);
            self.shared.agenda.at(at, Event::Join(id));
            return;
        }
        self.shared.broker.join(&mut self.shared.agenda, id, process.seat);
    }

    /// A process has ended: the group notices by its silence, and it is started again.
    fn bury(&mut self, id: usize) {
        self.fall_silent(id);
        let seat = self.processes[id].seat;
        if self.current[seat] == Some(id) {
            let delay = self.shared.agenda.span(1_000..40_000);
            let is_new = self.shared.agenda.chance(500);
            self.shared.agenda.after(delay, Event::Start { seat, is_new });
        }
    }

    /// The group has heard of the process a moment ago, and hears no more of it.
    fn fall_silent(&mut self, id: usize) {
        let last_heard = self.shared.agenda.span(0..3_000);
        let beats = self.processes[id].beats;
        self.shared.agenda.after(SESSION - last_heard, Event::Silence { process: id, beats });
    }

    fn silence(&mut self, id: usize, beats: u64) {
        let process = &self.processes[id];
        if process.beats != beats {
            return;
        }
        let is_cut_off = !process.is_dead && self.shared.agenda.now < process.cut_off_until;
        if self.shared.broker.seats[process.seat] == Some(id) {
            self.shared.broker.remove(&mut self.shared.agenda, process.seat);
        }
        if is_cut_off {
            // The member counts its session too.
            self.shared.agenda.after(Duration::ZERO, Event::Process(id, Happening::Lost));
        }
    }

    fn heartbeat(&mut self, id: usize) {
        let process = &mut self.processes[id];
        let until = process.frozen_until.max(process.cut_off_until);
        if process.is_dead {
            return;
        }
        if self.shared.agenda.now < until {
            self.shared.agenda.at(until, Event::Heartbeat(id));
            return;
        }
        process.beats += 1;
        let happening = match self.shared.broker.seats[process.seat] {
            Some(other) if other != id => Happening::Fenced,
            Some(_) => return,
            None => Happening::Lost,
        };
        self.shared.agenda.after(Duration::ZERO, Event::Process(id, happening));
    }

    // What goes wrong.

    fn fault(&mut self, fault: Fault) {
        let now = self.shared.agenda.now;
        match fault {
            Fault::Kill { more } => self.kill(more),
            Fault::Freeze(time) => {
                self.shared.requests.frozen_until = now + time;
            }
            Fault::Hold(time) => self.shared.requests.held = Some((Entry::new("a/0"), now + time)),
            Fault::Crash(seat) => self.end(seat, true),
            Fault::MachineGone(seat) => self.end(seat, false),
            Fault::FreezeMember(seat, time) => {
                self.silent_for(seat, time, |process, until| process.frozen_until = until)
            }
            Fault::CutOff(seat, time) => {
                self.silent_for(seat, time, |process, until| process.cut_off_until = until)
            }
            Fault::Stop { seat, leaves } => {
                if let Some(id) = self.current[seat] {
                    self.shared.agenda.after(Duration::ZERO, Event::Process(id, Happening::Stop { leaves }));
                }
            }
            Fault::Move(seat) => self.shared.broker.rebalance(&mut self.shared.agenda, seat),
            Fault::Retain(count) => {
                let high = self.shared.log.high(now);
                self.shared.log.low = (self.shared.log.low + count).min(high);
            }
            Fault::Foreign => self.shared.store.put_foreign(&mut self.shared.agenda.random, now),
        }
    }

    fn end(&mut self, seat: usize, closes_connections: bool) {
        let Some(id) = self.current[seat].filter(|id| !self.processes[*id].is_dead) else {
            return;
        };
        if closes_connections {
            self.processes[id].die(&mut self.shared);
            self.bury(id);
        } else {
            self.processes[id].is_dead = true;
            self.fall_silent(id);
            let delay = self.shared.agenda.span(2_000..60_000);
            self.shared.agenda.after(delay, Event::Start { seat, is_new: true });
        }
    }

    fn silent_for(&mut self, seat: usize, time: Duration, set: impl FnOnce(&mut Process, Duration)) {
        let Some(id) = self.current[seat] else {
            return;
        };
        let process = &mut self.processes[id];
        let now = self.shared.agenda.now;
        let is_silent = now < process.frozen_until.max(process.cut_off_until);
        if process.is_dead || is_silent {
            return;
        }
        set(process, now + time);
        self.fall_silent(id);
        let delay = self.shared.agenda.span(0..3_000);
        self.shared.agenda.after(time + delay, Event::Heartbeat(id));
    }
}
