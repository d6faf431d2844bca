//! Pure. When and how a partition begins again from an earlier point.

use super::PartitionState;
use crate::ledger::Ledger;
use crate::pipeline::effect::{Effect, Refusal};
use crate::pipeline::standing::{Consequence, StoreSeen};
use crate::record::Offset;

/// Farthest that a record is looked for above its place: ten seconds.
const SLACK_US_MAX: u64 = 10_000_000;

/// How far back messages must come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Back {
    /// To the first one that the store does not show.
    ToMissing,
    /// To the safe point: the store was restarted.
    ToSafe,
}

impl PartitionState {
    /// Takes what was seen of the store.
    pub(super) fn see(&mut self, seen: StoreSeen, effects: &mut Vec<Effect>) {
        let has_nothing_beyond = self.is_proven() && self.missing == 0 && self.ledger.has_nothing_beyond();
        match self.standing.see(seen, self.ledger.commit_point(), has_nothing_beyond) {
            Consequence::None => {}
            Consequence::GoBack => self.going_back = Some(Back::ToSafe),
            Consequence::Refuse => effects.push(Effect::Refused(Refusal::StoreRestarted)),
        }
    }

    /// Begins again from an earlier point: everything above it comes again.
    pub(super) fn go_back(&mut self, effects: &mut Vec<Effect>) {
        let Some(back) = self.going_back.take() else {
            return;
        };
        let proven = self.ledger.commit_point();
        let progress = match back {
            Back::ToMissing => {
                self.history.go_back(proven.offset, proven.offset);
                self.standing.safety().go_back(proven);
                self.standing.progress(proven)
            }
            Back::ToSafe => {
                let (progress, outlived) = self.standing.restart();
                self.history.restart(progress.point.offset, proven.offset, outlived);
                progress
            }
        };
        let progress = self.history.complete(progress);
        self.ledger = Ledger::new(progress.point);
        self.mapper.go_back(progress.point.state);
        self.gathering.clear();
        self.work = None;
        self.outbox.clear();
        self.held.clear();
        self.proving.clear();
        self.missing = 0;
        self.gone_back_to = Some(progress.point.offset);
        effects.push(Effect::GoBack { progress, is_committed_first: back == Back::ToSafe });
    }

    /// Takes note of messages that retention deleted between the point gone back to and the first message that came.
    ///
    /// Each of them may have moved the places after it by one microsecond, and nobody can compute by how much any more.
    pub(super) fn note_gap(&mut self, first: Offset) {
        if let Some(point) = self.gone_back_to.take() {
            let gap = first.0.saturating_sub(point.0);
            self.slack_us = u64::try_from(gap).unwrap_or(0).min(SLACK_US_MAX);
            self.drift_us = self.slack_us;
        }
        if !self.history.was_proven(first) {
            self.slack_us = 0;
        }
    }
}
