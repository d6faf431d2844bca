//! Pure. What a simulated process commits, as `pipeline/driver` and `kafka/committer` do.

use std::time::Duration;

use super::{COMMIT_EVERY, COMMIT_PATIENCE, FeedState, Happening, Process, RETRY_AFTER, Then};
use crate::pipeline::{GroupView, Input};
use crate::schedules::broker::Job;
use crate::schedules::commits::Purpose;
use crate::schedules::lane::Lane;
use crate::schedules::watch::since_boot;
use crate::schedules::world::{Event, Shared};
use crate::source::Commit;

impl Process {
    pub(super) fn commit_tick(&mut self, shared: &mut Shared) {
        shared.agenda.after(COMMIT_EVERY, self.event(Happening::CommitTick));
        if let Some(commit) = self.news(shared.agenda.now) {
            self.submit(shared, commit, Purpose::Round);
        }
    }

    pub(super) fn renew(&mut self, shared: &mut Shared, id: u64) {
        let lane = self.lanes.iter().find(|lane| lane.asker.lane == id);
        if !lane.is_some_and(|lane| lane.wants_commit(shared)) {
            return;
        }
        // One that stops may have waited long enough.
        self.on_lane(shared, id, Lane::send);
        let renewing = self.working.or(self.closing());
        let renewal = self.lanes.iter().find(|lane| Some(lane.asker.lane) == renewing).map(Lane::current);
        let commit = self.news(shared.agenda.now).or(renewal);
        commit.into_iter().for_each(|commit| self.submit(shared, commit, Purpose::Round));
    }

    /// Returns the lane that proves what it wrote before the process ends. Where the group takes its partition away the poll
    /// loop waits for it, and commits nothing.
    fn closing(&self) -> Option<u64> {
        self.drain.filter(|(_, then)| matches!(then, Then::Close { .. })).map(|(lane, _)| lane)
    }

    /// A lane asks for a commit; there may be nothing new any more.
    pub(super) fn commit_wanted(&mut self, shared: &mut Shared, id: u64) {
        if self.working == Some(id) {
            let commit = self.news(shared.agenda.now);
            commit.into_iter().for_each(|commit| self.submit(shared, commit, Purpose::Round));
        }
    }

    /// Returns what the broker has not taken yet.
    pub(super) fn news(&mut self, now: Duration) -> Option<Commit> {
        let lane = self.lanes.iter_mut().find(|lane| Some(lane.asker.lane) == self.working)?;
        let commit = lane.current();
        let is_patient = |(sent, at): &(Commit, Duration)| {
            !sent.is_behind(&commit) && now.checked_sub(*at).unwrap() < COMMIT_PATIENCE
        };
        if !lane.committed.is_behind(&commit) || lane.sent.as_ref().is_some_and(is_patient) {
            return None;
        }
        lane.sent = Some((commit.clone(), now));
        Some(commit)
    }

    /// Hands a commit over; what must be waited for holds up the poll loop.
    pub(super) fn submit(&mut self, shared: &mut Shared, commit: Commit, purpose: Purpose) {
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
    pub(super) fn serve(&mut self, shared: &mut Shared) {
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

    pub(super) fn committed(&mut self, shared: &mut Shared, job: &Job, is_taken: bool) {
        self.committer.answered();
        if is_taken {
            self.lease.renew(since_boot(job.begun));
            let working = self.working;
            if let Some(lane) = self.lanes.iter_mut().find(|lane| Some(lane.asker.lane) == working) {
                lane.committed = job.commit.clone();
            }
            if let Some(lane) = working.filter(|_| job.commit.other_mapping.is_none()) {
                let view = GroupView { taken: Some(job.commit.promise), bound: None };
                self.input(shared, lane, Input::Group(view));
            }
            let lanes: Vec<u64> = self.lanes.iter().map(|lane| lane.asker.lane).collect();
            for lane in lanes {
                self.on_lane(shared, lane, super::super::lane::Lane::send);
            }
        }
        self.waited_for(shared, job.number, is_taken);
        self.serve(shared);
    }

    /// What the poll loop waits for has come, or will not come in time.
    pub(super) fn waited_for(&mut self, shared: &mut Shared, number: u64, is_taken: bool) {
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
}
