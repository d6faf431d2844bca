//! Reads partitions again from an earlier offset, where their lanes ask for it. IO: Kafka.

use std::collections::BTreeMap;

use rdkafka::TopicPartitionList;
use rdkafka::topic_partition_list::Offset as KafkaOffset;
use tokio::runtime::Handle;
use tracing::{debug, error, warn};

use super::{PollLoop, is_early, soon};
use crate::kafka::consumer_context::give_back;
use crate::kafka::ends::lows;
use crate::record::{Offset, TopicPartition};
use crate::source::{Commit, Return, SourceError};

impl PollLoop {
    /// Fulfils the wishes of all lanes at once.
    pub(super) fn go_back(&mut self, runtime: &Handle) -> Result<(), SourceError> {
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
        let overtaken = self.find_ways(&mut ways);
        if !overtaken.is_empty() {
            // What is lost is counted where partitions begin, from all that was ever committed.
            self.finish(&overtaken, runtime);
            self.end(overtaken);
        }
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

    /// Finds out what retention has left of each way; the wish of a partition that nobody tells of stays. Takes out and returns
    /// the partitions of which retention has taken what was never stored.
    fn find_ways(&mut self, ways: &mut Vec<(TopicPartition, Return)>) -> Vec<TopicPartition> {
        let partitions: Vec<TopicPartition> = ways.iter().map(|(partition, _)| partition.clone()).collect();
        let Shortened { overtaken, untold } = shorten(ways, &lows(&self.consumer, &partitions));
        let Some(first) = untold.first() else {
            return overtaken;
        };
        self.go_back_at = Some(soon());
        if let Some(attempts) = self.go_back_told.fail() {
            warn!(partitions = untold.len(), %first, attempts, "partitions cannot go back, nobody tells where they begin, they are asked again");
        }
        overtaken
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
        if let Err(error) = give_back(&self.consumer, &given_up) {
            debug!(%error, "cannot give partitions up to read them again");
        }
        for (partition, way) in ways {
            if let Some(feed) = self.feeds.get_mut(partition) {
                feed.take_up(&self.consumer, way.generation);
            }
        }
        self.take(&taken);
    }
}

/// Partitions that cannot go back as they wish.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shortened {
    /// Retention has taken what was never stored.
    overtaken: Vec<TopicPartition>,
    /// Nobody tells where they begin.
    untold: Vec<TopicPartition>,
}

/// Begins each way where its log does, if that is later; takes out those that this does not do for.
fn shorten(ways: &mut Vec<(TopicPartition, Return)>, lows: &BTreeMap<TopicPartition, Offset>) -> Shortened {
    let mut shortened = Shortened::default();
    ways.retain_mut(|(partition, way)| match lows.get(partition) {
        Some(low) if way.is_overtaken(*low) => {
            shortened.overtaken.push(partition.clone());
            false
        }
        Some(low) => {
            way.begin_at(*low);
            true
        }
        None => {
            shortened.untold.push(partition.clone());
            false
        }
    });
    shortened
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Shortened, shorten};
    use crate::record::{Offset, Partition, Topic, TopicPartition};
    use crate::source::Return;

    #[test]
    fn partition_goes_back_as_far_as_its_log_goes_unless_more_is_gone_than_was_stored() {
        let partition =
            |number| TopicPartition { topic: Topic::new("cameras"), partition: Partition(number) };
        let (offset, proven) = (Offset(10), Offset(20));
        let way = |number| (partition(number), Return { generation: 1, commit: None, offset, proven });
        let mut ways: Vec<_> = (0..5).map(way).collect();
        let lows = [(0, 4), (2, 15), (3, 20), (4, 21)];
        let lows = BTreeMap::from(lows.map(|(number, low)| (partition(number), Offset(low))));
        let left_out = Shortened { overtaken: vec![partition(4)], untold: vec![partition(1)] };
        assert_eq!(shorten(&mut ways, &lows), left_out);
        let begin: Vec<_> = ways.iter().map(|(at, back)| (at.partition.0, back.offset.0)).collect();
        assert_eq!(begin, [(0, 10), (2, 15), (3, 20)]);
    }
}
