//! Pure. Whether a topic goes with its resource.

use kafkasink_crds::resource::{Reason, TopicStatus};
use kafkasink_crds::runtime_config::StartFrom;
use kafkasink_crds::topic_name::TopicName;

use crate::birthmark;
use crate::model::{GroupView, KafkaView, Operation, Problem, TopicView, ValidatedSink};

/// What becomes of a topic whose `deletionPolicy` is `Delete`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is not there.
    Gone,
    /// It goes, with all its messages.
    Delete,
    /// Nobody can tell yet, and what is missing for that.
    Undecided(Problem),
    /// It stays.
    Keep {
        /// `CamelCase`, for an Event.
        reason: &'static str,
        /// Why, for people.
        why: String,
    },
}

/// Returns what becomes of a topic; `known` is what the resource's status says, `used` how another resource uses the topic.
pub(crate) fn fate(
    name: &TopicName,
    sink: &ValidatedSink,
    known: &[TopicStatus],
    kafka: &KafkaView,
    used: Option<&str>,
) -> Fate {
    let Some(view) = kafka.topics.get(name) else {
        let hidden = kafka.rights.hides(name);
        return if hidden { unseen(name, sink, Operation::Describe) } else { Fate::Gone };
    };
    if view.config.is_none() && !is_recorded(name, known, view) {
        return unseen(name, sink, Operation::DescribeConfigs);
    }
    if let Some(why) = not_ours(name, &sink.identity.uid, known, view) {
        return keep(why);
    }
    if let Some(used) = used {
        return keep(used);
    }
    let Some(group) = &kafka.group else { return Fate::Undecided(group_unseen(sink, kafka)) };
    match unstored(group, name, view, sink.kafka.start_from) {
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

/// Without this permission a topic looks like another one.
fn unseen(name: &TopicName, sink: &ValidatedSink, missing: Operation) -> Fate {
    let who = sink.credentials.who();
    let message = format!(
        "{who} lacks {missing} on topic {name}, without which nobody can tell whether it may go; add this ACL"
    );
    Fate::Undecided(Problem::new(Reason::AuthorizationFailed, message))
}

/// Nobody can tell what is stored while the group cannot be seen.
fn group_unseen(sink: &ValidatedSink, kafka: &KafkaView) -> Problem {
    let (who, group) = (sink.credentials.who(), &sink.kafka.group_id);
    if kafka.rights.may_read_group == Some(false) {
        let message = format!(
            "{who} lacks Read on group {group}, without which nobody can tell what is stored; add this ACL"
        );
        return Problem::new(Reason::AuthorizationFailed, message);
    }
    let message = format!(
        "no broker tells how far group {group} has come; wait, and see the brokers' logs if this lasts"
    );
    Problem::new(Reason::KafkaRequestFailed, message)
}

/// Tells whether the status says of this very topic whose it is.
fn is_recorded(name: &TopicName, known: &[TopicStatus], view: &TopicView) -> bool {
    let told = known.iter().find(|topic| topic.name == name.as_str());
    told.is_some_and(|told| told.created.is_some() && told.id.as_ref() == Some(&view.id))
}

/// Why a topic is not one that the resource with this uid created.
fn not_ours(name: &TopicName, uid: &str, known: &[TopicStatus], view: &TopicView) -> Option<&'static str> {
    // The operator may have been killed between the creation and the write of the status.
    if view.config.as_ref().and_then(|config| birthmark::borne(uid, name, config)).is_some() {
        return None;
    }
    match known.iter().find(|topic| topic.name == name.as_str()) {
        None => Some("this resource never recorded it"),
        Some(status) if status.created != Some(true) => Some("this resource did not create it"),
        Some(status) if status.id.as_ref() != Some(&view.id) => {
            Some("it was deleted and created again by somebody else")
        }
        Some(_) => None,
    }
}

fn keep(why: &str) -> Fate {
    Fate::Keep { reason: "TopicRetained", why: why.to_owned() }
}

/// Returns how many messages are not stored; none where that is not known of every partition.
fn unstored(group: &GroupView, name: &TopicName, view: &TopicView, start_from: StartFrom) -> Option<u64> {
    let partitions: Vec<_> =
        group.partitions.iter().filter(|partition| partition.topic == *name).cloned().collect();
    // A partition without a leader is not among them.
    if partitions.len() < usize::try_from(view.partitions).ok()? {
        return None;
    }
    GroupView { members: None, partitions }.lag(start_from)
}

#[cfg(test)]
mod tests {
    use kafkasink_crds::resource::{KafkaSink, TopicStatus};

    use super::{Fate, GroupView, KafkaView, Operation, TopicName, ValidatedSink, birthmark, fate};
    use crate::model::{Fetched, PartitionView, TopicView};
    use crate::validate::validate;

    fn sink() -> ValidatedSink {
        let text = include_str!("../../crds/tests/valid/smallest.yaml");
        let mut sink: KafkaSink = serde_saphyr::from_str(text).unwrap();
        sink.metadata.namespace = Some("plant".to_owned());
        sink.metadata.uid = Some("u".to_owned());
        validate(&sink, &Fetched::without_tokens(), "image").unwrap()
    }

    /// A topic of five messages of which `committed` are stored.
    fn kafka(name: &TopicName, committed: Option<i64>, marked_by: Option<&str>) -> KafkaView {
        let mark = marked_by.and_then(|uid| birthmark::of_new(uid, name, &[].into()));
        let config = Some(mark.into_iter().collect());
        let view = TopicView { id: "now".to_owned(), partitions: 1, replication_factor: 1, config };
        let partition = PartitionView { topic: name.clone(), partition: 0, first: 0, end: 5, committed };
        KafkaView {
            cluster_id: String::new(),
            brokers: 1,
            auto_creates_topics: None,
            topics: [(name.clone(), view)].into(),
            group: Some(GroupView { members: None, partitions: vec![partition] }),
            ..KafkaView::default()
        }
    }

    fn check(status: Option<(&str, bool)>, marked_by: Option<&str>, committed: Option<i64>, expected: &str) {
        let name = TopicName::parse("t").unwrap();
        let kafka = kafka(&name, committed, marked_by);
        let known = status.map(|(id, created)| TopicStatus {
            id: Some(id.to_owned()),
            created: Some(created),
            ..TopicStatus::named("t")
        });
        let known: Vec<_> = known.into_iter().collect();
        let outcome = match fate(&name, &sink(), &known, &kafka, None) {
            Fate::Gone => "gone",
            Fate::Delete => "delete",
            Fate::Undecided(problem) => panic!("{problem:?}"),
            Fate::Keep { reason, .. } => reason,
        };
        assert_eq!(outcome, expected, "{status:?} {marked_by:?} {committed:?}");
    }

    #[test]
    fn deletes_only_its_own_topics_without_waiting_messages() {
        check(Some(("now", true)), None, Some(5), "delete");
        check(Some(("now", true)), None, Some(4), "TopicRetainedUnread");
        check(Some(("now", true)), None, None, "TopicRetainedUnread");
        check(Some(("now", false)), None, Some(5), "TopicRetained");
        check(Some(("before", true)), None, Some(5), "TopicRetained");
        check(None, None, Some(5), "TopicRetained");
    }

    #[test]
    fn keeps_a_topic_with_a_partition_of_which_nothing_is_known() {
        let name = TopicName::parse("t").unwrap();
        let mut kafka = kafka(&name, Some(5), Some("u"));
        kafka.topics.get_mut(&name).unwrap().partitions = 2;
        let fate = fate(&name, &sink(), &[], &kafka, None);
        assert!(matches!(fate, Fate::Keep { reason: "TopicRetainedUnread", .. }), "{fate:?}");
    }

    #[test]
    fn knows_its_own_topic_by_the_mark_where_the_status_was_never_written() {
        check(None, Some("u"), Some(5), "delete");
        check(Some(("before", true)), Some("u"), Some(5), "delete");
        check(None, Some("u"), Some(4), "TopicRetainedUnread");
        check(None, Some("another"), Some(5), "TopicRetained");
    }

    #[test]
    fn waits_for_what_it_takes_to_decide_about_a_topic_and_for_nothing_else() {
        let name = TopicName::parse("t").unwrap();
        let check = |change: fn(&mut KafkaView), known: Option<&TopicStatus>, expected: &str| {
            let mut kafka = kafka(&name, Some(5), Some("u"));
            change(&mut kafka);
            let fate = fate(&name, &sink(), known.map_or(&[], std::slice::from_ref), &kafka, None);
            assert!(format!("{fate:?}").contains(expected), "{fate:?}");
        };
        let recorded =
            |id: &str, created| TopicStatus { id: Some(id.to_owned()), created, ..TopicStatus::named("t") };
        let blind = |kafka: &mut KafkaView| kafka.topics.values_mut().for_each(|view| view.config = None);
        check(blind, None, "lacks DescribeConfigs on topic t");
        check(blind, Some(&recorded("before", Some(true))), "lacks DescribeConfigs on topic t");
        check(blind, Some(&recorded("now", None)), "lacks DescribeConfigs on topic t");
        check(blind, Some(&recorded("now", Some(true))), "Delete");
        check(blind, Some(&recorded("now", Some(false))), "did not create it");
        check(
            |kafka| {
                kafka.topics.clear();
                kafka.rights.topics = [(TopicName::parse("t").unwrap(), [].into())].into();
            },
            None,
            "lacks Describe on topic t",
        );
        check(|kafka| kafka.group = None, None, "no broker tells how far group");
        check(
            |kafka| {
                kafka.group = None;
                kafka.rights.may_read_group = Some(false);
            },
            None,
            "lacks Read on group",
        );
        // Who deletes a topic need not be able to consume it, and other topics do not matter.
        check(
            |kafka| {
                let rights = [("t", vec![Operation::Describe, Operation::DescribeConfigs]), ("dead", vec![])];
                let of = |(topic, allowed): (&str, Vec<_>)| {
                    (TopicName::parse(topic).unwrap(), allowed.into_iter().collect())
                };
                kafka.rights.topics = rights.map(of).into();
                kafka.rights.may_read_group = Some(false);
            },
            None,
            "Delete",
        );
    }

    #[test]
    fn keeps_a_topic_that_another_resource_names() {
        let name = TopicName::parse("t").unwrap();
        let fate = fate(&name, &sink(), &[], &kafka(&name, Some(5), Some("u")), Some("it is used"));
        let why = "it is used".to_owned();
        assert_eq!(fate, Fate::Keep { reason: "TopicRetained", why });
    }
}
