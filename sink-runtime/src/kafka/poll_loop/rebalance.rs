//! Takes partitions and gives them up, one change after another. IO: Kafka.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;
use rdkafka::topic_partition_list::Offset as KafkaOffset;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::{PollLoop, RETRY_AFTER, is_early, soon};
use crate::kafka::consumer_context::{Rebalance, give_back, take};
use crate::kafka::feed::Feed;
use crate::kafka::start::{Known, Resolved, resolve};
use crate::kafka::start_rule::{Start, Truncated};
use crate::kafka::topic_ids::Sight;
use crate::record::{Topic, TopicPartition};
use crate::registry::Lineage;
use crate::source::{Assignment, Commit, Promise, SourceError, SourceEvent, Unstarted};

/// How long the driver may take over partitions that are taken away; a little more than it allows itself.
const REVOKE_PATIENCE: Duration = Duration::from_secs(6);

/// How many times as long as at first it is waited at most until brokers that do not tell are asked again.
const UNTOLD_WAITS: u32 = 8;

/// How long the registry's answer is waited for before the brokers are asked once more; also how often it is looked whether
/// somebody has set offsets that have expired.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);

impl PollLoop {
    /// Takes the changes in order, then begins what can begin.
    ///
    /// The group has its answer before anything is looked up. Until then the library keeps the session alive and hears of no
    /// rebalance, so that the brokers hold all other members up, for minutes: what it takes to find out where partitions
    /// begin must not be what the group waits for. Partitions are added as soon as that is known.
    pub(super) fn rebalance(&mut self, runtime: &Handle) -> Result<(), SourceError> {
        while let Some(change) = self.consumer.context().next_rebalance() {
            self.cover.begin();
            self.tell_rebalance(&change);
            match change {
                Rebalance::Assign(partitions) => {
                    self.take(&TopicPartitionList::new());
                    self.tell(SourceEvent::Joined);
                    self.wait_for_start(partitions, Unstarted::Unresolved);
                    self.resolve_at = None;
                }
                Rebalance::Revoke { partitions, are_lost } => self.revoke(&partitions, are_lost, runtime),
            }
        }
        let has_news = self.inquiries.hear();
        if !self.unresolved.is_empty() && (has_news || !is_early(self.resolve_at)) {
            self.assign()?;
        }
        Ok(())
    }

    /// Tells that the group has changed what is this member's; a round that leaves everything where it is tells nothing.
    fn tell_rebalance(&self, change: &Rebalance) {
        if let Some(is_session_over) = change.is_session_over() {
            self.tell(SourceEvent::Rebalanced { is_session_over });
        }
    }

    /// Finds out where partitions begin, as far as that can be told now.
    fn resolve(&mut self) -> Option<Vec<(TopicPartition, Start, Lineage)>> {
        let partitions: Vec<TopicPartition> = std::mem::take(&mut self.unresolved).into_keys().collect();
        let topics: Vec<Topic> = self.settings.topics.iter().map(|topic| Topic::new(topic)).collect();
        let sights = self.lives.sight(&topics);
        // Brokers that have just said nothing are not waited for a second time.
        let has_answer = sights.values().any(|sight| sight.partitions.is_some());
        let cluster_id = if has_answer { self.lives.cluster_id() } else { String::new() };
        let known = Known {
            from: self.settings.start_from,
            now: u64::try_from(Timestamp::now().as_second()).unwrap_or(0),
            signature: &self.settings.signature,
            cluster_id: &cluster_id,
            sights: &sights,
            registered: self.inquiries.answers(),
        };
        let Resolved { starts, absent, untold, unregistered, expired } =
            match resolve(&self.consumer, partitions.clone(), &known) {
                Ok(resolved) => resolved,
                Err(error) => {
                    if let Some(attempts) = self.resolve_told.fail() {
                        warn!(%error, attempts, "cannot find out where to begin, it is tried again");
                    }
                    self.wait_for_start(partitions, Unstarted::Unresolved);
                    self.resolve_at = Some(soon());
                    return None;
                }
            };
        // What the registry says may change: an answer is used once.
        self.inquiries.keep_answers(|topic| untold.iter().any(|partition| partition.topic == *topic));
        for partition in &unregistered {
            self.inquiries.ask(&partition.topic, &cluster_id, &self.events);
        }
        self.tell_untold(&untold, &sights);
        let wait = if !absent.is_empty() {
            RETRY_AFTER
        } else if !untold.is_empty() {
            // Each question may hold this thread up for seconds, and with it all other partitions.
            RETRY_AFTER * self.resolve_told.failures().min(UNTOLD_WAITS)
        } else {
            ANSWER_PATIENCE
        };
        // Those that are absent were deleted, or are so new that not every broker knows them.
        self.wait_for_start(absent, Unstarted::Absent);
        self.wait_for_start(untold, Unstarted::Untold);
        self.wait_for_start(unregistered, Unstarted::Unregistered);
        self.resolve_at = Some(Instant::now() + wait);
        let waiting = &self.unresolved;
        let mut now: BTreeMap<TopicPartition, String> = expired.into_iter().collect();
        let before = self.expired.iter().filter(|(partition, _)| waiting.contains_key(partition));
        // Until the registry has answered once more, nothing has changed.
        for (partition, group_id) in before {
            now.entry(partition.clone()).or_insert_with(|| group_id.clone());
        }
        for (partition, reader) in &now {
            let why = Unstarted::without_offset(reader, &self.settings.group_id);
            self.unresolved.insert(partition.clone(), why);
        }
        self.set_expired(now);
        Some(starts)
    }

