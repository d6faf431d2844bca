//! Drops the queues of partitions that stand still where memory runs short. IO: Kafka, the allocator.
//!
//! A fetch response stays in memory as a whole until its last message is taken, whichever partition that is: one
//! partition that stands still with small messages can keep hundreds of large responses alive while the others go on.
//! Pausing it throws its queue away; when it has room again, it is fetched anew from where it stood.

use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;
use tokio::time::Instant;
use tracing::{debug, error, info};

use super::{PollLoop, is_early};
use crate::kafka::feed::Feed;
use crate::memory::allocated_bytes;
use crate::record::TopicPartition;

/// How often memory is measured.
const MEASURE_EVERY: Duration = Duration::from_millis(50);

impl PollLoop {
    /// Pauses what stands still where memory runs short, and resumes what has room again.
    pub(super) fn relieve(&mut self) {
        let ready = self.feeds.iter().filter(|(_, feed)| feed.is_paused() && feed.has_room());
        let ready: Vec<TopicPartition> = ready.map(|(partition, _)| partition.clone()).collect();
        self.resume(&ready);
        if is_early(self.measure_at) {
            return;
        }
        self.measure_at = Some(Instant::now() + MEASURE_EVERY);
        let limit = self.budget.plan().pressure_bytes;
        let Some(allocated) = allocated_bytes().filter(|allocated| *allocated > limit) else {
            return;
        };
        let stuck = self.feeds.iter().filter(|(_, feed)| !feed.is_paused() && !feed.has_room());
        let stuck: Vec<TopicPartition> = stuck.map(|(partition, _)| partition.clone()).collect();
        if stuck.is_empty() {
            return;
        }
        let partitions = stuck.len();
        let message =
            "memory runs short, what partitions that stand still have queued is dropped and read again later";
        if self.feeds.values().any(Feed::is_paused) {
            debug!(partitions, allocated, limit, "{message}");
        } else {
            info!(partitions, allocated, limit, "{message}");
        }
        if let Err(error) = self.consumer.pause(&list_of(&stuck)) {
            error!(%error, "cannot drop the queues of partitions that stand still");
            return;
        }
        self.mark_paused(&stuck, true);
    }

    /// Lets paused partitions be fetched again. librdkafka would keep them paused through a rebalance, too.
    pub(super) fn resume(&mut self, partitions: &[TopicPartition]) {
        let is_paused = |partition: &&TopicPartition| self.feeds.get(*partition).is_some_and(Feed::is_paused);
        let paused: Vec<TopicPartition> = partitions.iter().filter(is_paused).cloned().collect();
        if paused.is_empty() {
            return;
        }
        match self.consumer.resume(&list_of(&paused)) {
            Ok(()) => self.mark_paused(&paused, false),
            Err(error) => error!(%error, "cannot resume partitions, it is tried again"),
        }
    }

    fn mark_paused(&mut self, partitions: &[TopicPartition], is_paused: bool) {
        for partition in partitions {
            if let Some(feed) = self.feeds.get_mut(partition) {
                feed.set_paused(is_paused);
            }
        }
    }
}

fn list_of(partitions: &[TopicPartition]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition(partition.topic.as_str(), partition.partition.0);
    }
    list
}
