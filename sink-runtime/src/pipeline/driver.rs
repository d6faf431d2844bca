//! Starts and ends lanes as partitions come and go, and commits what they have stored. IO: the ports.

mod finish;

use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::ask::Gate;
use super::curfew::Curfew;
use super::desk::Desk;
use super::headway::Headway;
use super::lane::Lane;
use super::lanes::{LaneHandle, Lanes};
use super::lookup::look_up;
use super::reach::GroupView;
use super::stall::{KnownReason, Stall};
use super::state::{Beginning, PartitionState, StateSettings};
use super::status::{Health, LaneStatus};
use super::store_watch::{StoreView, StoreWatch};
use crate::budget::Budget;
use crate::dead_letter::DeadLetters;
use crate::lease::Lease;
use crate::map::Mapper;
use crate::metrics::Metrics;
use crate::record::{Life, Topic, TopicPartition};
use crate::registry::{Owner, Registry, Sink, TopicRecord, topic_home};
use crate::source::{Assignment, Commit, Promise, Source, SourceError, SourceEvent, Unstarted};
use crate::throttle::Throttle;
use crate::writer::Writer;

/// How long a revoked partition may take to finish its one request.
const REVOKE_DEADLINE: Duration = Duration::from_secs(5);

/// How often lag and memory are measured.
const MEASURE_EVERY: Duration = Duration::from_secs(1);

/// What the pipeline works by.
#[derive(Clone, Debug)]
pub struct PipelineSettings {
    /// What each partition decides by.
    pub state: StateSettings,
    /// Time between commits.
    pub commit_delay: Duration,
    /// How long a partition waits before its first request where the last owner may still have one open.
    pub fencing_wait: Duration,
    /// How long stopping may take.
    pub drain_deadline: Duration,
}

/// Everything between the source and the store.
pub struct Pipeline<S, W, D> {
    /// Where messages come from.
    pub source: S,
    /// Where records go.
    pub writer: Arc<W>,
    /// Where rejected messages go.
    pub letters: Arc<D>,
    /// Whom the member works for.
    pub sink: Sink,
    /// How messages become records.
    pub mapper: Arc<Mapper>,
    /// What is measured.
    pub metrics: Metrics,
    /// What the outside is told.
    pub health: Arc<Health>,
    /// How much is held.
    pub budget: Arc<Budget>,
    /// How long the member may believe that its partitions are its own.
    pub lease: Arc<Lease>,
    /// What it works by.
    pub settings: PipelineSettings,
}

