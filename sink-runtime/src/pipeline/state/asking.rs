//! Pure. What a partition asks the store for next: proof of what it took, or the next step of the records on their way.

use std::time::Instant;

use super::PartitionState;
use crate::pipeline::effect::Effect;
use crate::pipeline::request::Request;
use crate::pipeline::work::Work;

impl PartitionState {
    /// Sends the next request, if it is time for one.
    pub(super) fn request(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let is_early = |at: Option<Instant>| at.is_some_and(|at| now < at);
        let must_wait = is_early(self.resume_at) || is_early(self.fenced_until);
        if self.is_requesting || must_wait || self.going_back.is_some() || !self.standing.is_open() {
            return;
        }
        self.resume_at = None;
        let errand = self.upkeep.next(now, self.mapper.header_names());
        if errand.is_some() || !self.upkeep.is_admitted() {
            return self.send(errand.map(Request::Registry), effects);
        }
        let provable_at = self.standing.provable_at();
        if self.proving.due().is_some_and(|due| now >= due) && !is_early(provable_at) {
            self.ask_for_proof(now, effects);
            return;
        }
        if self.work.as_ref().is_none_or(Work::is_empty) {
            let history = &self.history;
            let due = self.gathering.take_due(now, self.settings.limits);
            self.work = due.map(|records| {
                Work::new(records, |offset| history.may_have_expired(offset))
                    .with_slack(self.slack_us, self.drift_us)
                    .doubted(self.cut.is_possible())
            });
        }
        if self.is_beyond_reach() {
            return;
        }
        if let Some(work) = self.work.as_mut().filter(|work| work.wants_beyond(now)) {
            work.look_beyond(self.gathering.places());
        }
        let request = self.work.as_mut().and_then(|work| work.next_request(&mut self.frontier));
        self.send(request, effects);
    }

    pub(super) fn ask_for_proof(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let question = self.proving.ask(now).map(Request::ReadBack);
        self.send(question, effects);
    }

    fn send(&mut self, request: Option<Request>, effects: &mut Vec<Effect>) {
        self.is_requesting = request.is_some();
        self.is_breakable = request.as_ref().is_some_and(Request::is_long_question);
        effects.extend(request.map(Effect::Send));
    }
}
