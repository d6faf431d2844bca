//! Pure. What a simulated process reads, and how it goes back, as `kafka/poll_loop` does.

use std::time::Duration;

use super::{FeedState, Happening, NAP, Process, RETRY_AFTER, Then};
use crate::kafka::{Known, Passed};
use crate::pipeline::Input;
use crate::record::{Message, Offset};
use crate::schedules::commits::Purpose;
use crate::schedules::log::Logged;
use crate::schedules::world::{Event, Shared};
use crate::source::Return;

/// What the client library remembers of the partition's reading. That of the one before stays for a while.
#[derive(Debug)]
pub(super) struct Client {
    position: Known,
    forgets_at: Option<Duration>,
}

impl Default for Client {
    fn default() -> Self {
        Self { position: Known::Nothing, forgets_at: None }
    }
}

impl Client {
    fn position(&mut self, now: Duration) -> Known {
        if self.forgets_at.take_if(|at| now >= *at).is_some() {
            self.position = Known::Nothing;
        }
        self.position
    }

    fn took(&mut self, next: i64) {
        self.position = Known::Position(Offset(next));
    }
}

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
        let now = shared.agenda.now;
        if !feed.passed.is_own(|| self.client.position(now)) {
            lane.is_reading = true;
            shared.agenda.after(NAP, Event::Process(self.id, Happening::Messages(id)));
            return;
        }
        let most = usize::try_from(shared.agenda.pick(1..20)).unwrap();
        let (messages, more_at): (Vec<Message>, _) = match shared.log.read(feed.position, now, most) {
            Ok(logged) => {
                feed.position = logged.last().map_or(feed.position, |last| last.offset + 1);
                self.client.took(feed.position);
                (logged.iter().filter_map(Logged::message).collect(), Some(now))
            }
            Err(more_at) => (Vec::new(), more_at),
        };
        if let Some(last) = messages.last() {
            feed.passed.sent(last.offset);
            self.input(shared, id, Input::Messages(messages));
        } else if let Some(offset) = feed.passed.ahead(self.client.position(now)) {
            shared.counts.passed += 1;
            self.input(shared, id, Input::Passed(offset));
        } else if let Some(at) = more_at {
            lane.is_reading = true;
            shared.agenda.at(at, Event::Process(self.id, Happening::Messages(id)));
        }
    }

    /// Lets the client library begin to read from an offset, as soon as it has forgotten how far it was.
    pub(super) fn read_from(&mut self, shared: &mut Shared, position: i64) {
        if self.client.position != Known::Nothing {
            let delay = shared.agenda.span(0..200);
            self.client.forgets_at = Some(shared.agenda.now + delay);
        }
        if let Some(feed) = &mut self.feed {
            (feed.position, feed.passed) = (position, Passed::default());
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
        if way.is_overtaken(Offset(shared.log.low)) {
            self.revoked(shared, Then::TakeAnew);
            return;
        }
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
        let Some(lane) = lane.filter(|_| self.feed.is_some()) else {
            return;
        };
        if let Some(way) = lane.wish.take_if(|way| way.generation == generation) {
            self.read_from(shared, way.offset.0);
        } else if lane.wish.is_some() {
            shared.agenda.after(Duration::ZERO, Event::Process(self.id, Happening::GoBack(id)));
        }
        self.settle(shared);
    }
}
