//! Performs what one partition's state decides: asks the store, delivers letters, waits. IO: store, dead letters.
//!
//! A lane never cancels a request: a write that is dropped half-way leaves half-written records in the store.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use tokio::sync::watch;
use tokio::time::sleep_until;
use tracing::{debug, error, info, warn};

use super::ask::{Gate, NotSent, ask};
use super::desk::Desk;
use super::effect::{Effect, Input, Refusal};
use super::reach::GroupView;
use super::request::{Answer, Request};
use super::standing::StoreSeen;
use super::state::PartitionState;
use super::status::{Health, LaneStatus};
use super::store_watch::StoreView;
use crate::budget::Share;
use crate::dead_letter::{DeadLetterError, DeadLetters, Letter};
use crate::metrics::{Metrics, PartitionMetrics};
use crate::progress::Progress;
use crate::record::TopicPartition;
use crate::registry::{GroupStart, Registry};
use crate::source::{Commit, Intake};
use crate::writer::Writer;

/// What is under way, and the slot that it lies in until it lands.
type Flight<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Pending<T> = Option<Flight<T>>;

/// One answer for each letter.
type LetterAnswers = Vec<Result<(), DeadLetterError>>;

/// One partition at work.
pub(super) struct Lane<W, D> {
    pub(super) partition: TopicPartition,
    pub(super) group_start: Option<GroupStart>,
    pub(super) state: PartitionState,
    pub(super) intake: Intake,
    pub(super) share: Share,
    pub(super) batch_bytes_max: usize,
    pub(super) writer: Arc<W>,
    pub(super) desk: Arc<Desk>,
    pub(super) letters: Arc<D>,
    pub(super) metrics: Metrics,
    pub(super) health: Arc<Health>,
    pub(super) store: StoreView,
    pub(super) group: watch::Receiver<GroupView>,
    pub(super) status: watch::Sender<LaneStatus>,
    pub(super) gate: Gate,
}

/// What is under way for a lane.
struct Flights {
    request: Pending<Answer>,
    letters: Pending<LetterAnswers>,
    is_stopped: bool,
}

impl<W: Writer + Registry, D: DeadLetters> Lane<W, D> {
    /// Works until it is told to stop and nothing is under way; returns what may be committed.
    pub(super) async fn run(mut self) -> Commit {
        let meters = self.metrics.partition(&self.partition);
        let mut flights = Flights { request: None, letters: None, is_stopped: false };
        self.store.seen.mark_changed();
        while !flights.is_stopped {
            let input = self.next_input(&mut flights).await;
            let batch_bytes = self.share.batch_bytes_max().min(self.batch_bytes_max);
            self.state.set_limits(batch_bytes, self.share.span_max());
            self.state.set_store_answering(self.health.is_store_reachable());
            for effect in self.state.step(now(), input) {
                self.perform(effect, &mut flights, &meters);
            }
            self.publish();
        }
        let last = self.commit(self.state.progress(), self.state.is_clean());
        Commit { promise: self.state.last_promise(), ..last }
    }

    fn commit(&self, progress: Progress, is_clean: bool) -> Commit {
        let (partition, life) = (self.partition.clone(), self.state.life());
        let (is_owner, other_mapping) = (self.state.is_owner(), self.state.other_mapping());
        let promise = self.state.promise();
        let group_start = self.group_start;
        Commit { partition, progress, life, is_clean, is_owner, other_mapping, promise, group_start }
    }

    async fn next_input(&mut self, flights: &mut Flights) -> Input {
        let due = self.state.due();
        tokio::select! {
            biased;
            until = self.gate.bell.next() => Input::Stop(until),
            seen = store_seen(&mut self.store.seen) => Input::Store(seen),
            view = group_view(&mut self.group) => Input::Group(view),
            answer = landed(&mut flights.request) => Input::Answer(answer),
            answers = landed(&mut flights.letters) => Input::Letters(answers),
            Some(arrival) = self.intake.next(), if self.state.wants_messages() => Input::from(arrival),
            () = wait_until(due) => Input::Tick,
        }
    }

