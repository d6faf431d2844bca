//! Pure. Whether a topic goes with its resource.

use kafkasink_crds::resource::TopicStatus;
use kafkasink_crds::runtime_config::StartFrom;
use kafkasink_crds::topic_name::TopicName;

use crate::model::{GroupView, KafkaView};

/// What becomes of a topic whose `deletionPolicy` is `Delete`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is not there.
    Gone,
    /// It goes, with all its messages.
    Delete,
    /// It stays.
    Keep {
        /// `CamelCase`, for an Event.
        reason: &'static str,
        /// Why, for people.
        why: String,
    },
}

/// Returns what becomes of a topic; `known` is what the resource's status says.
pub(crate) fn fate(
    name: &TopicName,
    known: &[TopicStatus],
    kafka: &KafkaView,
    start_from: StartFrom,
) -> Fate {
    let Some(view) = kafka.topics.get(name) else { return Fate::Gone };
    let Some(status) = known.iter().find(|topic| topic.name == name.as_str()) else {
        return keep("this resource never recorded it");
    };
    if status.created != Some(true) {
        return keep("this resource did not create it");
    }
    if status.id.as_ref() != Some(&view.id) {
        return keep("it was deleted and created again by somebody else");
    }
    match kafka.group.as_ref().and_then(|group| unstored(group, name, start_from)) {
        Some(0) => Fate::Delete,
        Some(count) => Fate::Keep {
            reason: "TopicRetainedUnread",
            why: format!("{count} of its messages are not stored; delete it by hand if they are not wanted"),
        },
        None => Fate::Keep {
            reason: "TopicRetainedUnread",
            why: "it cannot be told which of its messages are stored; delete it by hand".to_owned(),
        },
    }
}

fn keep(why: &str) -> Fate {
    Fate::Keep { reason: "TopicRetained", why: why.to_owned() }
}

fn unstored(group: &GroupView, name: &TopicName, start_from: StartFrom) -> Option<u64> {
    let partitions: Vec<_> =
        group.partitions.iter().filter(|partition| partition.topic == *name).cloned().collect();
    if partitions.is_empty() {
        return None;
    }
    GroupView { members: None, partitions }.lag(start_from)
}

#[cfg(test)]
mod tests {
    use kafkasink_crds::resource::TopicStatus;

    use super::{Fate, GroupView, KafkaView, StartFrom, TopicName, fate};
    use crate::model::{PartitionView, TopicView};

    fn check(status: Option<(&str, bool)>, committed: Option<i64>, expected: &str) {
        let name = TopicName::parse("t").unwrap();
        let view =
            TopicView { id: "now".to_owned(), partitions: 1, replication_factor: 1, config: [].into() };
        let partition = PartitionView { topic: name.clone(), partition: 0, first: 0, end: 5, committed };
        let kafka = KafkaView {
            cluster_id: String::new(),
            brokers: 1,
            topics: [(name.clone(), view)].into(),
            group: Some(GroupView { members: None, partitions: vec![partition] }),
        };
        let known = status.map(|(id, created)| TopicStatus {
            name: "t".to_owned(),
            id: Some(id.to_owned()),
            life: Some(1),
            partitions: None,
            replication_factor: None,
            created: Some(created),
        });
        let known: Vec<_> = known.into_iter().collect();
        let outcome = match fate(&name, &known, &kafka, StartFrom::Earliest) {
            Fate::Gone => "gone",
            Fate::Delete => "delete",
            Fate::Keep { reason, .. } => reason,
        };
        assert_eq!(outcome, expected, "{status:?} {committed:?}");
    }

    #[test]
    fn deletes_only_its_own_topics_without_waiting_messages() {
        check(Some(("now", true)), Some(5), "delete");
        check(Some(("now", true)), Some(4), "TopicRetainedUnread");
        check(Some(("now", true)), None, "TopicRetainedUnread");
        check(Some(("now", false)), Some(5), "TopicRetained");
        check(Some(("before", true)), Some(5), "TopicRetained");
        check(None, Some(5), "TopicRetained");
    }
}
