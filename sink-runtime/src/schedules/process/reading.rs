//! Pure. What a simulated process reads, and how it goes back, as `kafka/poll_loop` does.

use std::time::Duration;

use super::{FeedState, Happening, NAP, Process, RETRY_AFTER, Then};
use crate::pipeline::Input;
use crate::record::Offset;
use crate::schedules::commits::Purpose;
use crate::schedules::log::Logged;
use crate::schedules::world::{Event, Shared};
use crate::source::Return;

impl Process {
    pub(super) fn read(&mut self, shared: &mut Shared, id: u64) {
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
                let messages = messages.iter().map(Logged::message).collect();
                self.input(shared, id, Input::Messages(messages));
            }
            Err(Some(at)) => {
                lane.is_reading = true;
                shared.agenda.at(at, Event::Process(self.id, Happening::Messages(id)));
            }
            Err(None) => {}
        }
    }

    pub(super) fn go_back(&mut self, shared: &mut Shared, id: u64) {
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
        *wish = Return { offset: way.offset, ..wish.clone() };
        match way.commit {
            Some(commit) => self.submit(shared, commit, Purpose::GoBack(id, generation)),
            None => self.read_again(id, generation, shared),
        }
    }

    pub(super) fn read_again(&mut self, id: u64, generation: u64, shared: &mut Shared) {
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
}
