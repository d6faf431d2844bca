//! Pure. How far a partition may go beyond its commit, and whether it may begin at all where another mapping has gone further.

use super::PartitionState;
use crate::pipeline::effect::{Effect, Refusal};
use crate::pipeline::reach::Beyond;
use crate::pipeline::work::Work;
use crate::record::{Message, Offset};
use crate::source::Promise;

impl PartitionState {
    /// Returns what a commit promises: how far members of the mapping that it names may have gone.
    #[must_use]
    pub fn promise(&self) -> Promise {
        let point = self.ledger.commit_point().offset;
        if self.standing.other_mapping().is_some() {
            return Promise::first(self.reach.inherited().max(point));
        }
        self.reach.promise(point)
    }

    /// Returns the same for the last commit: nothing more will be handed out.
    #[must_use]
    pub fn last_promise(&self) -> Promise {
        let point = self.ledger.commit_point().offset;
        let promise = self.promise();
        if self.standing.other_mapping().is_some() {
            return promise;
        }
        Promise { reach: self.reach.last(point), ..promise }
    }

    pub(super) fn receive(&mut self, messages: Vec<Message>) {
        for message in messages.first().into_iter().chain(messages.last()) {
            self.reach.read_message(message.offset);
        }
        self.gathering.receive(messages);
    }

    pub(super) fn pass(&mut self, offset: Offset) {
        self.reach.read(offset);
        self.gathering.pass(offset);
    }

    /// Moves on past what is no message. What is safe stays so, since nothing that could be stored lies between.
    pub(super) fn take_passed(&mut self) {
        if let Some(offset) = self.gathering.take_passed() {
            let before = self.ledger.commit_point();
            self.ledger.pass(offset);
            self.standing.safety().pass(before, self.ledger.commit_point());
        }
    }

    /// Refuses a partition in which members of another mapping may have stored messages beyond the commit.
    pub(super) fn judge_reach(&mut self, effects: &mut Vec<Effect>) {
        if !self.standing.is_unbounded() {
            return;
        }
        let point = self.ledger.commit_point();
        match self.reach.beyond(point.offset) {
            Beyond::Unknown => {}
            Beyond::Nothing => {
                self.standing.bounded(point);
                effects.extend(self.standing.other_mapping().map(|_| Effect::Drains));
            }
            Beyond::Perhaps(reach) => {
                self.standing.refuse();
                effects.push(Effect::Refused(Refusal::StoredBeyond { point: point.offset, reach }));
            }
        }
    }

    /// Promises more before it is needed, and less where nothing more will be handed out.
    pub(super) fn renew_promise(&mut self, effects: &mut Vec<Effect>) {
        // Before the entries are known to be ours nothing can be handed out, and a promise would tie their next owner.
        let hands_out = !self.is_stopping() && self.upkeep.is_admitted();
        if !hands_out || self.standing.other_mapping().is_some() {
            return;
        }
        if self.stands_still_at_hold() {
            self.reach.take_back(self.ledger.commit_point().offset);
        } else if self.reach.renew() {
            effects.push(Effect::CommitWanted);
        }
    }

    /// Tells whether the next records lie beyond what the broker has taken a promise for.
    pub(super) fn is_beyond_reach(&self) -> bool {
        let last = self.work.as_ref().and_then(Work::last);
        last.is_some_and(|last| !self.reach.covers(last))
    }

    /// Tells whether all letters lie within that.
    pub(super) fn may_deliver(&self) -> bool {
        self.outbox.last().is_none_or(|last| self.reach.covers(last))
    }

    /// Tells whether a rejected message holds the partition and all before it is done with: a mended mapping must be able to
    /// begin there, even if this member is killed.
    fn stands_still_at_hold(&self) -> bool {
        let has_work = self.work.as_ref().is_some_and(|work| !work.is_empty());
        let is_busy = has_work || self.gathering.records() > 0 || self.outbox.len() > 0;
        !self.held.is_empty() && !is_busy
    }
}
