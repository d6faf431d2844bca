//! Reads partitions again from an earlier offset, where their lanes ask for it. IO: Kafka.

use std::collections::BTreeMap;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;
use rdkafka::topic_partition_list::Offset as KafkaOffset;
use tracing::{debug, error, warn};

use super::{PollLoop, is_early, soon};
use crate::kafka::ends::lows;
use crate::record::{Offset, TopicPartition};
use crate::source::{Commit, Return, SourceError};

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
        self.find_ways(&mut ways);
        let commits: Vec<Commit> = ways.iter().filter_map(|(_, way)| way.commit.clone()).collect();
        if let Err(error) = self.committer.commit_and_wait(commits) {
            if let Some(attempts) = self.go_back_told.fail() {
                warn!(%error, attempts, "cannot go back yet, it is tried again");
            }
            self.go_back_at = Some(soon());
            return Ok(());
        }
        if self.go_back_at.is_none() {
            self.go_back_told.succeed();
        }
        if !ways.is_empty() && !self.is_group_waiting()? {
            self.read_again(&ways);
        }
        Ok(())
    }

    /// Finds out what retention has left of each way; the wish of a partition that nobody tells of stays.
    fn find_ways(&mut self, ways: &mut Vec<(TopicPartition, Return)>) {
        let partitions: Vec<TopicPartition> = ways.iter().map(|(partition, _)| partition.clone()).collect();
        let untold = shorten(ways, &lows(&self.consumer, &partitions));
        let Some(first) = untold.first() else {
            return;
        };
        self.go_back_at = Some(soon());
        if let Some(attempts) = self.go_back_told.fail() {
            warn!(partitions = untold.len(), %first, attempts, "partitions cannot go back, nobody tells where they begin, they are asked again");
        }
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

/// Begins each way where its log does, if that is later; takes out and returns the partitions of which that is not known.
fn shorten(
    ways: &mut Vec<(TopicPartition, Return)>,
    lows: &BTreeMap<TopicPartition, Offset>,
) -> Vec<TopicPartition> {
    for (partition, way) in ways.iter_mut() {
        if let Some(low) = lows.get(partition) {
            way.begin_at(*low);
        }
    }
    ways.extract_if(.., |(partition, _)| !lows.contains_key(partition))
        .map(|(partition, _)| partition)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::shorten;
    use crate::record::{Offset, Partition, Topic, TopicPartition};
    use crate::source::Return;

    #[test]
    fn partition_that_nobody_tells_of_stays_and_the_others_go_back() {
        let partition =
            |number| TopicPartition { topic: Topic::new("cameras"), partition: Partition(number) };
        let way = |number| (partition(number), Return { generation: 1, commit: None, offset: Offset(10) });
        let mut ways: Vec<_> = (0..3).map(way).collect();
        let lows = BTreeMap::from([(partition(0), Offset(4)), (partition(2), Offset(15))]);
        assert_eq!(shorten(&mut ways, &lows), [partition(1)]);
        let begin: Vec<_> = ways.iter().map(|(at, back)| (at.partition.0, back.offset.0)).collect();
        assert_eq!(begin, [(0, 10), (2, 15)]);
    }
}
