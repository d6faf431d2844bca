//! Pure. `Process`: one run of a member, which reads, commits and drains as `kafka/poll_loop` and `pipeline/driver` do.

mod committing;
mod membership;
mod reading;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use self::reading::Client;
use super::broker::Job;
use super::commits::Committer;
use super::forms::Form;
use super::lane::{Around, Lane};
use super::watch::{Pulse, Watch};
use super::world::{Event, Shared};
use crate::dead_letter::DeadLetterError;
use crate::kafka::{Passed, Signature, Start};
use crate::lease::Lease;
use crate::pipeline::Input;

/// How long a revoked partition may take, as in `pipeline/driver`.
const REVOKE_DEADLINE: Duration = Duration::from_secs(5);

/// How long stopping may take.
const DRAIN_DEADLINE: Duration = Duration::from_secs(19);

/// Part of both that is left for the last answer of the store.
const LAST_ANSWER: Duration = Duration::from_secs(1);

/// Request time-out and two seconds.
const FENCING_WAIT: Duration = Duration::from_secs(17);

const COMMIT_EVERY: Duration = Duration::from_secs(2);
const COMMIT_PATIENCE: Duration = Duration::from_secs(5);
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How often the poll loop looks whether it is free.
const NAP: Duration = Duration::from_millis(50);

/// What happens to a process.
#[derive(Debug)]
pub(super) enum Happening {
    Tick(u64, Duration),
    Messages(u64),
    Letters(u64, Vec<Result<(), DeadLetterError>>),
    LeaseWanted(u64),
    CommitWanted(u64),
    /// The time has come to ask how far an earlier owner can have gone.
    Bound(u64),
    GoBack(u64),
    Look(Duration),
    LookAgain,
    Looked {
        asked: Duration,
        pulse: Option<Pulse>,
    },
    CommitTick,
    Committed(Job, bool),
    Impatient(u64),
    Assigned {
        generation: u64,
    },
    /// The poll loop may be free to take what the group has said.
    Rebalance,
    Regenerated {
        generation: u64,
    },
    Revoked,
    Lost,
    Fenced,
    Resolve,
    Confirm,
    DrainOver(u64),
    Stop {
        leaves: bool,
    },
}

/// One run of a member.
pub(super) struct Process {
    pub(super) id: usize,
    pub(super) seat: usize,
    pub(super) is_dead: bool,
    pub(super) frozen_until: Duration,
    /// Until when it cannot reach Kafka.
    pub(super) cut_off_until: Duration,
    /// Counts the times at which it was heard of again after a silence.
    pub(super) beats: u64,
    pub(super) watch: Watch,
    pub(super) signature: Signature,
    form: Arc<Form>,
    pub(super) committer: Committer,
    pub(super) generation: u64,
    pub(super) feed: Option<Feed>,
    client: Client,
    pub(super) is_stopping: bool,
    lease: Lease,
    lanes: VecDeque<Lane>,
    working: Option<u64>,
    is_unsettled: bool,
    drain: Option<(u64, Then)>,
    /// What the group has said and the poll loop has not taken yet.
    rebalances: VecDeque<Happening>,
    lanes_begun: u64,
}

/// What the poll loop knows of the partition.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) state: FeedState,
    pub(super) position: i64,
    passed: Passed,
}

impl Feed {
    fn unresolved() -> Self {
        Self { state: FeedState::Unresolved, position: 0, passed: Passed::default() }
    }
}

#[derive(Debug)]
pub(super) enum FeedState {
    Unresolved,
    Unconfirmed(Start),
    Open,
}

/// What follows when a lane has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Release,
    /// The next offset is out of range: the partition is taken anew.
    TakeAnew,
    Close {
        leaves: bool,
    },
}

impl Process {
    pub(super) fn new(
        id: usize,
        seat: usize,
        (signature, form): (Signature, Arc<Form>),
        skew_s: i64,
    ) -> Self {
        Self {
            id,
            seat,
            is_dead: false,
            frozen_until: Duration::ZERO,
            cut_off_until: Duration::ZERO,
            beats: 0,
            watch: Watch::new(skew_s),
            signature,
            form,
            committer: Committer::default(),
            generation: 0,
            feed: None,
            client: Client::default(),
            is_stopping: false,
            lease: Lease::default(),
            lanes: VecDeque::new(),
            working: None,
            is_unsettled: false,
            drain: None,
            rebalances: VecDeque::new(),
            lanes_begun: 0,
        }
    }

    /// Begins to work, before it has joined.
    pub(super) fn begin(&mut self, shared: &mut Shared) {
        self.watch.plan(&mut shared.agenda, self.id);
        shared.agenda.after(COMMIT_EVERY, self.event(Happening::CommitTick));
    }

