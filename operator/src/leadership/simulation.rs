//! Pure. Candidates in a simulated world whose network loses, delays and cuts off, whose clocks differ in speed, and whose
//! processes freeze and die. At every moment at most one may believe that it leads; once it is quiet, somebody does.
//!
//! A failing seed is printed; `check(SEED, PACE)` plays it again.

use std::time::Duration;

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::candidate::{Candidate, Step, Write};
use super::decision::{Moment, Pace, Record};

/// One step of the world.
const TICK: Duration = Duration::from_millis(100);

/// How long faults go on.
const UNREST: Duration = Duration::from_mins(6);

/// How late a message may come.
const LATE_MS: u64 = 60_000;

/// How long it is quiet afterwards: until the last late message, which may be the renewal of a dead process, then a lease by the
/// slowest clock, then time for a few answers.
const QUIET: Duration = Duration::from_secs(60 + 34 + 10);

const SEEDS: u64 = 400;

/// What is broken, so that the checks are seen to fail.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    /// The server takes every write, whatever version it goes over.
    NoVersions,
}

/// What went wrong.
#[derive(Debug, PartialEq, Eq)]
enum Wrong {
    TwoLead,
    NobodyLeads,
}

struct World {
    random: StdRng,
    flaw: Flaw,
    pace: Pace,
    now: Duration,
    lease: Option<(Record, u64)>,
    members: Vec<Member>,
    network: Vec<Message>,
    next_id: u64,
}

/// A process with its machine's clocks.
struct Member {
    candidate: Candidate<u64>,
    speed: f64,
    started: Moment,
    wall: i64,
    awaited: Option<Awaited>,
    /// It does nothing until then.
    frozen_until: Duration,
    /// Nothing passes between it and the server until then.
    cut_until: Duration,
}

struct Awaited {
    id: u64,
    begun: Moment,
    given_up: Moment,
    is_write: bool,
}

struct Message {
    id: u64,
    member: usize,
    due: Duration,
    content: Content,
}

enum Content {
    Read,
    Write(Write<u64>),
    /// What the Lease shows.
    Shown(Option<(Record, u64)>),
    /// The write went over another version.
    Conflict,
}

impl Member {
    fn clock(&self, now: Duration) -> Moment {
        self.started + now.mul_f64(self.speed)
    }

    fn wall(&self, now: Duration) -> Timestamp {
        Timestamp::from_microsecond(self.wall + i64::try_from(now.as_micros()).unwrap()).unwrap()
    }

    fn believes(&self, now: Duration) -> bool {
        self.candidate.believes_until().is_some_and(|until| self.clock(now) < until)
    }
}

impl World {
    fn new(seed: u64, pace: Pace, flaw: Flaw) -> Self {
        let random = StdRng::seed_from_u64(seed);
        let mut world = Self {
            random,
            flaw,
            pace,
            now: Duration::ZERO,
            lease: None,
            members: Vec::new(),
            network: Vec::new(),
            next_id: 0,
        };
        for _ in 0..world.random.random_range(2..=5) {
            let member = world.member();
            world.members.push(member);
        }
        world
    }

    fn member(&mut self) -> Member {
        self.next_id += 1;
        Member {
            candidate: Candidate::new(format!("process-{}", self.next_id), self.pace),
            speed: self.random.random_range(0.9..1.1),
            started: Duration::from_secs(self.random.random_range(0..1_000_000)),
            wall: self.random.random_range(0..2_000_000_000_000_000),
            awaited: None,
            frozen_until: Duration::ZERO,
            cut_until: Duration::ZERO,
        }
    }

    /// Goes through unrest and the quiet after it.
    fn run(&mut self) -> Result<(), Wrong> {
        while self.now < UNREST + QUIET {
            if self.now < UNREST {
                self.misfortune();
            }
            self.deliver();
            for index in 0..self.members.len() {
                self.act(index);
            }
            let leaders = self.members.iter().filter(|member| member.believes(self.now)).count();
            if leaders > 1 {
                return Err(Wrong::TwoLead);
            }
            self.now += TICK;
        }
        let leads = self.members.iter().any(|member| member.believes(self.now));
        if leads { Ok(()) } else { Err(Wrong::NobodyLeads) }
    }

    /// About once in twenty seconds something happens to somebody; at the end of the unrest all that lasts ends.
    fn misfortune(&mut self) {
        if !self.random.random_bool(0.005) {
            return;
        }
        let index = self.random.random_range(0..self.members.len());
        let until = (self.now + Duration::from_secs(self.random.random_range(1..90))).min(UNREST);
        match self.random.random_range(0..4) {
            0 => self.members[index].frozen_until = until,
            1 => self.members[index].cut_until = until,
            2 => self.members[index] = self.member(),
            _ => self.members.iter_mut().for_each(|member| member.cut_until = until),
        }
    }

