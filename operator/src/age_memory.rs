//! Pure but for its own memory. When the messages were made that wait to be stored, so that Kafka is asked about a partition
//! at most once a minute, and not at all while the group stays where it is.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::kafka::NextMessage;
use crate::model::{Partition, Position};

/// Least time between two questions about one partition.
const PAUSE: Duration = Duration::from_mins(1);

/// What was seen, per sink and partition.
#[derive(Debug, Default)]
pub(crate) struct AgeMemory {
    sinks: Mutex<HashMap<String, BTreeMap<Partition, Look>>>,
}

#[derive(Debug)]
struct Look {
    asked: Instant,
    offset: i64,
    /// What was answered, if it was.
    next: Option<NextMessage>,
}

impl AgeMemory {
    /// Returns which of the positions may be asked about now, those first that were not for longest. Partitions that are not
    /// among `positions` are forgotten.
    pub(crate) fn due(&self, uid: &str, positions: &[Position], now: Instant) -> Vec<Position> {
        let mut sinks = self.lock();
        let looks = sinks.entry(uid.to_owned()).or_default();
        let names = |key: &Partition| positions.iter().any(|position| key_of(position) == *key);
        looks.retain(|key, _| names(key));
        let asked = |position: &Position| looks.get(&key_of(position)).map(|look| look.asked);
        let is_due = |position: &&Position| match looks.get(&key_of(position)) {
            Some(look) if look.offset == position.offset && look.next.is_some() => false,
            Some(look) => now.duration_since(look.asked) >= PAUSE,
            None => true,
        };
        let mut due: Vec<_> = positions.iter().filter(is_due).cloned().collect();
        due.sort_by_key(asked);
        due
    }

    /// Notes that it was asked which message follows the position, and the answer, if one came.
    pub(crate) fn asked(&self, uid: &str, position: &Position, next: Option<NextMessage>, now: Instant) {
        let look = Look { asked: now, offset: position.offset, next };
        self.lock().entry(uid.to_owned()).or_default().insert(key_of(position), look);
    }

    /// Returns which message follows the position, if that was seen.
    pub(crate) fn next(&self, uid: &str, position: &Position) -> Option<NextMessage> {
        let sinks = self.lock();
        sinks.get(uid)?.get(&key_of(position)).filter(|look| look.offset == position.offset)?.next
    }

    /// Forgets a sink that is gone.
    pub(crate) fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, BTreeMap<Partition, Look>>> {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key_of(position: &Position) -> Partition {
    (position.topic.clone(), position.partition)
}

#[cfg(test)]
mod tests {
    use kafkasink_crds::topic_name::TopicName;

    use super::{AgeMemory, Instant, NextMessage, PAUSE, Position};

    fn at(partition: i32, offset: i64) -> Position {
        Position { topic: TopicName::parse("t").unwrap(), partition, offset }
    }

    #[tokio::test]
    async fn asks_about_a_partition_once_a_minute_and_not_while_it_stays_where_it_is() {
        let (memory, start) = (AgeMemory::default(), Instant::now());
        assert_eq!(memory.due("u", &[at(0, 5)], start), [at(0, 5)]);
        memory.asked("u", &at(0, 5), None, start);
        assert_eq!(memory.due("u", &[at(0, 5)], start + PAUSE / 2), [], "it was silent just now");
        assert_eq!(memory.due("u", &[at(0, 5)], start + PAUSE), [at(0, 5)]);
        memory.asked("u", &at(0, 5), Some(NextMessage::MadeAt(1000)), start);
        assert_eq!(memory.next("u", &at(0, 5)), Some(NextMessage::MadeAt(1000)));
        assert_eq!(memory.due("u", &[at(0, 5)], start + PAUSE * 9), [], "it stays where it is");
        assert_eq!(memory.due("u", &[at(0, 6)], start + PAUSE / 2), []);
        assert_eq!(memory.next("u", &at(0, 6)), None, "another message");
        assert_eq!(memory.due("u", &[at(0, 6)], start + PAUSE), [at(0, 6)]);
    }

    #[tokio::test]
    async fn begins_with_what_was_not_reached_the_last_time() {
        let (memory, start) = (AgeMemory::default(), Instant::now());
        memory.asked("u", &at(0, 1), None, start + PAUSE / 2);
        memory.asked("u", &at(1, 1), None, start);
        let all = [at(0, 1), at(1, 1), at(2, 1)];
        assert_eq!(memory.due("u", &all, start + PAUSE * 2), [at(2, 1), at(1, 1), at(0, 1)]);
    }
}
