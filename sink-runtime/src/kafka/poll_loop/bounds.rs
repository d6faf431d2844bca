//! Finds out how far an earlier owner can have gone, once it can go no further. IO: Kafka.
//!
//! What it has promised runs far ahead of what it can have been given: of a quiet topic for days. The end of the log tells
//! more, if it is asked for when an owner that is still at work has surely heard nothing of its group for too long.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use tracing::debug;

use super::PollLoop;
use crate::kafka::ends::highs;
use crate::kafka::feed::Feed;
use crate::lease::BELIEVED_FOR;
use crate::record::TopicPartition;
use crate::source::SourceEvent;

/// Time between attempts where nobody tells: the thread that asks has other things to do.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// Partitions of which that is to be found out, and when.
#[derive(Debug, Default)]
pub(super) struct Bounds(BTreeMap<TopicPartition, Instant>);

impl Bounds {
    /// Notes a partition that this member has taken over by a commit: from then on the group takes none of the earlier owner.
    pub(super) fn expect(&mut self, partition: TopicPartition, taken_over: Instant) {
        self.0.insert(partition, taken_over + BELIEVED_FOR);
    }

    pub(super) fn forget(&mut self, partitions: &[TopicPartition]) {
        self.0.retain(|partition, _| !partitions.contains(partition));
    }

    fn due(&self, now: Instant) -> Vec<TopicPartition> {
        self.0.iter().filter(|(_, at)| **at <= now).map(|(partition, _)| partition.clone()).collect()
    }
}

impl PollLoop {
    /// Tells of the partitions whose time has come.
    pub(super) fn bound(&mut self) {
        let now = Instant::now();
        let due = self.bounds.due(now);
        if due.is_empty() {
            return;
        }
        let mut told = highs(&self.consumer, &due);
        for partition in due {
            let is_open = self.feeds.get(&partition).is_some_and(Feed::is_open);
            let Some(offset) = told.remove(&partition).filter(|_| is_open) else {
                debug!(%partition, "nobody tells where a partition ends, it is asked again");
                self.bounds.0.insert(partition, now + RETRY_AFTER);
                continue;
            };
            self.bounds.0.remove(&partition);
            self.tell(SourceEvent::Bounded { partition, offset });
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::Bounds;
    use crate::lease::BELIEVED_FOR;
    use crate::record::{Partition, Topic, TopicPartition};

    #[test]
    fn end_of_the_log_counts_when_the_last_owner_believes_nothing_any_more() {
        let at = |number| TopicPartition { topic: Topic::new("cameras"), partition: Partition(number) };
        let (now, mut bounds) = (Instant::now(), Bounds::default());
        (0..3).for_each(|number| bounds.expect(at(number), now));
        bounds.forget(&[at(1)]);
        assert!(bounds.due(now).is_empty());
        assert_eq!(bounds.due(now + BELIEVED_FOR), [at(0), at(2)]);
    }
}
