//! Pure. What the members of a sink say of themselves, and how old the oldest messages are that wait to be stored.

use std::collections::BTreeMap;
use std::time::Duration;

use kafkasink_crds::runtime_config::StartFrom;
use kafkasink_crds::topic_name::TopicName;

use super::{PartitionView, Position};

/// A topic's name and a partition.
pub(crate) type Partition = (TopicName, i32);

/// What the members say.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct MembersView {
    /// Those that answered, or did lately.
    pub(crate) reports: Vec<MemberReport>,
    /// Pods whose members held partitions when they last answered, which is long ago.
    pub(crate) silent: Vec<String>,
}

/// What one member says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct MemberReport {
    /// Its pod.
    pub(crate) pod: String,
    /// Its process: another after each restart.
    pub(crate) run: String,
    /// Age of the oldest message not yet stored, per partition; zero where none waits.
    pub(crate) ages: BTreeMap<Partition, Duration>,
    /// Messages that retention took before it read them, since it started.
    pub(crate) lost: u64,
    /// Partitions that stand still until a person acts.
    pub(crate) held: u32,
    /// Partitions whose offsets have expired.
    pub(crate) expired: u32,
    /// Partitions that the sink read in another group, and of which this one has no offset.
    pub(crate) without_start: u32,
    /// Partitions that finish what an earlier mapping made.
    pub(crate) draining: u32,
}

/// Ages of the oldest messages that wait to be stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ages {
    /// Of each partition in which messages wait, as far as they are known.
    pub(crate) known: BTreeMap<Partition, Duration>,
    /// The other partitions in which messages wait, or may wait.
    pub(crate) unknown: Vec<Partition>,
}

impl MembersView {
    /// Returns the ages that the members tell of `partitions`, and where the oldest message waits in those of which
    /// none tells.
    pub(crate) fn ages(&self, partitions: &[PartitionView], start_from: StartFrom) -> (Ages, Vec<Position>) {
        let (mut ages, mut untold) = (Ages::default(), Vec::new());
        for view in partitions {
            let key = (view.topic.clone(), view.partition);
            match (view.next(start_from), self.age(&key)) {
                (Some(next), _) if next >= view.end => {}
                (_, Some(age)) => drop(ages.known.insert(key, age)),
                (Some(offset), None) => untold.push(Position { topic: key.0, partition: key.1, offset }),
                (None, None) => ages.unknown.push(key),
            }
        }
        (ages, untold)
    }

    /// Two members may tell of a partition that moves from one to the other.
    fn age(&self, partition: &Partition) -> Option<Duration> {
        let told = self.reports.iter().filter_map(|report| report.ages.get(partition));
        told.copied().max()
    }
}

impl MemberReport {
    /// Tells whether partitions of it wait for a person.
    pub(crate) fn stands_still(&self) -> bool {
        self.held > 0 || self.expired > 0 || self.without_start > 0
    }
}

impl Ages {
    /// Returns the highest of all; `None` where it is not known.
    pub(crate) fn highest(&self) -> Option<Duration> {
        if self.unknown.is_empty() { self.known.values().copied().max() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, MemberReport, MembersView, PartitionView, StartFrom, TopicName};

    fn view(partition: i32, committed: Option<i64>) -> PartitionView {
        PartitionView { topic: TopicName::parse("t").unwrap(), partition, first: 10, end: 30, committed }
    }

    fn members(ages: &[(i32, u64)]) -> MembersView {
        let topic = TopicName::parse("t").unwrap();
        let told =
            ages.iter().map(|(partition, age)| ((topic.clone(), *partition), Duration::from_secs(*age)));
        let report = MemberReport { ages: told.collect(), ..MemberReport::default() };
        MembersView { reports: vec![report], ..MembersView::default() }
    }

    fn check(partition: &PartitionView, told: &[(i32, u64)], known: Option<u64>, untold: Option<i64>) {
        let (ages, positions) = members(told).ages(std::slice::from_ref(partition), StartFrom::Earliest);
        assert_eq!(
            ages.known.values().next().copied(),
            known.map(Duration::from_secs),
            "{partition:?} {told:?}"
        );
        assert_eq!(positions.first().map(|position| position.offset), untold, "{partition:?} {told:?}");
    }

    #[test]
    fn believes_members_about_what_waits_and_asks_kafka_about_the_rest() {
        check(&view(0, Some(30)), &[(0, 99)], None, None);
        check(&view(0, Some(20)), &[(0, 99)], Some(99), None);
        check(&view(0, Some(20)), &[(1, 99)], None, Some(20));
        check(&view(0, Some(20)), &[(0, 0)], Some(0), None);
        check(&view(0, Some(5)), &[], None, Some(10));
        check(&view(0, None), &[], None, Some(10));
    }

    #[test]
    fn tells_no_highest_age_where_one_is_missing() {
        let (ages, _) = members(&[]).ages(&[view(0, None)], StartFrom::Latest);
        assert_eq!(ages.unknown, [(TopicName::parse("t").unwrap(), 0)]);
        assert_eq!(ages.highest(), None);
        let (complete, _) =
            members(&[(0, 4), (1, 7)]).ages(&[view(0, Some(20)), view(1, Some(20))], StartFrom::Latest);
        assert_eq!(complete.highest(), Some(Duration::from_secs(7)));
    }
}
