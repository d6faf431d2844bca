//! `Lanes`: the lanes at work and those that finish, by their partition. IO: tasks.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tracing::error;

use super::curfew::Curfew;
use super::headway::Headway;
use super::reach::GroupView;
use super::stall::{Glimpse, KnownReason, Marks, Stall};
use super::status::LaneStatus;
use crate::record::{Offset, TopicPartition};
use crate::source::{Commit, End, Unstarted};

/// Part of the time to stop that is left for the last answer of the store: lanes ask for nothing more.
const LAST_ANSWER: Duration = Duration::from_secs(1);

/// How long a commit may go without the broker's answer before it is sent again.
const COMMIT_PATIENCE: Duration = Duration::from_secs(5);

/// A lane at work, as its driver sees it.
pub(super) struct LaneHandle {
    pub(super) curfew: Curfew,
    pub(super) status: watch::Receiver<LaneStatus>,
    pub(super) headway: Arc<Headway>,
    pub(super) group: watch::Sender<GroupView>,
    pub(super) task: JoinHandle<Commit>,
    pub(super) sent: Option<(Commit, Instant)>,
    pub(super) committed: Commit,
    pub(super) end: Option<End>,
    pub(super) stall: Stall,
}

/// The lanes by their partition.
#[derive(Default)]
pub(super) struct Lanes {
    pub(super) working: HashMap<TopicPartition, LaneHandle>,
    /// Lanes without a partition that still have a request under way; the next lane of the partition waits for it.
    pub(super) retiring: HashMap<TopicPartition, JoinHandle<Commit>>,
    /// Number of partitions that no lane can work on, because nobody knows where they stand.
    pub(super) expired: usize,
    /// Number of partitions that have no lane yet, by the reason.
    pub(super) unstarted: BTreeMap<Unstarted, usize>,
    /// Partitions that were given up while a request of ours may still have been at work in the store.
    unsettled: HashSet<TopicPartition>,
}

impl LaneHandle {
    /// Returns what the lane has come to, as a commit while it works.
    fn current(&self, partition: &TopicPartition) -> Commit {
        let LaneStatus { progress, life, is_owner, other_mapping, promise, .. } =
            self.status.borrow().clone();
        let (partition, is_clean) = (partition.clone(), false);
        let group_start = self.committed.group_start;
        Commit { partition, progress, life, is_clean, is_owner, other_mapping, promise, group_start }
    }

    /// Returns why the partition may stand still; `shared` is a reason that holds for all. What its request waits for
    /// now goes before what it knew when it decided on the request, and brokers that are away before a wait for the group,
    /// which they explain for as long as they are.
    fn known_reason(&self, shared: Option<KnownReason>) -> Option<KnownReason> {
        let known = self.headway.held().or_else(|| self.status.borrow().known_reason).or(shared);
        let is_away = self.end.as_ref().is_some_and(|end| end.is_away);
        let is_explained = |reason: &KnownReason| !is_away || reason.limit().is_none();
        known.filter(is_explained).or(is_away.then_some(KnownReason::KafkaAway))
    }

    /// Returns what the partition shows now.
    fn glimpse(&self, shared: Option<KnownReason>) -> Glimpse {
        // Two borrows at once would wait for each other where the lane wants to write between them.
        let known_reason = self.known_reason(shared);
        let status = self.status.borrow();
        let marks = Marks {
            committable: status.progress.point.offset,
            answered_to: status.answered_to,
            shown: status.shown,
        };
        let has_unread = self.end.as_ref().is_some_and(|end| end.has_unread);
        let has_backlog = status.has_backlog || has_unread;
        Glimpse { marks, parts: self.headway.parts(), has_backlog, known_reason }
    }
}

impl Lanes {
    /// Returns what the broker has not taken yet.
    pub(super) fn commits(&mut self) -> Vec<Commit> {
        let now = Instant::now();
        let mut commits = Vec::new();
        for (partition, lane) in &mut self.working {
            let commit = lane.current(partition);
            let is_under_way = lane.sent.as_ref().is_some_and(|(sent, at)| {
                !sent.is_behind(&commit) && now.duration_since(*at) < COMMIT_PATIENCE
            });
            if !lane.committed.is_behind(&commit) || is_under_way {
                continue;
            }
            lane.sent = Some((commit.clone(), now));
            commits.push(commit);
        }
        commits
    }