    fn perform(&mut self, effect: Effect, flights: &mut Flights, meters: &PartitionMetrics) {
        self.tell(&effect);
        match effect {
            Effect::Send(request) => {
                self.gate.headway.begin();
                flights.request = Some(self.ask(request, meters));
            }
            Effect::BreakOff => self.gate.headway.break_off(),
            Effect::Deliver(letters) => flights.letters = Some(self.deliver(letters)),
            Effect::GoBack { progress, is_committed_first } => {
                let commit = is_committed_first.then(|| self.commit(progress, false));
                self.intake.go_back(&progress, commit);
            }
            Effect::Stored { bytes, timestamps_ms } => self.count_stored(bytes, &timestamps_ms, meters),
            Effect::Found(count) => add(&meters.duplicates, count),
            Effect::Rewritten(count) => add(&meters.rewrites, count),
            Effect::Expired(offsets) => add(&meters.expired, offsets.len()),
            Effect::DeadLettered(count) => add(&meters.dead_letters, count),
            Effect::Violated(invariant) => {
                self.metrics.count_violation(invariant);
                debug_assert!(false, "invariant {} is broken for {}", invariant.name(), self.partition);
            }
            Effect::StoreFailing { .. } | Effect::RegistryFailing { .. } | Effect::Missing { .. } => {
                self.store.look_again.notify_one();
            }
            Effect::CommitWanted => {
                // Whoever commits takes what is published.
                self.publish();
                self.gate.lease.ask();
            }
            Effect::Stopped => flights.is_stopped = true,
            Effect::Held { .. }
            | Effect::Flooded { .. }
            | Effect::Admitted(_)
            | Effect::Foreign(_)
            | Effect::Drains
            | Effect::Refused(_)
            | Effect::LettersFailing { .. } => {}
        }
    }

    fn tell(&self, effect: &Effect) {
        let (topic, partition) = (self.partition.topic.as_str(), self.partition.partition.0);
        match effect {
            Effect::Held { offset, reason } => {
                error!(topic, partition, offset = offset.0, %reason, "a rejected message holds its partition");
            }
            Effect::Drains => {
                info!(topic, partition, "records of the last mapping are waited for until they are safe");
            }
            Effect::Refused(refusal) => tell_refused(&self.partition, *refusal),
            Effect::Violated(invariant) => {
                error!(topic, partition, invariant = invariant.name(), "an invariant is broken");
            }
            Effect::GoBack { progress, .. } => {
                info!(topic, partition, offset = progress.point.offset.0, "the partition is read again");
            }
            Effect::Missing { count, offset } => {
                warn!(topic, partition, offset = offset.0, count, "the store does not show what it took");
            }
            Effect::Expired(offsets) => {
                let offset = offsets.first().map(|offset| offset.0);
                warn!(
                    topic,
                    partition,
                    offset,
                    count = offsets.len(),
                    "the bucket has deleted records by its policy before they were proven safe"
                );
            }
            // Often enough to be seen, rarely enough not to fill a disk in a long outage.
            Effect::StoreFailing { error, attempts } if attempts.is_power_of_two() => {
                warn!(topic, partition, attempts, %error, "the store failed, it is tried again");
            }
            Effect::StoreFailing { error, attempts } => {
                debug!(topic, partition, attempts, %error, "the store failed again");
            }
            Effect::Admitted(life) => self.desk.tell_admitted(*life),
            Effect::Foreign(owner) => self.desk.tell_foreign(owner),
            Effect::RegistryFailing { error, attempts } => self.desk.tell_failing(error, *attempts),
            Effect::Flooded { offset, reason, flood } => {
                error!(topic, partition, offset = offset.0, %reason, %flood, "too many messages are rejected, their partition is held until the mapping or the producer is mended");
            }
            Effect::LettersFailing { error, attempts } if attempts.is_power_of_two() => {
                if let Some(remedy) = error.obstacle.remedy() {
                    error!(topic, partition, attempts, %error, remedy, "a letter cannot be delivered and holds its partition");
                } else {
                    warn!(topic, partition, attempts, %error, "the dead-letter topic failed, it is tried again");
                }
            }
            Effect::LettersFailing { error, attempts } => {
                debug!(topic, partition, attempts, %error, "the dead-letter topic failed again");
            }
            Effect::Found(count) => debug!(topic, partition, count, "found records in the store already"),
            Effect::Rewritten(count) => debug!(topic, partition, count, "wrote records once more"),
            Effect::Send(_)
            | Effect::BreakOff
            | Effect::Deliver(_)
            | Effect::CommitWanted
            | Effect::Stored { .. }
            | Effect::DeadLettered(_)
            | Effect::Stopped => {}
        }
    }

    fn ask(&self, request: Request, meters: &PartitionMetrics) -> Flight<Answer> {
        let (writer, gate, meters) = (Arc::clone(&self.writer), self.gate.clone(), meters.clone());
        match request {
            Request::Registry(errand) => {
                let desk = Arc::clone(&self.desk);
                Box::pin(async move { Answer::Registry(desk.run(writer, errand, gate).await) })
            }
            Request::Survey(_)
            | Request::Check(_)
            | Request::Write(_)
            | Request::Probe(_)
            | Request::Mend(_)
            | Request::ReadBack(_) => Box::pin(async move { ask(&*writer, request, &gate, &meters).await }),
        }
    }

