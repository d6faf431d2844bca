//! Takes partitions and gives them up, one change after another. IO: Kafka.

use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;
use rdkafka::topic_partition_list::Offset as KafkaOffset;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tracing::{error, warn};

use super::{PollLoop, is_early, soon};
use crate::kafka::consumer_context::Rebalance;
use crate::kafka::feed::Feed;
use crate::kafka::start::{Resolved, resolve};
use crate::kafka::start_rule::Start;
use crate::record::{Life, TopicPartition};
use crate::source::{Assignment, Commit, SourceError, SourceEvent};

/// How long the driver may take over partitions that are taken away; a little more than it allows itself.
const REVOKE_PATIENCE: Duration = Duration::from_secs(6);

impl PollLoop {
    /// Takes the changes in order, then begins what can begin.
    pub(super) fn rebalance(&mut self, runtime: &Handle) {
        while let Some(change) = self.consumer.context().next_rebalance() {
            self.cover.begin();
            match change {
                Rebalance::Assign(partitions) => {
                    self.unresolved.extend(partitions);
                    self.resolve_at = None;
                    self.assign();
                }
                Rebalance::Revoke { partitions, are_lost } => self.revoke(&partitions, are_lost, runtime),
            }
        }
        if !self.unresolved.is_empty() && !is_early(self.resolve_at) {
            self.assign();
        }
    }

    fn assign(&mut self) {
        let partitions = std::mem::take(&mut self.unresolved);
        let from = self.settings.start_from;
        let Resolved { starts, absent } =
            match resolve(&self.consumer, &partitions, from, &self.settings.signature) {
                Ok(resolved) => resolved,
                Err(error) => {
                    warn!(%error, "cannot find out where to begin, it is tried again");
                    self.unresolved = partitions;
                    self.resolve_at = Some(soon());
                    return;
                }
            };
        // Deleted, or so new that not every broker knows it: the group takes the one away, the other will be there.
        self.resolve_at = (!absent.is_empty()).then(soon);
        self.unresolved = absent;
        if let Err(error) = self.fit(starts.len()) {
            self.tell(SourceEvent::Failed(error));
            return;
        }
        let mut list = TopicPartitionList::with_capacity(starts.len());
        for (partition, start) in &starts {
            let Some(feed) = Feed::split(&self.consumer, partition, &self.budget) else {
                error!(%partition, "cannot split off the queue of a partition");
                continue;
            };
            self.feeds.insert(partition.clone(), feed);
            let offset = KafkaOffset::Offset(start.progress.point.offset.0);
            list.add_partition_offset(partition.topic.as_str(), partition.partition.0, offset)
                .unwrap_or_else(|error| error!(%error, %partition, "cannot set where a partition begins"));
        }
        if let Err(error) = self.consumer.incremental_assign(&list) {
            // Nothing would ever come of these partitions, and the group would go on as if they were read.
            let reason = format!("cannot take partitions: {error}");
            self.tell(SourceEvent::Failed(SourceError::Fatal { reason }));
            return;
        }
        self.unconfirmed.extend(starts);
        self.tell(SourceEvent::Joined);
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
            .map(|(partition, start)| Commit {
                partition: partition.clone(),
                progress: start.progress,
                is_clean: false,
                is_owner: !start.is_fenced,
            })
            .collect();
        if let Err(error) = self.committer.commit_and_wait(commits) {
            warn!(%error, "cannot commit where partitions begin, it is tried again");
            self.confirm_at = Some(soon());
            return;
        }
        self.confirm_at = None;
        let mut assignments = Vec::with_capacity(self.unconfirmed.len());
        for (partition, start) in std::mem::take(&mut self.unconfirmed) {
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
            let Start { progress, is_own_mapping, is_fenced, .. } = start;
            let life = Life::FIRST;
            assignments.push(Assignment {
                partition,
                life,
                progress,
                is_own_mapping,
                is_fenced,
                messages,
                share,
            });
        }
        self.tell(SourceEvent::Assigned(assignments));
    }

    pub(super) fn revoke(&mut self, partitions: &[TopicPartition], are_lost: bool, runtime: &Handle) {
        self.unresolved.retain(|partition| !partitions.contains(partition));
        self.unconfirmed.retain(|(partition, _)| !partitions.contains(partition));
        if are_lost {
            self.tell(SourceEvent::Lost(partitions.to_vec()));
        } else {
            let commits = self.last_commits(partitions, runtime);
            if let Err(error) = self.committer.commit_and_wait(commits) {
                warn!(%error, "cannot commit for partitions that are taken away");
            }
        }
        self.committer.forget();
        self.resume(partitions);
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            // The queue must be gone before the partition can come back with a new one.
            if self.feeds.remove(partition).is_some() {
                list.add_partition(partition.topic.as_str(), partition.partition.0);
            }
        }
        if let Err(error) = self.consumer.incremental_unassign(&list) {
            error!(%error, "cannot give partitions up");
        }
    }

    /// Asks the driver to finish with partitions; returns what it may still commit.
    fn last_commits(&self, partitions: &[TopicPartition], runtime: &Handle) -> Vec<Commit> {
        let is_open = |partition: &&TopicPartition| self.feeds.get(*partition).is_some_and(Feed::is_open);
        let partitions: Vec<TopicPartition> = partitions.iter().filter(is_open).cloned().collect();
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