    /// Returns commits that only tell the group that this member is there, although there may be nothing new.
    pub(super) fn renewals(&mut self) -> Vec<Commit> {
        let commits = self.commits();
        if !commits.is_empty() {
            return commits;
        }
        self.working.iter().next().map(|(partition, lane)| lane.current(partition)).into_iter().collect()
    }

    /// Returns a partition whose lane ended without being told to.
    pub(super) fn ended_by_itself(&self) -> Option<&TopicPartition> {
        self.working.iter().find(|(_, lane)| lane.task.is_finished()).map(|(partition, _)| partition)
    }

    /// Returns how long the partition that stands still longest has done so without a known reason; `shared` is a reason
    /// that holds for all.
    pub(super) fn standstill(&mut self, now: std::time::Instant, shared: Option<KnownReason>) -> Duration {
        let look = |lane: &mut LaneHandle| {
            let glimpse = lane.glimpse(shared);
            lane.stall.look(now, glimpse)
        };
        self.working.values_mut().map(look).max().unwrap_or_default()
    }

    /// Returns how many partitions wait for each reason that there is, by its name.
    pub(super) fn waiting(&self, shared: Option<KnownReason>) -> impl Iterator<Item = (&'static str, usize)> {
        let mut known: BTreeMap<KnownReason, usize> = BTreeMap::new();
        for reason in self.working.values().filter_map(|lane| lane.known_reason(shared)) {
            *known.entry(reason).or_default() += 1;
        }
        let known = KnownReason::ALL
            .iter()
            .map(move |reason| (reason.name(), known.get(reason).copied().unwrap_or_default()));
        let unstarted = Unstarted::ALL
            .iter()
            .map(|reason| (reason.name(), self.unstarted.get(reason).copied().unwrap_or_default()));
        known.chain(unstarted)
    }

    /// Notes what the broker has taken.
    pub(super) fn committed(&mut self, commit: Commit) {
        let Some(lane) = self.working.get_mut(&commit.partition) else {
            return;
        };
        // One in another mapping's name promises nothing of this one.
        let taken = commit.other_mapping.is_none().then_some(commit.promise);
        lane.group.send_if_modified(|view| {
            let is_new = taken.is_some() && view.taken != taken;
            view.taken = taken.or(view.taken);
            is_new
        });
        lane.committed = commit;
    }

    /// Notes that no earlier owner of a partition can have been given a message at or above an offset.
    pub(super) fn bounded(&mut self, partition: &TopicPartition, offset: Offset) {
        if let Some(lane) = self.working.get(partition) {
            lane.group.send_modify(|view| view.bound = Some(offset));
        }
    }

    /// Notes where partitions end.
    pub(super) fn set_ends(&mut self, ends: Vec<End>) {
        for end in ends {
            if let Some(lane) = self.working.get_mut(&end.partition) {
                lane.end = Some(end);
            }
        }
    }

    /// Tells a lane to stop, with nothing to prove any more, and leaves it to finish by itself.
    pub(super) fn retire(&mut self, partition: &TopicPartition) {
        if let Some(lane) = self.working.remove(partition) {
            lane.curfew.set(Instant::now().into_std());
            self.unsettled.insert(partition.clone());
            self.retiring.insert(partition.clone(), lane.task);
        }
        self.retiring.retain(|_, task| !task.is_finished());
    }

    /// Tells whether a request of an earlier lane may still be at work, and forgets that.
    pub(super) fn take_unsettled(&mut self, partition: &TopicPartition) -> bool {
        self.unsettled.remove(partition)
    }

    /// Tells lanes to stop, and to prove what they wrote as long as the deadline allows.
    pub(super) fn stop(&self, partitions: &[TopicPartition], deadline: Instant) {
        let until = deadline.checked_sub(LAST_ANSWER).unwrap_or(deadline);
        for lane in partitions.iter().filter_map(|partition| self.working.get(partition)) {
            lane.curfew.set(until.into_std());
        }
    }