    fn deliver(&self, letters: Vec<Letter>) -> Flight<LetterAnswers> {
        let mut new = letters.iter().filter(|letter| letter.attempts == 0);
        if let Some(first) = new.next() {
            let (offset, reason, count) = (first.message.offset.0, &first.reason, 1 + new.count());
            info!(topic = %first.from.topic, partition = first.from.partition.0, offset, %reason, count, "rejected messages go to the dead-letter topic");
        }
        let (port, gate) = (Arc::clone(&self.letters), self.gate.clone());
        Box::pin(async move {
            match gate.admit_beside().await {
                Ok(()) => port.deliver(letters).await,
                // Without an answer each of them waits again.
                Err(NotSent) => Vec::new(),
            }
        })
    }

    fn count_stored(&self, bytes: usize, timestamps_ms: &[Option<i64>], meters: &PartitionMetrics) {
        meters.records_stored.inc_by(timestamps_ms.len() as u64);
        meters.bytes_stored.inc_by(bytes as u64);
        let wall_ms = Timestamp::now().as_millisecond();
        for age_ms in timestamps_ms.iter().flatten().map(|timestamp_ms| wall_ms.saturating_sub(*timestamp_ms))
        {
            meters
                .end_to_end
                .observe(std::time::Duration::from_millis(u64::try_from(age_ms).unwrap_or(0)).as_secs_f64());
        }
        let newest = timestamps_ms.iter().flatten().max().copied();
        self.status.send_if_modified(|status| {
            status.stored_timestamp_ms = newest.or(status.stored_timestamp_ms);
            false
        });
    }

    fn publish(&self) {
        let next = |status: &LaneStatus| LaneStatus {
            progress: self.state.progress(),
            life: self.state.life(),
            is_owner: self.state.is_owner(),
            other_mapping: self.state.other_mapping(),
            promise: self.state.promise(),
            answered_to: self.state.answered_to(),
            oldest_timestamp_ms: self.state.oldest_timestamp_ms(),
            is_held: self.state.is_held(),
            shown: self.state.shown(),
            has_backlog: self.state.has_backlog(),
            known_reason: self.state.known_reason(),
            stored_timestamp_ms: status.stored_timestamp_ms,
        };
        self.status.send_if_modified(|status| {
            *status = next(status);
            false
        });
    }
}

/// Waits for the next look at the store; one that shows nothing yet is none, whatever it is marked as.
async fn store_seen(seen: &mut watch::Receiver<Option<StoreSeen>>) -> StoreSeen {
    loop {
        if seen.changed().await.is_err() {
            return pending().await;
        }
        if let Some(store) = *seen.borrow_and_update() {
            return store;
        }
    }
}

/// Waits until the broker has taken or told something new; for ever where the lane has no driver any more.
async fn group_view(view: &mut watch::Receiver<GroupView>) -> GroupView {
    if view.changed().await.is_err() {
        return pending().await;
    }
    *view.borrow_and_update()
}

fn tell_refused(at: &TopicPartition, refusal: Refusal) {
    let (topic, partition) = (at.topic.as_str(), at.partition.0);
    match refusal {
        Refusal::StoreRestarted => {
            error!(
                topic,
                partition,
                "the store was restarted before records of the last mapping were safe, run the last mapping once more"
            );
        }
        Refusal::StoredBeyond { point, reach } => {
            error!(
                topic,
                partition,
                offset = point.0,
                reach = reach.0,
                "the last mapping may have stored records beyond the committed offset, which this one would store once more: run the last mapping until reach is committed (with onRejected DeadLetter where a message holds the partition), then change it"
            );
        }
    }
}

fn add(counter: &Counter, count: usize) {
    counter.inc_by(count as u64);
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Waits for what is under way; for ever where nothing is.
///
/// # Cancel safety
/// The future stays in its slot until it is ready.
async fn landed<T>(slot: &mut Pending<T>) -> T {
    let Some(flight) = slot.as_mut() else {
        return pending().await;
    };
    let output = flight.await;
    *slot = None;
    output
}

async fn wait_until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due.into()).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt as _;
    use tokio::sync::watch;

    use super::{StoreSeen, now, store_seen};
    use crate::store_start::StoreStart;

    #[tokio::test]
    async fn lane_that_begins_before_the_store_was_seen_wakes_when_it_is() {
        let (sender, mut view) = watch::channel(None);
        view.mark_changed();
        let mut waiting = Box::pin(store_seen(&mut view));
        assert!(waiting.as_mut().now_or_never().is_none(), "nothing was seen yet");
        let (start, uptime) = (StoreStart(7), Duration::from_secs(1));
        let seen = StoreSeen { start, asked_at: now(), seen_at: now(), uptime, block_records: None };
        sender.send(Some(seen)).unwrap();
        assert_eq!(waiting.await.start, start);
    }
}