    /// Tells whether everything is committed and nothing is under way, with nothing unknown about the store.
    pub(super) fn is_quiet(&self, kills: u32) -> bool {
        let is_idle = self.lanes.len() == 1 && self.lanes.iter().all(|lane| lane.has_begun && lane.is_idle());
        is_idle && self.watch.kills_seen == Some(kills)
    }

    pub(super) fn happen(&mut self, shared: &mut Shared, happening: Happening) {
        match happening {
            Happening::Tick(lane, at) => {
                self.on_lane(shared, lane, |lane, shared, around| lane.tick(shared, around, at));
            }
            Happening::Letters(lane, answers) => self.input(shared, lane, Input::Letters(answers)),
            Happening::Messages(lane) => self.read(shared, lane),
            Happening::LeaseWanted(lane) => self.renew(shared, lane),
            Happening::CommitWanted(lane) => self.commit_wanted(shared, lane),
            Happening::Bound(lane) => self.bound(shared, lane),
            Happening::GoBack(lane) => self.go_back(shared, lane),
            Happening::Look(at) => self.watch.look(&mut shared.agenda, self.id, at),
            Happening::LookAgain => self.watch.look_again(&mut shared.agenda, self.id),
            Happening::Looked { asked, pulse } => self.looked(shared, (asked, pulse)),
            Happening::CommitTick => self.commit_tick(shared),
            Happening::Committed(job, is_taken) => self.committed(shared, &job, is_taken),
            Happening::Impatient(number) => self.waited_for(shared, number, false),
            Happening::Assigned { .. } | Happening::Revoked | Happening::Lost => {
                self.rebalances.push_back(happening);
                self.rebalance(shared);
            }
            Happening::Rebalance => self.rebalance(shared),
            Happening::Regenerated { generation } => self.generation = self.generation.max(generation),
            Happening::Fenced => self.die(shared),
            Happening::Resolve => self.resolve(shared),
            Happening::Confirm => self.confirm(shared),
            Happening::DrainOver(lane) => self.drained(shared, lane),
            Happening::Stop { leaves } => self.stop(shared, leaves),
        }
    }

    /// Passes something on to a lane.
    pub(super) fn on_lane(
        &mut self,
        shared: &mut Shared,
        id: u64,
        step: impl FnOnce(&mut Lane, &mut Shared, Around<'_>),
    ) {
        let around = Around { lease: &self.lease, is_store_reachable: self.watch.is_reachable };
        let Some(lane) = self.lanes.iter_mut().find(|lane| lane.asker.lane == id) else {
            return;
        };
        step(lane, shared, around);
        self.settle(shared);
    }

    /// Ends at once: nothing more is done, and all connections are closed.
    pub(super) fn die(&mut self, shared: &mut Shared) {
        self.is_dead = true;
        shared.requests.cut(&mut shared.agenda, &mut shared.store, self.id);
    }

    fn input(&mut self, shared: &mut Shared, lane: u64, input: Input) {
        self.on_lane(shared, lane, |lane, shared, around| lane.step(shared, around, input));
    }

    fn event(&self, happening: Happening) -> Event {
        Event::Process(self.id, happening)
    }

    /// Lets the reader read on, and takes note of lanes that have ended.
    fn settle(&mut self, shared: &mut Shared) {
        let is_open = self.feed.as_ref().is_some_and(|feed| matches!(feed.state, FeedState::Open));
        for lane in &mut self.lanes {
            let may_read =
                is_open && Some(lane.asker.lane) == self.working && lane.has_begun && lane.wish.is_none();
            if may_read && !lane.is_reading && lane.state.wants_messages() {
                lane.is_reading = true;
                let delay = shared.agenda.span(1..6);
                shared.agenda.after(delay, Event::Process(self.id, Happening::Messages(lane.asker.lane)));
            }
        }
        while let Some(lane) = self.lanes.front().filter(|lane| lane.is_stopped) {
            let (id, last) = (lane.asker.lane, lane.last_commit());
            self.lanes.pop_front();
            if self.drain.is_some_and(|(draining, _)| draining == id) {
                self.finish_drain(shared, Some(last));
            }
        }
        self.begin_next(shared);
    }

    /// A lane begins when the one before it has ended.
    fn begin_next(&mut self, shared: &mut Shared) {
        let Some(lane) = self.lanes.front().filter(|lane| !lane.has_begun) else {
            return;
        };
        let (id, seen) = (lane.asker.lane, self.watch.seen);
        self.on_lane(shared, id, |lane, shared, around| lane.begin(shared, around, seen));
    }

    fn looked(&mut self, shared: &mut Shared, seen: (Duration, Option<Pulse>)) {
        let Some(seen) = self.watch.looked(&mut shared.agenda, self.id, seen) else {
            return;
        };
        let lanes: Vec<u64> = self.lanes.iter().map(|lane| lane.asker.lane).collect();
        lanes.into_iter().for_each(|lane| self.input(shared, lane, Input::Store(seen)));
    }
}