    fn wait_for_start(&mut self, partitions: impl IntoIterator<Item = TopicPartition>, why: Unstarted) {
        self.unresolved.extend(partitions.into_iter().map(|partition| (partition, why)));
    }

    /// Tells how many partitions have not begun, and why, where that has changed.
    pub(super) fn tell_unstarted(&mut self) {
        let mut unstarted: BTreeMap<Unstarted, usize> = BTreeMap::new();
        let unconfirmed = self.unconfirmed.iter().map(|_| Unstarted::Unconfirmed);
        for why in self.unresolved.values().copied().chain(unconfirmed) {
            *unstarted.entry(why).or_default() += 1;
        }
        if self.unstarted != unstarted {
            self.unstarted.clone_from(&unstarted);
            self.tell(SourceEvent::Unstarted(unstarted));
        }
    }

    fn tell_untold(&mut self, untold: &[TopicPartition], sights: &HashMap<Topic, Sight>) {
        let Some(first) = untold.first() else {
            self.resolve_told.succeed();
            return;
        };
        let Some(attempts) = self.resolve_told.fail() else {
            return;
        };
        // One topic that nobody describes may hold others up: where a group begins at the latest depends on all of them.
        if let Some((topic, reason)) = sights.iter().find_map(|(topic, sight)| Some((topic, sight.reason()?)))
        {
            warn!(partitions = untold.len(), %first, %topic, reason, attempts, "brokers do not describe a topic, partitions wait for that, they are asked again");
        } else {
            warn!(partitions = untold.len(), %first, attempts, "brokers do not tell where partitions begin, they are asked again");
        }
    }

    fn set_expired(&mut self, expired: BTreeMap<TopicPartition, String>) {
        if self.expired != expired {
            self.expired = expired;
            self.tell(SourceEvent::OffsetsExpired(self.expired.clone().into_iter().collect()));
        }
    }

    /// Notices topics that the brokers do not know any more, or know as others.
    pub(super) fn look(&mut self, runtime: &Handle) {
        let over = self.lives.look(runtime);
        self.give_up(&over);
    }

    /// Gives up all partitions of topics whose life is over, without a commit.
    pub(super) fn give_up(&mut self, topics: &BTreeSet<Topic>) {
        let is_over = |partition: &&TopicPartition| {
            topics.contains(&partition.topic) && !self.ended.contains(*partition)
        };
        let partitions: Vec<TopicPartition> = self.feeds.keys().filter(is_over).cloned().collect();
        if partitions.is_empty() {
            return;
        }
        self.tell(SourceEvent::Lost(self.open_of(&partitions)));
        self.end(partitions);
    }

