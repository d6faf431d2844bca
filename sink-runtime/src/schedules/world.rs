//! Pure. `World`: the members, the broker, the store and what happens to them, in the order of simulated time.

mod group_side;
mod mapping_side;
mod store_side;
mod trouble;

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::agenda::Agenda;
use super::broker::{Broker, Job, SEATS};
use super::check::{self, Truth};
use super::faults::{Fault, Plan};
use super::forms::Forms;
use super::log::Log;
use super::process::{Happening, Process};
use super::requests::{Asker, RequestId, Requests, Step, Troubles};
use super::store::SimulatedStore;
use crate::batch::BatchLimits;
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
    /// The members are run with this mapping once more.
    RunOnceMore(Arc<str>),
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
    pub(super) passed: usize,
    /// Changes of the mapping.
    pub(super) changes: usize,
    /// Partitions that have waited until the records of another mapping were safe.
    pub(super) drains: usize,
    /// Partitions that could not, because the store was restarted.
    pub(super) refusals: usize,
    /// Partitions that could not, because the last mapping may have gone further.
    pub(super) beyond: usize,
    /// Steps after which a partition waited for the broker to take a promise.
    pub(super) promises: usize,
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
        self.passed += more.passed;
        self.changes += more.changes;
        self.drains += more.drains;
        self.refusals += more.refusals;
        self.beyond += more.beyond;
        self.promises += more.promises;
    }
}

/// Everything but the processes.
pub(super) struct Shared {
    pub(super) agenda: Agenda<Event>,
    pub(super) requests: Requests,
    pub(super) store: SimulatedStore,
    pub(super) log: Log,
    pub(super) broker: Broker,
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
    forms: Forms,
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
    pub(super) fn new(seed: u64, epoch: Instant, forms: &Forms) -> Self {
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
            // Enough for one batch and little more: entries are forgotten now and then.
            entry_bytes: 2_000,
            // Mostly so little that it is used up again and again.
            reach_window: i64::try_from(agenda.pick(2..40)).unwrap(),
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
            settings,
            partition: TopicPartition { topic: Topic::new("t"), partition: Partition(0) },
            truth: Truth::default(),
            counts: Counts::default(),
            letters_fail: plan.letters_fail,
            commits_fail: plan.commits_fail,
            tells_block_records,
        };
        Self {
            shared,
            forms: forms.clone(),
            processes: Vec::new(),
            current: [None; SEATS],
            calm_at: plan.calm_at,
            is_over: false,
        }
    }

    /// Runs until everything is done and nothing goes wrong any more.
    pub(super) fn run(mut self) -> Counts {
        let mut events = 0;
        while !self.is_over {
            let event = self.shared.agenda.next().expect("somebody always looks at the store");
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
            Event::RunOnceMore(mapping) => self.run_once_more(&mapping),
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
        if let Event::Process(_, Happening::Assigned { .. }) = event {
            // What the group said to a member that it has given up since is not heard any more.
            let Broker { owner, seats, .. } = shared.broker;
            if owner != Some(process.seat) || seats[process.seat] != Some(id) {
                return;
            }
            if shared.agenda.now < process.cut_off_until {
                shared.agenda.at(process.cut_off_until, event);
                return;
            }
        }
        match event {
            Event::Answered(asker, request, answer) => {
                process.on_lane(shared, asker.lane, |lane, shared, around| {
                    lane.answered(shared, around, (request, answer));
                });
            }
            Event::TimedOut(asker, request) => {
                if let Some(answer) = shared.requests.abandon(&mut shared.agenda, request) {
                    process.on_lane(shared, asker.lane, |lane, shared, around| {
                        lane.answered(shared, around, (request, answer));
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
            && (self.committed() == log.end() || log.low == log.end())
            && store.up_since.is_some()
            && requests.is_idle()
            && owner.is_some_and(|process| !process.is_dead && process.is_quiet(store.kills))
    }
}
