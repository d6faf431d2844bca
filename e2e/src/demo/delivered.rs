//! Pure but for its own memory. How far each topic is filled, while messages are still produced.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::group::Ends;

/// What the brokers have taken so far, by topic.
#[derive(Debug, Default)]
pub struct Delivered {
    topics: Mutex<BTreeMap<&'static str, Topic>>,
}

/// What the brokers have taken of one topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topic {
    /// The offset after the highest one, by partition.
    pub ends: Ends,
    /// How many messages.
    pub messages: u64,
}

impl Delivered {
    /// Notes one message.
    pub fn note(&self, topic: &'static str, partition: i32, offset: i64) {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let topic = topics.entry(topic).or_default();
        let end = topic.ends.entry(partition).or_insert(0);
        *end = (*end).max(offset + 1);
        topic.messages += 1;
    }

    /// Returns what the brokers have taken of a topic.
    #[must_use]
    pub fn of(&self, topic: &str) -> Topic {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        topics.get(topic).cloned().unwrap_or_default()
    }

    /// Returns how many messages of all topics the brokers have taken.
    #[must_use]
    pub fn messages(&self) -> u64 {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        topics.values().map(|topic| topic.messages).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::Delivered;

    #[test]
    fn the_end_of_a_partition_is_after_its_highest_offset() {
        let delivered = Delivered::default();
        for (partition, offset) in [(0, 4), (0, 2), (3, 0)] {
            delivered.note("cameras", partition, offset);
        }
        delivered.note("weather", 0, 9);
        let cameras = delivered.of("cameras");
        assert_eq!((cameras.ends, cameras.messages), ([(0, 5), (3, 1)].into(), 3));
        assert_eq!(delivered.of("numbers").messages, 0);
        assert_eq!(delivered.messages(), 4);
    }
}
