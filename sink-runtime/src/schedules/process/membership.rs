//! Pure. How partitions come to a simulated process and leave it, as in `kafka/poll_loop` and `pipeline/driver`.

use std::sync::Arc;
use std::time::Duration;

use kafkasink_crds::runtime_config::StartFrom;

use super::{
    DRAIN_DEADLINE, FENCING_WAIT, Feed, FeedState, Happening, LAST_ANSWER, NAP, Process, RETRY_AFTER,
    REVOKE_DEADLINE, Then,
};
use crate::kafka::{CommitMetadata, Facts, Start, start};
use crate::lease::BELIEVED_FOR;
use crate::pipeline::{Beginning, GroupView, Input, PartitionState};
use crate::record::{Life, Offset};
use crate::schedules::commits::Purpose;
use crate::schedules::lane::{Lane, dice};
use crate::schedules::requests::Asker;
use crate::schedules::world::{Event, Shared};
use crate::source::{Commit, Promise};

impl Process {
    /// Tells whether the poll loop is busy, and lets this happen again later.
    pub(super) fn is_busy(&self, shared: &mut Shared, again: Happening) -> bool {
        let is_busy = self.committer.waits_for().is_some() || self.drain.is_some();
        if is_busy {
            shared.agenda.after(NAP, self.event(again));
        }
        is_busy
    }

    /// Takes what the group has said, one change after another.
    pub(super) fn rebalance(&mut self, shared: &mut Shared) {
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

    pub(super) fn assigned(&mut self, shared: &mut Shared, generation: u64) {
        self.generation = self.generation.max(generation);
        if self.feed.is_none() {
            self.feed = Some(Feed::unresolved());
            self.resolve(shared);
        }
    }

    pub(super) fn resolve(&mut self, shared: &mut Shared) {
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

    pub(super) fn confirm(&mut self, shared: &mut Shared) {
        if self.is_busy(shared, Happening::Confirm) {
            return;
        }
        let Some(Feed { state: FeedState::Unconfirmed(start), .. }) = &self.feed else {
            return;
        };
        let commit = Commit {
            partition: shared.partition.clone(),
            progress: start.progress,
            life: None,
            is_clean: false,
            is_owner: !start.is_fenced,
            other_mapping: start.other_mapping.clone(),
            promise: Promise::first(start.reach),
            group_start: None,
        };
        self.submit(shared, commit, Purpose::Start);
    }

    /// The start is committed: the partition begins.
    pub(super) fn start(&mut self, shared: &mut Shared) {
        let Some(feed) = &mut self.feed else {
            return;
        };
        let FeedState::Unconfirmed(start) = std::mem::replace(&mut feed.state, FeedState::Open) else {
            return;
        };
        self.read_from(shared, start.progress.point.offset.0);
        let is_bounded = !start.is_fenced;
        let is_fenced = std::mem::take(&mut self.is_unsettled) || start.is_fenced;
        let fenced_until = is_fenced.then(|| shared.agenda.instant() + FENCING_WAIT);
        let Start { progress, reach, other_mapping, .. } = start;
        let beginning = Beginning {
            progress,
            reach,
            is_bounded,
            other_mapping: other_mapping.clone(),
            fenced_until,
            life: None,
            is_admitted: true,
        };
        let mapper = self.form.mapper.partition(&shared.partition, Life::FIRST, progress.point.state);
        let dice = dice(shared);
        let state = PartitionState::new(shared.settings, shared.partition.clone(), mapper, beginning, dice);
        self.lanes_begun += 1;
        let asker = Asker { process: self.id, lane: self.lanes_begun };
        let partition = shared.partition.clone();
        let is_owner = !is_fenced;
        let promise = Promise::first(reach);
        let committed = Commit {
            partition,
            progress,
            life: None,
            is_clean: false,
            is_owner,
            other_mapping,
            promise,
            group_start: None,
        };
        self.working = Some(asker.lane);
        if !is_bounded && reach > progress.point.offset {
            shared.agenda.after(BELIEVED_FOR, self.event(Happening::Bound(asker.lane)));
        }
        self.lanes.push_back(Lane::new(asker, state, Arc::clone(&self.form), committed));
        self.begin_next(shared);
    }

    /// Asks where the log ends, now that no earlier owner can be given more of it.
    pub(super) fn bound(&mut self, shared: &mut Shared, id: u64) {
        if self.working != Some(id) {
            return;
        }
        if shared.agenda.now < self.cut_off_until {
            shared.agenda.after(RETRY_AFTER, self.event(Happening::Bound(id)));
            return;
        }
        let high = Offset(shared.log.high(shared.agenda.now));
        self.input(shared, id, Input::Group(GroupView { taken: None, bound: Some(high) }));
    }

    pub(super) fn revoked(&mut self, shared: &mut Shared, then: Then) {
        if self.drain.is_none() {
            self.drain(shared, then, REVOKE_DEADLINE);
        }
    }

    pub(super) fn stop(&mut self, shared: &mut Shared, leaves: bool) {
        if self.is_busy(shared, Happening::Stop { leaves }) {
            return;
        }
        self.is_stopping = true;
        self.drain(shared, Then::Close { leaves }, DRAIN_DEADLINE);
    }

    pub(super) fn drain(&mut self, shared: &mut Shared, then: Then, deadline: Duration) {
        let lane = self.working.take();
        self.drain = Some((lane.unwrap_or(0), then));
        match lane {
            Some(lane) => {
                shared.agenda.after(deadline, self.event(Happening::DrainOver(lane)));
                let until = shared.agenda.now + deadline.checked_sub(LAST_ANSWER).unwrap();
                self.on_lane(shared, lane, |lane, shared, around| lane.stop(shared, around, until));
            }
            None => self.finish_drain(shared, None),
        }
    }

    /// The time to drain is over.
    pub(super) fn drained(&mut self, shared: &mut Shared, id: u64) {
        if self.drain.is_some_and(|(draining, _)| draining == id) {
            let current = self.lanes.iter().find(|lane| lane.asker.lane == id).map(Lane::current);
            self.finish_drain(shared, current);
        }
    }

    pub(super) fn finish_drain(&mut self, shared: &mut Shared, last: Option<Commit>) {
        match last {
            Some(commit) => {
                self.is_unsettled |= !commit.is_clean;
                self.submit(shared, commit, Purpose::Last);
            }
            None => self.given_up(shared),
        }
    }

    /// The last commit has ended, one way or the other.
    pub(super) fn given_up(&mut self, shared: &mut Shared) {
        let Some((_, then)) = self.drain.take() else {
            return;
        };
        self.committer.forget();
        self.feed = None;
        match then {
            Then::Release => shared.broker.released(&mut shared.agenda, self.id, self.seat),
            Then::TakeAnew => {
                self.feed = Some(Feed::unresolved());
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

    pub(super) fn lost(&mut self, shared: &mut Shared) {
        if let Some(lane) = self.working.take() {
            self.is_unsettled = true;
            let now = shared.agenda.now;
            self.on_lane(shared, lane, |lane, shared, around| lane.stop(shared, around, now));
        }
        self.committer.forget();
        self.feed = None;
        let delay = shared.agenda.span(200..3_000);
        shared.agenda.after(delay, Event::Join(self.id));
    }
}