    /// Lets nothing more flow from or be committed for partitions, until they begin anew.
    pub(super) fn end(&mut self, partitions: Vec<TopicPartition>) {
        self.unconfirmed.retain(|(partition, ..)| !partitions.contains(partition));
        self.inquiries.forget_answers(&partitions);
        self.committer.forget();
        for partition in &partitions {
            if let Some(feed) = self.feeds.get_mut(partition) {
                feed.close();
            }
        }
        self.ended.extend(partitions);
    }

    /// Gives up what has ended, and finds out where it begins.
    pub(super) fn begin_anew(&mut self) -> Result<(), SourceError> {
        if self.ended.is_empty() || self.is_group_waiting()? {
            return Ok(());
        }
        let partitions: Vec<TopicPartition> = std::mem::take(&mut self.ended).into_iter().collect();
        self.drop_feeds(&partitions);
        self.wait_for_start(partitions, Unstarted::Unresolved);
        self.resolve_at = None;
        Ok(())
    }

    fn assign(&mut self) -> Result<(), SourceError> {
        let Some(starts) = self.resolve().filter(|starts| !starts.is_empty()) else {
            return Ok(());
        };
        // That took its time. What the group has taken away meanwhile must not be taken, and nothing be committed for it.
        if self.is_group_waiting()? {
            self.wait_for_start(starts.into_iter().map(|(partition, ..)| partition), Unstarted::Unresolved);
            self.resolve_at = None;
            return Ok(());
        }
        if let Err(error) = self.fit(starts.len()) {
            self.tell(SourceEvent::Failed(error));
            return Ok(());
        }
        let mut list = TopicPartitionList::with_capacity(starts.len());
        let mut replaced = BTreeSet::new();
        for (partition, start, lineage) in &starts {
            if self.lives.begin(&partition.topic, lineage.topic_id) {
                replaced.insert(partition.topic.clone());
            }
            let Some(feed) = Feed::split(&self.consumer, partition, &self.budget) else {
                error!(%partition, "cannot split off the queue of a partition");
                continue;
            };
            self.feeds.insert(partition.clone(), feed);
            let offset = KafkaOffset::Offset(start.progress.point.offset.0);
            list.add_partition_offset(partition.topic.as_str(), partition.partition.0, offset)
                .unwrap_or_else(|error| error!(%error, %partition, "cannot set where a partition begins"));
        }
        self.take(&list);
        self.unconfirmed.extend(starts);
        self.give_up(&replaced);
        Ok(())
    }

    /// Has the library take partitions to those that it has. Where it does not, nothing would ever come of them, and the
    /// group would go on as if they were read: the member ends.
    pub(super) fn take(&self, list: &TopicPartitionList) {
        if let Err(error) = take(&self.consumer, list) {
            let reason = format!("cannot take partitions: {error}");
            self.tell(SourceEvent::Failed(SourceError::Fatal { reason }));
        }
    }

    /// Checks that memory is enough for so many partitions more.
    fn fit(&self, more: usize) -> Result<(), SourceError> {
        let (partitions, partitions_max) = (self.feeds.len() + more, self.budget.plan().partitions_max);
        if partitions as u64 > partitions_max {
            return Err(SourceError::Outgrown { partitions, partitions_max });
        }
        Ok(())
    }