/// Why the pipeline ended other than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The source cannot go on.
    #[error("cannot read from kafka any more")]
    Source(#[source] SourceError),
    /// The source did not close as it should.
    #[error("cannot finish with kafka")]
    Close(#[source] SourceError),
    /// A lane ended by itself, which only a bug can cause.
    #[error("the lane of {partition} has ended by itself")]
    LaneEnded {
        /// The partition.
        partition: TopicPartition,
    },
    /// Requests were still under way at the deadline.
    #[error("{partitions} partitions had a request under way when the time to stop was over")]
    NotDrained {
        /// How many partitions.
        partitions: usize,
    },
}

/// What all lanes share.
struct Surroundings {
    store: StoreView,
    throttle: Arc<Throttle>,
}

impl<S: Source, W: Writer + Registry, D: DeadLetters> Pipeline<S, W, D> {
    /// Works until `stop`, then drains, commits and closes the source; `leaves` tells whether for good.
    ///
    /// # Errors
    /// The source failed for good, or a request was still under way at the deadline.
    pub async fn run(
        mut self,
        stop: CancellationToken,
        leaves: impl FnOnce() -> bool,
    ) -> Result<(), PipelineError> {
        let mut lanes = Lanes::default();
        let (watch, store) = StoreWatch::new(Arc::clone(&self.writer), Arc::clone(&self.health));
        // Ends with this function.
        let mut watching = JoinSet::new();
        watching.spawn(watch.run());
        let around = Surroundings { store, throttle: Arc::default() };
        let mut commit_tick = ticks(self.settings.commit_delay.max(Duration::from_millis(100)));
        let mut measure_tick = ticks(MEASURE_EVERY);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                event = self.source.next() => self.take(event, &mut lanes, &around).await?,
                () = self.lease.wanted() => self.source.commit(lanes.renewals()).await,
                _ = commit_tick.tick() => self.source.commit(lanes.commits()).await,
                _ = measure_tick.tick() => {
                    if let Some(partition) = lanes.ended_by_itself() {
                        return Err(PipelineError::LaneEnded { partition: partition.clone() });
                    }
                    self.measure(&lanes);
                    let now = Instant::now().into_std();
                    self.health.note_round(now, lanes.standstill(now, self.shared_reason()));
                }
            }
        }
        self.finish(lanes, leaves()).await
    }

    async fn take(
        &mut self,
        event: SourceEvent,
        lanes: &mut Lanes,
        around: &Surroundings,
    ) -> Result<(), PipelineError> {
        match event {
            SourceEvent::Joined => self.health.set_joined(),
            SourceEvent::Rebalanced { is_session_over } => {
                self.metrics.count_rebalance();
                if is_session_over {
                    self.health.set_session_over();
                }
            }
            SourceEvent::Assigned(assignments) => {
                for assignment in assignments {
                    self.start(assignment, lanes, around);
                }
            }
            SourceEvent::Revoking { partitions, answer } => {
                let deadline = Instant::now() + REVOKE_DEADLINE;
                self.revoke((&partitions, answer), lanes, deadline).await;
            }
            SourceEvent::Lost(partitions) => {
                for partition in &partitions {
                    warn!(topic = %partition.topic, partition = partition.partition.0, "a partition was lost");
                    lanes.retire(partition);
                    self.metrics.forget(partition);
                }
            }
            SourceEvent::Committed(commits) => self.committed(commits, lanes),
            SourceEvent::Ends(ends) => lanes.set_ends(ends),
            SourceEvent::Bounded { partition, offset } => lanes.bounded(&partition, offset),
            SourceEvent::Inquired { topic, cluster_id, answer } => {
                self.inquire(self.sink.owner(&cluster_id, &topic), &topic, answer);
            }
            SourceEvent::OffsetsExpired(partitions) => {
                lanes.expired = partitions.len();
                for (partition, reader) in partitions {
                    self.tell_without_offset(&partition, &reader);
                }
            }
            SourceEvent::Unstarted(unstarted) => lanes.unstarted = unstarted,
            SourceEvent::LostToRetention { partition, messages } => {
                error!(topic = %partition.topic, partition = partition.partition.0, messages, "retention deleted messages before they were read");
                self.metrics.count_lost(&partition, messages);
            }
            SourceEvent::Failed(error) => return Err(PipelineError::Source(error)),
        }
        Ok(())
    }

    /// Tells of a partition that was read in the group `reader`, and of which this group has no offset.
    fn tell_without_offset(&self, partition: &TopicPartition, reader: &str) {
        let (topic, number, group_id) = (&partition.topic, partition.partition.0, &self.sink.group_id);
        if Unstarted::without_offset(reader, group_id) == Unstarted::NeedsStart {
            error!(%topic, partition = number, reader, group_id, "a partition was read in another group, and this one has no offset for it, it is held: stop the sink, copy the offsets of the other group with kafka-consumer-groups --reset-offsets (--to-current --export, then --from-file; what is stored already is recognised), and start it; or put kafka.groupId back");
        } else {
            error!(%topic, partition = number, group_id, "the offsets of a partition that was read have expired, it is held: stop the sink, set them with kafka-consumer-groups --reset-offsets (what is stored already is recognised), and start it");
        }
    }

    fn start(&self, assignment: Assignment, lanes: &mut Lanes, around: &Surroundings) {
        let partition = assignment.partition.clone();
        if lanes.working.contains_key(&partition) {
            error!(%partition, "a partition was assigned twice");
            lanes.retire(&partition);
        }
        // The metadata says that this process committed last, and not that the store is done with its requests.
        let is_fenced = lanes.take_unsettled(&partition) || assignment.is_fenced;
        let progress = assignment.progress;
        info!(topic = %partition.topic, partition = partition.partition.0, offset = progress.point.offset.0, is_fenced, "a partition begins");
        let (curfew, bell) = Curfew::new();
        let life = assignment.lineage.committed();
        let committed = Commit {
            partition: partition.clone(),
            progress,
            life,
            is_clean: false,
            is_owner: !is_fenced,
            other_mapping: assignment.other_mapping.clone(),
            promise: Promise::first(assignment.reach),
            group_start: assignment.lineage.group_start,
        };
        let (status, status_seen) = watch::channel(LaneStatus::new(&committed));
        let (group, group_seen) = watch::channel(GroupView::default());
        let headway: Arc<Headway> = Arc::default();
        let gate = Gate {
            lease: Arc::clone(&self.lease),
            throttle: Arc::clone(&around.throttle),
            headway: Arc::clone(&headway),
            bell,
        };
        let lane = self.lane(assignment, is_fenced, (status, group_seen, gate), around);
        let before = lanes.retiring.remove(&partition);
        let task = tokio::spawn(async move {
            // Two requests must never meet on one entry.
            if let Some(Err(error)) = wait_for(before).await {
                error!(%error, "the last lane of the partition failed");
            }
            lane.run().await
        });
        let stall = Stall::new(Instant::now().into_std());
        let handle = LaneHandle {
            curfew,
            status: status_seen,
            group,
            headway,
            task,
            sent: None,
            committed,
            end: None,
            stall,
        };
        lanes.working.insert(partition, handle);
    }

    fn lane(
        &self,
        assignment: Assignment,
        is_fenced: bool,
        (status, group, gate): (watch::Sender<LaneStatus>, watch::Receiver<GroupView>, Gate),
        around: &Surroundings,
    ) -> Lane<W, D> {
        let is_bounded = !assignment.is_fenced;
        let Assignment { partition, lineage, progress, reach, other_mapping, messages, share, .. } =
            assignment;
        if other_mapping.is_some() && reach > progress.point.offset {
            info!(topic = %partition.topic, partition = partition.partition.0, reach = reach.0, "how far the last mapping has gone is found out first");
        }
        let fenced_until = is_fenced.then(|| (Instant::now() + self.settings.fencing_wait).into_std());
        let desk = Arc::new(Desk::new(&self.sink, self.mapper.template(), &partition, &lineage));
        // Nothing is mapped before the registry has told the life.
        let mapper = self.mapper.partition(&partition, Life::FIRST, progress.point.state);
        let random = SmallRng::from_rng(&mut rand::rng());
        let (life, is_admitted) = (lineage.committed(), false);
        let beginning =
            Beginning { progress, reach, is_bounded, other_mapping, fenced_until, life, is_admitted };
        Lane {
            state: PartitionState::new(self.settings.state, partition.clone(), mapper, beginning, random),
            partition,
            group_start: lineage.group_start,
            intake: messages,
            share,
            batch_bytes_max: self.settings.state.limits.bytes,
            writer: Arc::clone(&self.writer),
            desk,
            letters: Arc::clone(&self.letters),
            metrics: self.metrics.clone(),
            health: Arc::clone(&self.health),
            store: around.store.clone(),
            group,
            status,
            gate,
        }
    }

    /// Answers as soon as the store does, while everything else goes on.
    fn inquire(&self, owner: Owner, topic: &Topic, answer: oneshot::Sender<Option<TopicRecord>>) {
        let (registry, home) = (Arc::clone(&self.writer), topic_home(self.mapper.template(), topic));
        tokio::spawn(async move { look_up(&*registry, &home, &owner, answer).await });
    }

    fn committed(&self, commits: Vec<Commit>, lanes: &mut Lanes) {
        for commit in commits {
            self.metrics.set_committed(&commit.partition, commit.progress.point.offset.0);
            lanes.committed(commit);
        }
    }

    /// Finishes with partitions that the group takes away, until the deadline.
    async fn revoke(
        &self,
        (partitions, answer): (&[TopicPartition], oneshot::Sender<Vec<Commit>>),
        lanes: &mut Lanes,
        deadline: Instant,
    ) {
        let (commits, late) = lanes.drain(partitions, deadline).await;
        for partition in partitions {
            self.metrics.forget(partition);
        }
        let count = partitions.len();
        info!(partitions = count, late, "partitions are finished with");
        if answer.send(commits).is_err() {
            warn!("the time to commit for partitions that were taken away was over");
        }
    }

    /// Returns why all partitions may stand still, where that is known.
    fn shared_reason(&self) -> Option<KnownReason> {
        (!self.health.is_store_reachable()).then_some(KnownReason::StoreAway)
    }

    fn measure(&self, lanes: &Lanes) {
        let wall_ms = jiff::Timestamp::now().as_millisecond();
        for (partition, lane) in &lanes.working {
            let status = lane.status.borrow();
            let messages = lane.end.as_ref().map_or(0, |end| (end.offset.0 - status.answered_to.0).max(0));
            let oldest = status.oldest_timestamp_ms.or(status.stored_timestamp_ms.filter(|_| messages > 0));
            let age_ms = oldest.map_or(0, |oldest| wall_ms.saturating_sub(oldest).max(0));
            let age = Duration::from_millis(u64::try_from(age_ms).unwrap_or(0));
            self.metrics.set_lag(partition, messages, age.as_secs_f64());
        }
        let held = lanes.working.values().filter(|lane| lane.status.borrow().is_held).count();
        self.metrics.set_held(self.budget.held(), held + lanes.expired);
        for (reason, partitions) in lanes.waiting(self.shared_reason()) {
            self.metrics.set_waiting(reason, partitions);
        }
    }
}

fn ticks(every: Duration) -> tokio::time::Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

async fn wait_for(task: Option<JoinHandle<Commit>>) -> Option<Result<Commit, tokio::task::JoinError>> {
    match task {
        Some(task) => Some(task.await),
        None => None,
    }
}
