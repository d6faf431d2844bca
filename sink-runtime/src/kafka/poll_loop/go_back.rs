//! Reads partitions again from an earlier offset, where their lanes ask for it. IO: Kafka.

use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::Offset as KafkaOffset;
use tracing::{debug, error, warn};

use super::{PollLoop, is_early, soon};
use crate::record::{Offset, TopicPartition};
use crate::source::{Commit, Return, SourceError};

/// Longest wait for where a log begins.
const PATIENCE: Duration = Duration::from_secs(5);

impl PollLoop {
    /// Fulfils the wishes of all lanes at once.
    pub(super) fn go_back(&mut self) -> Result<(), SourceError> {
        if is_early(self.go_back_at) {
            return Ok(());
        }
        let open = self.feeds.iter().filter(|(_, feed)| feed.is_open());
        let mut ways: Vec<(TopicPartition, Return)> =
            open.filter_map(|(partition, feed)| Some((partition.clone(), feed.wish()?))).collect();
        if ways.is_empty() {
            return Ok(());
        }
        self.go_back_at = None;
        if let Err(error) = self.prepare(&mut ways) {
            warn!(%error, "cannot go back yet, it is tried again");
            self.go_back_at = Some(soon());
            return Ok(());
        }
        if !self.is_group_waiting()? {
            self.read_again(&ways);
        }
        Ok(())
    }

    /// Finds out what is left of the way, and commits where that must come first.
    fn prepare(&mut self, ways: &mut [(TopicPartition, Return)]) -> Result<(), KafkaError> {
        for (partition, way) in ways.iter_mut() {
            let topic = partition.topic.as_str();
            let (low, _) = self.consumer.fetch_watermarks(topic, partition.partition.0, PATIENCE)?;
            way.begin_at(Offset(low));
        }
        let commits: Vec<Commit> = ways.iter().filter_map(|(_, way)| way.commit.clone()).collect();
        self.committer.commit_and_wait(commits)
    }

    /// Gives the partitions up and takes them again by ourselves: what was fetched ahead is gone with the old queue.
    fn read_again(&mut self, ways: &[(TopicPartition, Return)]) {
        let partitions: Vec<TopicPartition> = ways.iter().map(|(partition, _)| partition.clone()).collect();
        self.resume(&partitions);
        let mut given_up = TopicPartitionList::with_capacity(ways.len());
        let mut taken = TopicPartitionList::with_capacity(ways.len());
        for (partition, way) in ways {
            if let Some(feed) = self.feeds.get_mut(partition) {
                feed.let_go();
            }
            let (topic, number) = (partition.topic.as_str(), partition.partition.0);
            given_up.add_partition(topic, number);
            taken.add_partition_offset(topic, number, KafkaOffset::Offset(way.offset.0)).unwrap_or_else(
                |error| error!(%error, %partition, "cannot set where a partition is read again"),
            );
        }
        if let Err(error) = self.consumer.incremental_unassign(&given_up) {
            debug!(%error, "cannot give partitions up to read them again");
        }
        for (partition, way) in ways {
            if let Some(feed) = self.feeds.get_mut(partition) {
                feed.take_up(&self.consumer, way.generation);
            }
        }
        if let Err(error) = self.consumer.incremental_assign(&taken) {
            // The next round of the group takes them away or hands them out anew.
            error!(%error, "cannot take partitions to read them again");
        }
    }
}