    fn act(&mut self, index: usize) {
        let member = &mut self.members[index];
        if self.now < member.frozen_until {
            return;
        }
        let (now, wall) = (member.clock(self.now), member.wall(self.now));
        if let Some(awaited) = &member.awaited {
            if now < awaited.given_up {
                return;
            }
            member.awaited = None;
            member.candidate.failed(now);
        }
        let content = match member.candidate.step(now, wall) {
            Step::Wait(_) => return,
            Step::End(_) => {
                self.members[index] = self.member();
                return;
            }
            Step::Read => Content::Read,
            Step::Write(write) => Content::Write(write),
        };
        let left =
            member.candidate.believes_until().map_or(self.pace.request, |until| until.saturating_sub(now));
        self.next_id += 1;
        let (id, given_up) = (self.next_id, now + left.min(self.pace.request));
        let is_write = matches!(content, Content::Write(_));
        member.awaited = Some(Awaited { id, begun: now, given_up, is_write });
        self.send(id, index, content);
    }

    /// One message in ten is lost during the unrest, and some are late: later than anybody waits for them.
    fn send(&mut self, id: u64, member: usize, content: Content) {
        let unrest = self.now < UNREST;
        if unrest && self.random.random_bool(0.1) {
            return;
        }
        let late = unrest && self.random.random_bool(0.1);
        let delay =
            if late { self.random.random_range(1_000..LATE_MS) } else { self.random.random_range(0..300) };
        self.network.push(Message { id, member, due: self.now + Duration::from_millis(delay), content });
    }

    fn deliver(&mut self) {
        let (due, later) = self.network.drain(..).partition(|message| message.due <= self.now);
        self.network = later;
        let due: Vec<Message> = due;
        for Message { id, member, content, .. } in due {
            if self.now < self.members[member].cut_until {
                continue;
            }
            match content {
                Content::Read => {
                    let answer = Content::Shown(self.lease.clone());
                    self.send(id, member, answer);
                }
                Content::Write(write) => {
                    let answer = self.take(write);
                    self.send(id, member, answer);
                }
                answer @ (Content::Shown(_) | Content::Conflict) => self.hear(id, member, answer),
            }
        }
    }

    /// What the API server does with a write.
    fn take(&mut self, write: Write<u64>) -> Content {
        let version = self.lease.as_ref().map(|(_, version)| *version);
        if version != write.over && self.flaw != Flaw::NoVersions {
            return Content::Conflict;
        }
        self.next_id += 1;
        self.lease = Some((write.record, self.next_id));
        Content::Shown(self.lease.clone())
    }

    fn hear(&mut self, id: u64, index: usize, answer: Content) {
        let member = &mut self.members[index];
        let now = member.clock(self.now);
        // Nobody waits for an answer that comes while the process is frozen, or after it was given up.
        if self.now < member.frozen_until {
            return;
        }
        let Some(awaited) = member.awaited.take_if(|awaited| awaited.id == id && now < awaited.given_up)
        else {
            return;
        };
        match answer {
            Content::Shown(Some(lease)) if awaited.is_write => {
                member.candidate.written(lease, awaited.begun, now);
            }
            Content::Shown(lease) => member.candidate.shown(lease, now),
            Content::Conflict | Content::Read | Content::Write(_) => member.candidate.failed(now),
        }
    }
}

fn check(seed: u64, pace: Pace) {
    let outcome = World::new(seed, pace, Flaw::None).run();
    assert_eq!(outcome, Ok(()), "seed {seed}");
}

fn pace() -> Pace {
    Pace::of(Duration::from_secs(30))
}

fn finds(wrong: &Wrong, pace: Pace, flaw: Flaw) -> bool {
    (0..SEEDS).any(|seed| World::new(seed, pace, flaw).run().as_ref() == Err(wrong))
}

#[test]
fn never_two_lead_and_once_it_is_quiet_one_does() {
    for seed in 0..SEEDS {
        check(seed, pace());
    }
}

#[test]
fn would_find_a_holder_that_believes_too_long() {
    let pace = Pace { believed: Duration::from_secs(33), ..pace() };
    assert!(finds(&Wrong::TwoLead, pace, Flaw::None));
}

#[test]
fn would_find_writes_that_go_over_any_version() {
    assert!(finds(&Wrong::TwoLead, pace(), Flaw::NoVersions));
}

#[test]
fn would_find_a_lease_that_nobody_takes_over() {
    let pace = Pace { lease: Duration::from_mins(10), ..pace() };
    assert!(finds(&Wrong::NobodyLeads, pace, Flaw::None));
}
