//! Pure. `KnownIds`: under which ids topics are read, and which ids belong to lives that are over.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use crate::kafka::life_rule::{Change, Sighting, change};
use crate::record::{Topic, TopicId};
use crate::registry::LastLife;

/// How long an id of a life that is over is not believed when a broker tells it. One that lags behind for longer may be the
/// one that is right: the id that was believed instead may have come from another such broker.
const OVER_FOR: Duration = Duration::from_mins(1);

/// Under which ids topics are read.
#[derive(Debug, Default)]
pub(super) struct KnownIds {
    /// An id is absent where the brokers do not tell.
    current: BTreeMap<Topic, Option<TopicId>>,
    over: HashMap<(Topic, TopicId), Instant>,
}

impl KnownIds {
    /// Returns the topics that are read.
    pub(super) fn topics(&self) -> Vec<Topic> {
        self.current.keys().cloned().collect()
    }

    /// Notes under which id a topic is read from now on; tells whether some of its partitions are read under another.
    /// What the brokers do not tell this time stays as it was.
    pub(super) fn begin(&mut self, now: Instant, topic: &Topic, id: Option<TopicId>) -> bool {
        let before = self.current.get(topic).copied().flatten();
        self.current.insert(topic.clone(), id.or(before));
        let past = before.filter(|before| id.is_some_and(|id| id != *before));
        past.inspect(|past| self.bury(now, topic, *past)).is_some()
    }

    /// Ends the life of a topic that is read, unless `id` is the one that it is read under, or an earlier one; tells whether
    /// it did. None is an id that cannot be read, and is another one.
    pub(super) fn end(&mut self, now: Instant, topic: &Topic, id: Option<TopicId>) -> bool {
        let Some(current) = self.current.get(topic).copied() else {
            return false;
        };
        // A look that was under way may tell of a life that ended before the one that is read now.
        let is_no_news = id.is_some_and(|id| current == Some(id) || self.is_over(now, topic, id));
        if is_no_news {
            return false;
        }
        self.current.remove(topic);
        if let Some(past) = current {
            self.bury(now, topic, past);
        }
        true
    }

    /// Compares with what the brokers say of a topic; ends its life where that is over.
    pub(super) fn compare(&mut self, now: Instant, topic: &Topic, sighting: &Sighting) -> Change {
        let Some(current) = self.current.get(topic).copied() else {
            return Change::None;
        };
        let change = change(current, sighting);
        match change {
            Change::Gone => {
                self.current.remove(topic);
                change
            }
            Change::Replaced(id) if self.end(now, topic, Some(id)) => change,
            Change::None | Change::Replaced(_) => Change::None,
        }
    }

    /// Tells whether an id belongs to a life that is over, which a broker that lags behind may still tell.
    pub(super) fn is_over(&self, now: Instant, topic: &Topic, id: TopicId) -> bool {
        self.over.get(&(topic.clone(), id)).is_some_and(|ended| now < *ended + OVER_FOR)
    }

    /// Tells whether a commit may be about the life that is read now.
    pub(super) fn may_be_current(&self, topic: &Topic, life: Option<LastLife>) -> bool {
        let current = self.current.get(topic).copied().flatten();
        current.zip(life).is_none_or(|(current, life)| life.topic_id == current)
    }

    fn bury(&mut self, now: Instant, topic: &Topic, id: TopicId) {
        self.over.retain(|_, ended| now < *ended + OVER_FOR);
        self.over.insert((topic.clone(), id), now);
    }
}

#[cfg(test)]
mod tests {
    use super::{KnownIds, OVER_FOR};
    use crate::kafka::life_rule::{Change, Sighting};
    use crate::record::{Topic, TopicId};
    use crate::registry::LastLife;
    use tokio::time::Instant;

    fn id(first: char) -> TopicId {
        format!("{first}AAAAAAAAAAAAAAAAAAAAA").parse().unwrap()
    }

    fn reading(first: char) -> (KnownIds, Topic, Instant) {
        let (mut ids, topic, now) = (KnownIds::default(), Topic::new("t"), Instant::now());
        assert!(!ids.begin(now, &topic, Some(id(first))));
        (ids, topic, now)
    }

    #[test]
    fn a_partition_that_begins_in_a_later_life_ends_the_one_before_for_all() {
        let (mut ids, topic, now) = reading('B');
        assert!(!ids.begin(now, &topic, Some(id('B'))));
        assert!(ids.begin(now, &topic, Some(id('C'))), "the others are still read as the topic before");
        assert!(!ids.begin(now, &topic, Some(id('C'))));
        assert!(ids.is_over(now, &topic, id('B')));
    }

    #[test]
    fn an_id_that_is_not_told_is_not_forgotten() {
        let (mut ids, topic, now) = reading('B');
        assert!(!ids.begin(now, &topic, None));
        assert_eq!(ids.compare(now, &topic, &Sighting::Known(id('C'))), Change::Replaced(id('C')));
        assert_eq!(ids.topics(), []);
    }

    #[test]
    fn each_end_is_told_once_and_a_late_word_of_an_earlier_life_is_none() {
        let (mut ids, topic, now) = reading('B');
        assert!(!ids.end(now, &topic, Some(id('B'))));
        assert!(ids.end(now, &topic, Some(id('C'))));
        assert!(!ids.end(now, &topic, Some(id('C'))));
        assert!(!ids.begin(now, &topic, Some(id('C'))));
        assert!(ids.end(now, &topic, Some(id('D'))));
        assert!(!ids.begin(now, &topic, Some(id('D'))));
        for past in ['B', 'C'] {
            assert_eq!(ids.compare(now, &topic, &Sighting::Known(id(past))), Change::None);
        }
        assert!(ids.end(now, &topic, None), "an id that cannot be read is another one");
    }

    #[test]
    fn an_id_that_a_broker_insists_on_is_believed_again() {
        let (mut ids, topic, now) = reading('C');
        assert!(ids.end(now, &topic, Some(id('B'))), "nobody knows that this broker lags behind");
        assert!(ids.is_over(now, &topic, id('C')));
        assert!(!ids.is_over(now + OVER_FOR, &topic, id('C')));
    }

    #[test]
    fn a_topic_that_is_gone_is_told_once() {
        let (mut ids, topic, now) = reading('B');
        assert_eq!(ids.compare(now, &topic, &Sighting::Absent), Change::Gone);
        assert_eq!(ids.compare(now, &topic, &Sighting::Absent), Change::None);
        assert!(!ids.is_over(now, &topic, id('B')), "it may only have been away from that broker");
    }

    #[test]
    fn only_commits_about_another_life_are_not_current() {
        let (mut ids, topic, now) = reading('B');
        let life = |first| Some(LastLife { life: None, topic_id: id(first) });
        assert!(ids.may_be_current(&topic, life('B')) && ids.may_be_current(&topic, None));
        assert!(!ids.may_be_current(&topic, life('C')));
        assert!(ids.end(now, &topic, None));
        assert!(ids.may_be_current(&topic, life('C')));
    }
}
