//! Performs what one partition's state decides: asks the store, delivers letters, waits. IO: store, dead letters.
//!
//! A lane never cancels a request: a write that is dropped half-way leaves half-written records in the store.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::ask::ask;
use super::effect::{Effect, Input};
use super::request::Answer;
use super::state::PartitionState;
use super::status::LaneStatus;
use crate::budget::Share;
use crate::dead_letter::{DeadLetterError, DeadLetters, Letter};
use crate::metrics::{Metrics, PartitionMetrics};
use crate::record::TopicPartition;
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
    pub(super) state: PartitionState,
    pub(super) intake: Intake,
    pub(super) share: Share,
    pub(super) batch_bytes_max: usize,
    pub(super) writer: Arc<W>,
    pub(super) letters: Arc<D>,
    pub(super) metrics: Metrics,
    pub(super) status: watch::Sender<LaneStatus>,
    pub(super) stop: CancellationToken,
}

/// What is under way for a lane.
struct Flights {
    request: Pending<Answer>,
    letters: Pending<LetterAnswers>,
    is_stopped: bool,
}

impl<W: Writer, D: DeadLetters> Lane<W, D> {
    /// Works until it is told to stop and nothing is under way; returns what may be committed.
    pub(super) async fn run(mut self) -> Commit {
        let meters = self.metrics.partition(&self.partition);
        let mut flights = Flights { request: None, letters: None, is_stopped: false };
        let mut is_told = false;
        while !flights.is_stopped {
            let input = self.next_input(&mut flights, &mut is_told).await;
            let batch_bytes = self.share.batch_bytes_max().min(self.batch_bytes_max);
            self.state.set_batch_bytes(batch_bytes);
            for effect in self.state.step(now(), input) {
                self.perform(effect, &mut flights, &meters);
            }
            self.publish();
        }
        Commit {
            partition: self.partition,
            point: self.state.commit_point(),
            is_clean: self.state.is_clean(),
        }
    }

    async fn next_input(&mut self, flights: &mut Flights, is_told: &mut bool) -> Input {
        let due = self.state.due();
        tokio::select! {
            biased;
            () = self.stop.cancelled(), if !*is_told => {
                *is_told = true;
                Input::Stop
            }
            answer = landed(&mut flights.request) => Input::Answer(answer),
            answers = landed(&mut flights.letters) => Input::Letters(answers),
            Some(messages) = self.intake.next(), if self.state.wants_messages() => Input::Messages(messages),
            () = wait_until(due) => Input::Tick,
        }
    }

    fn perform(&self, effect: Effect, flights: &mut Flights, meters: &PartitionMetrics) {
        match effect {
            Effect::Send(request) => {
                let (writer, meters) = (Arc::clone(&self.writer), meters.clone());
                flights.request = Some(Box::pin(async move { ask(&*writer, request, &meters).await }));
            }
            Effect::Deliver(letters) => flights.letters = Some(self.deliver(letters)),
            Effect::Stored { bytes, timestamps_ms } => self.count_stored(bytes, &timestamps_ms, meters),
            Effect::Found(count) => {
                meters.duplicates.inc_by(count as u64);
                debug!(topic = %self.partition.topic, partition = self.partition.partition.0, count, "found records in the store already");
            }
            Effect::DeadLettered(count) => {
                meters.dead_letters.inc_by(count as u64);
            }
            Effect::Stopped => flights.is_stopped = true,
            Effect::Violated(invariant) => {
                self.metrics.count_violation(invariant);
                error!(topic = %self.partition.topic, partition = self.partition.partition.0, invariant = invariant.name(), "an invariant is broken");
                debug_assert!(false, "invariant {} is broken for {}", invariant.name(), self.partition);
            }
            Effect::Held { .. } | Effect::StoreFailing { .. } | Effect::LettersFailing(_) => {
                self.tell(effect);
            }
        }
    }

    fn tell(&self, effect: Effect) {
        let (topic, partition) = (self.partition.topic.as_str(), self.partition.partition.0);
        match effect {
            Effect::Held { offset, reason } => {
                error!(topic, partition, offset = offset.0, %reason, "a rejected message holds its partition");
            }
            // Often enough to be seen, rarely enough not to fill a disk in a long outage.
            Effect::StoreFailing { error, attempts } if attempts.is_power_of_two() => {
                warn!(topic, partition, attempts, %error, "the store failed, it is tried again");
            }
            Effect::StoreFailing { error, attempts } => {
                debug!(topic, partition, attempts, %error, "the store failed again");
            }
            Effect::LettersFailing(error) => {
                warn!(topic, partition, %error, "the dead-letter topic failed, it is tried again");
            }
            Effect::Send(_)
            | Effect::Deliver(_)
            | Effect::Stored { .. }
            | Effect::Found(_)
            | Effect::DeadLettered(_)
            | Effect::Violated(_)
            | Effect::Stopped => {}
        }
    }

    fn deliver(&self, letters: Vec<Letter>) -> Flight<LetterAnswers> {
        for letter in letters.iter().filter(|letter| letter.attempts == 0) {
            let (offset, reason) = (letter.message.offset.0, &letter.reason);
            info!(topic = %letter.from.topic, partition = letter.from.partition.0, offset, %reason, "a message goes to the dead-letter topic");
        }
        let port = Arc::clone(&self.letters);
        Box::pin(async move { port.deliver(letters).await })
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
            point: self.state.commit_point(),
            oldest_timestamp_ms: self.state.oldest_timestamp_ms(),
            is_held: self.state.is_held(),
            has_backlog: self.state.has_backlog(),
            known_reason: self.state.known_reason(),
            ..*status
        };
        self.status.send_if_modified(|status| {
            *status = next(status);
            false
        });
    }
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