    /// Commits starts and lets messages flow.
    pub(super) fn confirm(&mut self) {
        if self.unconfirmed.is_empty() || is_early(self.confirm_at) {
            return;
        }
        let commits: Vec<Commit> = self
            .unconfirmed
            .iter()
            .map(|(partition, start, lineage)| Commit {
                partition: partition.clone(),
                progress: start.progress,
                life: lineage.committed(),
                is_clean: false,
                is_owner: !start.is_fenced,
                other_mapping: start.other_mapping.clone(),
                promise: Promise::first(start.reach),
                group_start: lineage.group_start,
            })
            .collect();
        if let Err(error) = self.committer.commit_and_wait(commits) {
            if let Some(attempts) = self.confirm_told.fail() {
                warn!(%error, attempts, "cannot commit where partitions begin, it is tried again");
            }
            self.confirm_at = Some(soon());
            return;
        }
        self.confirm_at = None;
        self.confirm_told.succeed();
        let taken_over = Instant::now();
        let mut assignments = Vec::with_capacity(self.unconfirmed.len());
        for (partition, start, lineage) in std::mem::take(&mut self.unconfirmed) {
            if let Some(Truncated { committed, end }) = start.truncated {
                error!(topic = %partition.topic, partition = partition.partition.0, committed = committed.0, end = end.0, "the log ends before what was committed: its end was lost, or the topic is another one; it is read from its start");
            }
            if start.lost > 0 {
                self.tell(SourceEvent::LostToRetention {
                    partition: partition.clone(),
                    messages: start.lost,
                });
            }
            let Some(feed) = self.feeds.get_mut(&partition) else {
                continue;
            };
            let (messages, share) = feed.open();
            let Start { progress, reach, other_mapping, is_fenced, .. } = start;
            if is_fenced && reach > progress.point.offset {
                self.bounds.expect(partition.clone(), taken_over);
            }
            assignments.push(Assignment {
                partition,
                lineage,
                progress,
                reach,
                other_mapping,
                is_fenced,
                messages,
                share,
            });
        }
        self.tell(SourceEvent::Assigned(assignments));
    }

    fn revoke(&mut self, partitions: &[TopicPartition], are_lost: bool, runtime: &Handle) {
        info!(partitions = partitions.len(), are_lost, "the group takes partitions away");
        self.unresolved.retain(|partition, _| !partitions.contains(partition));
        self.inquiries.forget_answers(partitions);
        self.unconfirmed.retain(|(partition, ..)| !partitions.contains(partition));
        let expired = self.expired.iter().filter(|(partition, _)| !partitions.contains(partition));
        self.set_expired(
            expired.map(|(partition, group_id)| (partition.clone(), group_id.clone())).collect(),
        );
        self.ended.retain(|partition| !partitions.contains(partition));
        if are_lost {
            self.tell(SourceEvent::Lost(partitions.to_vec()));
        } else {
            self.finish(partitions, runtime);
        }
        self.drop_feeds(partitions);
        self.consumer.context().forget_loss();
    }

    /// Lets the driver finish with partitions, and commits what has come of it.
    pub(super) fn finish(&self, partitions: &[TopicPartition], runtime: &Handle) {
        let commits = self.last_commits(partitions, runtime);
        if let Err(error) = self.committer.commit_and_wait(commits) {
            warn!(%error, "cannot commit for partitions that are taken away");
        }
    }

    fn drop_feeds(&mut self, partitions: &[TopicPartition]) {
        self.committer.forget();
        self.bounds.forget(partitions);
        self.resume(partitions);
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            // The queue must be gone before the partition can come back with a new one.
            if self.feeds.remove(partition).is_some() {
                list.add_partition(partition.topic.as_str(), partition.partition.0);
            }
        }
        if let Err(error) = give_back(&self.consumer, &list) {
            // The group would wait for the answer, and nothing would ever be given to this member again.
            let reason = format!("cannot give partitions up: {error}");
            self.tell(SourceEvent::Failed(SourceError::Fatal { reason }));
        }
    }

    fn open_of(&self, partitions: &[TopicPartition]) -> Vec<TopicPartition> {
        let is_open = |partition: &&TopicPartition| self.feeds.get(*partition).is_some_and(Feed::is_open);
        partitions.iter().filter(is_open).cloned().collect()
    }

    /// Asks the driver to finish with partitions; returns what it may still commit.
    fn last_commits(&self, partitions: &[TopicPartition], runtime: &Handle) -> Vec<Commit> {
        let partitions = self.open_of(partitions);
        if partitions.is_empty() {
            return Vec::new();
        }
        let (answer, answered) = oneshot::channel();
        self.tell(SourceEvent::Revoking { partitions, answer });
        let outcome = runtime.block_on(async { tokio::time::timeout(REVOKE_PATIENCE, answered).await });
        if let Ok(Ok(commits)) = outcome {
            return commits;
        }
        warn!("the driver did not finish with partitions that are taken away");
        Vec::new()
    }
}
