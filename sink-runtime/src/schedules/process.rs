//! Pure. `Process`: one run of a member, which reads, commits and drains as `kafka/poll_loop` and `pipeline/driver` do.

use std::collections::VecDeque;
use std::time::Duration;

use super::broker::Job;
use super::commits::{Committer, Purpose};
use super::lane::{Around, Lane, dice};
use super::requests::Asker;
use super::watch::{Pulse, Watch};
use super::world::{Event, Shared};
use crate::dead_letter::DeadLetterError;
use crate::kafka::{CommitMetadata, Facts, Signature, Start, start};
use crate::lease::Lease;
use crate::pipeline::{Beginning, Input, MadeBy, PartitionState};
use crate::record::{Life, Offset};
use crate::source::Commit;
use kafkasink_crds::runtime_config::StartFrom;

/// How long a revoked partition may take, as in `pipeline/driver`.
const REVOKE_DEADLINE: Duration = Duration::from_secs(5);

/// How long stopping may take.
const DRAIN_DEADLINE: Duration = Duration::from_secs(20);

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
    pub(super) committer: Committer,
    pub(super) generation: u64,
    pub(super) feed: Option<Feed>,
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
    pub(super) fn new(id: usize, seat: usize, signature: Signature, skew_s: i64) -> Self {
        Self {
            id,
            seat,
            is_dead: false,
            frozen_until: Duration::ZERO,
            cut_off_until: Duration::ZERO,
            beats: 0,
            watch: Watch::new(skew_s),
            signature,
            committer: Committer::default(),
            generation: 0,
            feed: None,
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
                self.on_lane(shared, lane, |lane, shared, around| lane.tick(shared, around, at))
            }
            Happening::Letters(lane, answers) => self.input(shared, lane, Input::Letters(answers)),
            Happening::Messages(lane) => self.read(shared, lane),
            Happening::LeaseWanted(lane) => self.renew(shared, lane),
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
            let (id, last) = (lane.asker.lane, lane.commit(lane.state.progress(), lane.state.is_clean()));
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

    fn read(&mut self, shared: &mut Shared, id: u64) {
        let Some(lane) = self.lanes.iter_mut().find(|lane| lane.asker.lane == id) else {
            return;
        };
        lane.is_reading = false;
        let is_wanted = self.working == Some(id) && lane.wish.is_none() && lane.state.wants_messages();
        let Some(feed) = self.feed.as_mut().filter(|feed| is_wanted && matches!(feed.state, FeedState::Open))
        else {
            return;
        };
        if self.drain.is_some() || shared.agenda.now < self.cut_off_until {
            lane.is_reading = true;
            shared.agenda.after(RETRY_AFTER, Event::Process(self.id, Happening::Messages(id)));
            return;
        }
        if feed.position < shared.log.low {
            self.revoked(shared, Then::TakeAnew);
            return;
        }
        let most = usize::try_from(shared.agenda.pick(1..20)).unwrap();
        match shared.log.read(feed.position, shared.agenda.now, most) {
            Ok(messages) => {
                feed.position = messages.last().map_or(feed.position, |last| last.offset + 1);
                let messages = messages.iter().map(super::log::Logged::message).collect();
                self.input(shared, id, Input::Messages(messages));
            }
            Err(Some(at)) => {
                lane.is_reading = true;
                shared.agenda.at(at, Event::Process(self.id, Happening::Messages(id)));
            }
            Err(None) => {}
        }
    }

    fn looked(&mut self, shared: &mut Shared, seen: (Duration, Option<Pulse>)) {
        let Some(seen) = self.watch.looked(&mut shared.agenda, self.id, seen) else {
            return;
        };
        let lanes: Vec<u64> = self.lanes.iter().map(|lane| lane.asker.lane).collect();
        lanes.into_iter().for_each(|lane| self.input(shared, lane, Input::Store(seen)));
    }

    // Commits.

    fn commit_tick(&mut self, shared: &mut Shared) {
        shared.agenda.after(COMMIT_EVERY, self.event(Happening::CommitTick));
        if let Some(commit) = self.news(shared.agenda.now) {
            self.submit(shared, commit, Purpose::Round);
        }
    }

    fn renew(&mut self, shared: &mut Shared, id: u64) {
        let lane = self.lanes.iter().find(|lane| lane.asker.lane == id);
        if !lane.is_some_and(|lane| lane.wants_commit(shared)) {
            return;
        }
        let working = self.lanes.iter().find(|lane| Some(lane.asker.lane) == self.working);
        let renewal = working.map(Lane::current);
        let commit = self.news(shared.agenda.now).or(renewal);
        commit.into_iter().for_each(|commit| self.submit(shared, commit, Purpose::Round));
    }

    /// Returns what the broker has not taken yet.
    fn news(&mut self, now: Duration) -> Option<Commit> {
        let lane = self.lanes.iter_mut().find(|lane| Some(lane.asker.lane) == self.working)?;
        let commit = lane.current();
        let is_patient =
            |(sent, at): &(Commit, Duration)| !sent.is_behind(&commit) && now - *at < COMMIT_PATIENCE;
        if !lane.committed.is_behind(&commit) || lane.sent.as_ref().is_some_and(is_patient) {
            return None;
        }
        lane.sent = Some((commit.clone(), now));
        Some(commit)
    }

    /// Hands a commit over; what must be waited for holds up the poll loop.
    fn submit(&mut self, shared: &mut Shared, commit: Commit, purpose: Purpose) {
        let is_open = self.feed.as_ref().is_some_and(|feed| matches!(feed.state, FeedState::Open));
        if matches!(purpose, Purpose::Round) && !is_open {
            return;
        }
        let refused = self.committer.submit(commit, purpose);
        if let Some(number) = self.committer.waits_for() {
            shared.agenda.after(COMMIT_PATIENCE, self.event(Happening::Impatient(number)));
        }
        self.serve(shared);
        refused.into_iter().for_each(|number| self.waited_for(shared, number, false));
    }

    /// Sends the next commit, if none is under way.
    fn serve(&mut self, shared: &mut Shared) {
        let (job, skipped) = self.committer.next(self.generation, shared.agenda.now);
        for number in skipped {
            self.waited_for(shared, number, false);
        }
        let Some(job) = job else {
            return;
        };
        if shared.agenda.now < self.cut_off_until {
            let delay = shared.agenda.span(2_000..8_000);
            shared.agenda.after(delay, self.event(Happening::Committed(job, false)));
            return;
        }
        let delay = shared.commit_delay();
        shared.agenda.after(delay, Event::Commit(self.id, job));
    }

    fn committed(&mut self, shared: &mut Shared, job: &Job, is_taken: bool) {
        self.committer.answered();
        if is_taken {
            self.lease.renew(super::watch::since_boot(job.begun));
            let working = self.working;
            if let Some(lane) = self.lanes.iter_mut().find(|lane| Some(lane.asker.lane) == working) {
                lane.committed = job.commit.clone();
            }
            let lanes: Vec<u64> = self.lanes.iter().map(|lane| lane.asker.lane).collect();
            for lane in lanes {
                self.on_lane(shared, lane, |lane, shared, around| lane.send(shared, around));
            }
        }
        self.waited_for(shared, job.number, is_taken);
        self.serve(shared);
    }

    /// What the poll loop waits for has come, or will not come in time.
    fn waited_for(&mut self, shared: &mut Shared, number: u64, is_taken: bool) {
        let Some(purpose) = self.committer.take_waiting(number) else {
            return;
        };
        match purpose {
            Purpose::Round => {}
            Purpose::Start if is_taken => self.start(shared),
            Purpose::Start => shared.agenda.after(RETRY_AFTER, self.event(Happening::Confirm)),
            Purpose::GoBack(lane, generation) if is_taken => self.read_again(lane, generation, shared),
            Purpose::GoBack(lane, _) => {
                shared.agenda.after(RETRY_AFTER, self.event(Happening::GoBack(lane)));
            }
            Purpose::Last => self.given_up(shared),
        }
    }

    // The way back.

    fn go_back(&mut self, shared: &mut Shared, id: u64) {
        let is_open = self.feed.as_ref().is_some_and(|feed| matches!(feed.state, FeedState::Open));
        let Some(lane) = self.lanes.iter_mut().find(|lane| lane.asker.lane == id && Some(id) == self.working)
        else {
            return;
        };
        let Some(wish) = lane.wish.as_mut().filter(|_| is_open) else {
            return;
        };
        if self.committer.waits_for().is_some() || shared.agenda.now < self.cut_off_until {
            shared.agenda.after(NAP * 4, Event::Process(self.id, Happening::GoBack(id)));
            return;
        }
        let mut way = wish.clone();
        way.begin_at(Offset(shared.log.low));
        let generation = way.generation;
        *wish = crate::source::Return { offset: way.offset, ..wish.clone() };
        match way.commit {
            Some(commit) => self.submit(shared, commit, Purpose::GoBack(id, generation)),
            None => self.read_again(id, generation, shared),
        }
    }

    fn read_again(&mut self, id: u64, generation: u64, shared: &mut Shared) {
        let lane = self.lanes.iter_mut().find(|lane| lane.asker.lane == id);
        let Some((lane, feed)) = lane.zip(self.feed.as_mut()) else {
            return;
        };
        if let Some(way) = lane.wish.as_ref() {
            if way.generation == generation {
                feed.position = way.offset.0;
                lane.wish = None;
            } else {
                shared.agenda.after(Duration::ZERO, Event::Process(self.id, Happening::GoBack(id)));
            }
        }
        self.settle(shared);
    }

    // Partitions come and go.

    /// Tells whether the poll loop is busy, and lets this happen again later.
    fn is_busy(&self, shared: &mut Shared, again: Happening) -> bool {
        let is_busy = self.committer.waits_for().is_some() || self.drain.is_some();
        if is_busy {
            shared.agenda.after(NAP, self.event(again));
        }
        is_busy
    }

    /// Takes what the group has said, one change after another.
    fn rebalance(&mut self, shared: &mut Shared) {
        if self.rebalances.is_empty() || self.is_stopping || self.is_busy(shared, Happening::Rebalance) {
            return;
        }
        match self.rebalances.pop_front() {
            Some(Happening::Assigned { generation }) => self.assigned(shared, generation),
            Some(Happening::Revoked) => self.revoked(shared, Then::Release),
            _ => self.lost(shared),
        }
        shared.agenda.after(Duration::ZERO, self.event(Happening::Rebalance));
    }

    fn assigned(&mut self, shared: &mut Shared, generation: u64) {
        self.generation = self.generation.max(generation);
        if self.feed.is_none() {
            self.feed = Some(Feed { state: FeedState::Unresolved, position: 0 });
            self.resolve(shared);
        }
    }

    fn resolve(&mut self, shared: &mut Shared) {
        if self.is_busy(shared, Happening::Resolve) {
            return;
        }
        let Some(feed) = self.feed.as_mut().filter(|feed| matches!(feed.state, FeedState::Unresolved)) else {
            return;
        };
        if shared.agenda.now < self.cut_off_until {
            shared.agenda.after(RETRY_AFTER, Event::Process(self.id, Happening::Resolve));
            return;
        }
        let committed = shared.broker.committed.as_ref();
        let facts = Facts {
            committed: committed.map(|(offset, _)| *offset),
            metadata: committed.and_then(|(_, text)| CommitMetadata::parse(text)),
            low: shared.log.low,
            high: shared.log.high(shared.agenda.now),
        };
        feed.state = FeedState::Unconfirmed(start(&facts, StartFrom::Earliest, &self.signature));
        let delay = shared.agenda.span(5..400);
        shared.agenda.after(delay, Event::Process(self.id, Happening::Confirm));
    }

    fn confirm(&mut self, shared: &mut Shared) {
        if self.is_busy(shared, Happening::Confirm) {
            return;
        }
        let Some(Feed { state: FeedState::Unconfirmed(start), .. }) = &self.feed else {
            return;
        };
        let commit = Commit {
            partition: shared.partition.clone(),
            progress: start.progress,
            is_clean: false,
            is_owner: !start.is_fenced,
        };
        self.submit(shared, commit, Purpose::Start);
    }

    /// The start is committed: the partition begins.
    fn start(&mut self, shared: &mut Shared) {
        let Some(feed) = &mut self.feed else {
            return;
        };
        let FeedState::Unconfirmed(start) = std::mem::replace(&mut feed.state, FeedState::Open) else {
            return;
        };
        feed.position = start.progress.point.offset.0;
        let is_fenced = std::mem::take(&mut self.is_unsettled) || start.is_fenced;
        let made_by = if start.is_own_mapping { MadeBy::OwnMapping } else { MadeBy::OtherMapping };
        let fenced_until = is_fenced.then(|| shared.agenda.instant() + FENCING_WAIT);
        let beginning = Beginning { progress: start.progress, made_by, fenced_until };
        let mapper = shared.mapper.partition(&shared.partition, Life::FIRST, start.progress.point.state);
        let dice = dice(shared);
        let state = PartitionState::new(shared.settings, shared.partition.clone(), mapper, beginning, dice);
        self.lanes_begun += 1;
        let asker = Asker { process: self.id, lane: self.lanes_begun };
        let partition = shared.partition.clone();
        let committed = Commit { partition, progress: start.progress, is_clean: false, is_owner: !is_fenced };
        self.working = Some(asker.lane);
        self.lanes.push_back(Lane::new(asker, state, committed));
        self.begin_next(shared);
    }

    fn revoked(&mut self, shared: &mut Shared, then: Then) {
        if self.drain.is_none() {
            self.drain(shared, then, REVOKE_DEADLINE);
        }
    }

    fn stop(&mut self, shared: &mut Shared, leaves: bool) {
        if self.is_busy(shared, Happening::Stop { leaves }) {
            return;
        }
        self.is_stopping = true;
        self.drain(shared, Then::Close { leaves }, DRAIN_DEADLINE);
    }

    fn drain(&mut self, shared: &mut Shared, then: Then, deadline: Duration) {
        let lane = self.working.take();
        self.drain = Some((lane.unwrap_or(0), then));
        match lane {
            Some(lane) => {
                shared.agenda.after(deadline, self.event(Happening::DrainOver(lane)));
                self.on_lane(shared, lane, |lane, shared, around| lane.stop(shared, around));
            }
            None => self.finish_drain(shared, None),
        }
    }

    /// The time to drain is over.
    fn drained(&mut self, shared: &mut Shared, id: u64) {
        if self.drain.is_some_and(|(draining, _)| draining == id) {
            let current = self.lanes.iter().find(|lane| lane.asker.lane == id).map(Lane::current);
            self.finish_drain(shared, current);
        }
    }

    fn finish_drain(&mut self, shared: &mut Shared, last: Option<Commit>) {
        match last {
            Some(commit) => {
                self.is_unsettled |= !commit.is_clean;
                self.submit(shared, commit, Purpose::Last);
            }
            None => self.given_up(shared),
        }
    }

    /// The last commit has ended, one way or the other.
    fn given_up(&mut self, shared: &mut Shared) {
        let Some((_, then)) = self.drain.take() else {
            return;
        };
        self.committer.forget();
        self.feed = None;
        match then {
            Then::Release => shared.broker.released(&mut shared.agenda, self.id, self.seat),
            Then::TakeAnew => {
                self.feed = Some(Feed { state: FeedState::Unresolved, position: 0 });
                self.resolve(shared);
            }
            Then::Close { leaves } => {
                if leaves {
                    shared.broker.leave(&mut shared.agenda, self.id, self.seat);
                }
                self.die(shared);
            }
        }
    }

    fn lost(&mut self, shared: &mut Shared) {
        if let Some(lane) = self.working.take() {
            self.is_unsettled = true;
            self.on_lane(shared, lane, |lane, shared, around| lane.stop(shared, around));
        }
        self.committer.forget();
        self.feed = None;
        let delay = shared.agenda.span(200..3_000);
        shared.agenda.after(delay, Event::Join(self.id));
    }
}