    /// Waits until no lane is at work any more, with a partition or without.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub(super) async fn have_ended(&mut self) {
        for lane in self.working.values() {
            lane.curfew.is_unheard().await;
        }
        while let Some((partition, task)) = self.retiring.iter_mut().next() {
            // What it has come to is not ours to commit: somebody else may own the partition.
            if let Err(error) = task.await {
                error!(%partition, %error, "a lane failed");
            }
            let partition = partition.clone();
            self.retiring.remove(&partition);
        }
    }

    /// Returns how many lanes without a partition still have a request under way.
    pub(super) fn late(&self) -> usize {
        self.retiring.values().filter(|task| !task.is_finished()).count()
    }

    /// Stops lanes; returns what may be committed, and how many were not done at the deadline.
    pub(super) async fn drain(
        &mut self,
        partitions: &[TopicPartition],
        deadline: Instant,
    ) -> (Vec<Commit>, usize) {
        self.stop(partitions, deadline);
        let stopping: Vec<(TopicPartition, LaneHandle)> =
            partitions.iter().filter_map(|partition| self.working.remove_entry(partition)).collect();
        let mut late = 0;
        let mut commits = Vec::with_capacity(stopping.len());
        for (partition, mut lane) in stopping {
            match timeout_at(deadline, &mut lane.task).await {
                Ok(Ok(commit)) => commits.push(commit),
                Ok(Err(error)) => error!(%partition, %error, "a lane failed"),
                Err(_elapsed) => {
                    late += 1;
                    commits.push(lane.current(&partition));
                    self.retiring.insert(partition, lane.task);
                }
            }
        }
        let unclean = commits.iter().filter(|commit| !commit.is_clean);
        self.unsettled.extend(unclean.map(|commit| commit.partition.clone()));
        (commits, late)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::sync::watch;
    use tokio::time::{Instant, timeout_at};

    use super::{LaneHandle, Lanes};
    use crate::ledger::CommitPoint;
    use crate::pipeline::curfew::Curfew;
    use crate::pipeline::headway::{Gatekeeper, Headway};
    use crate::pipeline::reach::GroupView;
    use crate::pipeline::stall::{GROUP_WAIT_MAX, KnownReason, Stall};
    use crate::pipeline::status::LaneStatus;
    use crate::progress::Progress;
    use crate::record::{Offset, Partition, Topic, TopicPartition};
    use crate::source::{Commit, End, Promise, Unstarted};

    /// How long the only lane has not moved.
    const STILL: Duration = Duration::from_mins(5);

    fn partition(number: i32) -> TopicPartition {
        TopicPartition { topic: Topic::new("cameras"), partition: Partition(number) }
    }

    /// Returns a lane that has stood still since `since`, and what tells how its request gets on.
    fn lane(number: i32, (has_unread, is_away): (bool, bool), since: Instant) -> (LaneHandle, Arc<Headway>) {
        let partition = partition(number);
        let progress = Progress::at(CommitPoint { offset: Offset(5), state: None });
        let committed = Commit {
            partition: partition.clone(),
            progress,
            life: None,
            other_mapping: None,
            is_clean: false,
            is_owner: true,
            promise: Promise::first(Offset(5)),
            group_start: None,
        };
        let (_status, status) = watch::channel(LaneStatus::new(&committed));
        let headway: Arc<Headway> = Arc::default();
        let handle = LaneHandle {
            curfew: Curfew::new().0,
            status,
            headway: Arc::clone(&headway),
            group: watch::channel(GroupView::default()).0,
            task: tokio::spawn(std::future::pending()),
            sent: None,
            committed,
            end: Some(End { partition, offset: Offset(9), has_unread, is_away }),
            stall: Stall::new(since.into_std()),
        };
        (handle, headway)
    }

    fn now() -> std::time::Instant {
        Instant::now().into_std()
    }

    fn long_ago() -> Instant {
        Instant::now().checked_sub(STILL).unwrap()
    }

    fn standstill(has_unread: bool, is_away: bool) -> Duration {
        let mut lanes = Lanes::default();
        lanes.working.insert(partition(0), lane(0, (has_unread, is_away), long_ago()).0);
        lanes.standstill(now(), None)
    }

    #[tokio::test]
    async fn messages_that_cannot_be_read_because_kafka_is_away_are_no_standstill() {
        assert!(standstill(true, false) >= STILL);
        assert_eq!(standstill(true, true), Duration::ZERO);
        assert_eq!(standstill(false, false), Duration::ZERO);
    }

    #[tokio::test]
    async fn request_that_waits_excuses_its_own_partition_and_no_other() {
        for gatekeeper in [Gatekeeper::Throttle, Gatekeeper::Lease] {
            let mut lanes = Lanes::default();
            let (waits, headway) = lane(0, (true, false), long_ago());
            let _waiting = headway.wait_for(gatekeeper);
            lanes.working.insert(partition(0), waits);
            assert_eq!(lanes.standstill(now(), None), Duration::ZERO);
            lanes.working.insert(partition(1), lane(1, (true, false), long_ago()).0);
            assert!(lanes.standstill(now(), None) >= STILL, "{gatekeeper:?}");
        }
    }

    #[tokio::test]
    async fn every_partition_that_waits_is_counted_by_its_reason_with_a_lane_or_without() {
        let mut lanes = Lanes::default();
        let (waits, headway) = lane(0, (true, false), Instant::now());
        let _waiting = headway.wait_for(Gatekeeper::Throttle);
        lanes.working.insert(partition(0), waits);
        lanes.working.insert(partition(1), lane(1, (true, true), Instant::now()).0);
        lanes.working.insert(partition(2), lane(2, (true, false), Instant::now()).0);
        lanes.unstarted = BTreeMap::from([(Unstarted::Absent, 3)]);
        let all: Vec<_> = lanes.waiting(None).collect();
        let some: Vec<_> = all.iter().copied().filter(|(_, count)| *count > 0).collect();
        assert_eq!(some, [("kafka_away", 1), ("turn", 1), ("absent", 3)]);
        let names: HashSet<&str> = all.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), KnownReason::ALL.len() + Unstarted::ALL.len(), "each has a name of its own");
    }

    #[tokio::test]
    async fn lane_of_a_lost_partition_is_waited_for_and_never_committed() {
        let (mut lanes, deadline) = (Lanes::default(), Instant::now() + Duration::from_millis(50));
        lanes.working.insert(partition(0), lane(0, (true, false), Instant::now()).0);
        lanes.retire(&partition(0));
        let (commits, late) = lanes.drain(&[partition(0)], deadline).await;
        assert_eq!((commits.len(), late), (0, 0));
        assert!(timeout_at(deadline, lanes.have_ended()).await.is_err(), "its request is under way");
        assert_eq!(lanes.late(), 1);
        for task in lanes.retiring.values() {
            task.abort();
        }
        lanes.have_ended().await;
        assert_eq!(lanes.late(), 0);
    }

    /// Returns how long a lane has stood still that waits for the lease all the time, looked at each second.
    fn standstill_without_lease(is_away: bool) -> Duration {
        let (begun, mut lanes) = (Instant::now(), Lanes::default());
        let (waits, headway) = lane(0, (true, is_away), begun);
        let _waiting = headway.wait_for(Gatekeeper::Lease);
        lanes.working.insert(partition(0), waits);
        let seconds = (0..=STILL.as_secs()).map(Duration::from_secs);
        seconds.map(|after| lanes.standstill(begun.into_std() + after, None)).last().unwrap()
    }

    #[tokio::test]
    async fn lease_that_nobody_can_renew_is_a_standstill_unless_kafka_is_away() {
        // The last look that found a reason was one second before the patience ended.
        let last_excused = GROUP_WAIT_MAX.saturating_sub(Duration::from_secs(1));
        assert_eq!(standstill_without_lease(false) + last_excused, STILL);
        assert_eq!(standstill_without_lease(true), Duration::ZERO);
    }
}
