//! Pure. Which permissions of Kafka a sink needs, and which of them it lacks. Operator and pods show the same credentials.
//!
//! What is needed to work at all keeps the first pod from starting. What is needed only for a change that may never come is
//! a warning. The creation of a topic is tried: brokers tell nothing of permissions to what is not there.

use kafkasink_crds::resource::{DeletionPolicy, ManagementPolicy, Reason};
use kafkasink_crds::runtime_config::OnRejected;

use crate::model::{KafkaView, Operation, Problem, Rights, ValidatedSink, ValidatedTopic};

/// What a topic is consumed by.
const TO_CONSUME: [Operation; 3] = [Operation::Describe, Operation::DescribeConfigs, Operation::Read];

/// What letters are sent by.
const TO_PRODUCE: [Operation; 3] = [Operation::Describe, Operation::DescribeConfigs, Operation::Write];

/// What a topic is compared by with what is declared of it.
const TO_COMPARE: [Operation; 2] = [Operation::Describe, Operation::DescribeConfigs];

/// Returns every permission without which no message could be stored.
pub(crate) fn problem(sink: &ValidatedSink, kafka: &KafkaView) -> Option<Problem> {
    let for_letters: &[Operation] = match sink.delivery.on_rejected {
        OnRejected::DeadLetter => &TO_PRODUCE,
        // No letter is ever sent.
        OnRejected::Block => &TO_COMPARE,
    };
    let consumed = sink.topics.iter().map(|topic| (topic, &TO_CONSUME[..]));
    let letters = sink.dead_letter.iter().map(|topic| (topic, for_letters));
    let topics = consumed.chain(letters).filter_map(|(topic, needed)| lacking(&kafka.rights, topic, needed));
    let group = (kafka.rights.may_read_group == Some(false))
        .then(|| format!("{} on group {}", Operation::Read, sink.kafka.group_id));
    let missing: Vec<_> = topics.chain(group).collect();
    (!missing.is_empty()).then(|| {
        let message =
            format!("{} lacks permissions: {}; add these ACLs", sink.credentials.who(), missing.join("; "));
        Problem::new(Reason::AuthorizationFailed, message)
    })
}

/// Returns what the sink will be refused one day if nobody allows it; `decides` tells which topics it decides about.
pub(crate) fn foreseen(
    sink: &ValidatedSink,
    kafka: &KafkaView,
    decides: impl Fn(&ValidatedTopic) -> bool,
) -> Option<String> {
    let topics = sink.all_topics().filter(|topic| decides(topic) && kafka.topics.contains_key(&topic.name));
    let missing: Vec<_> =
        topics.filter_map(|topic| lacking(&kafka.rights, topic, &needed_one_day(topic))).collect();
    (!missing.is_empty()).then(|| {
        format!(
            "{} will be refused what the resource asks for once it comes to it: {}; add these ACLs",
            sink.credentials.who(),
            missing.join("; ")
        )
    })
}

fn needed_one_day(topic: &ValidatedTopic) -> Vec<Operation> {
    let is_enforced = topic.management == ManagementPolicy::Enforce;
    let needed = [
        (is_enforced && topic.partitions.is_some(), Operation::Alter),
        (is_enforced && !topic.config.is_empty(), Operation::AlterConfigs),
        (topic.deletion == DeletionPolicy::Delete, Operation::Delete),
    ];
    needed.into_iter().filter_map(|(is_needed, operation)| is_needed.then_some(operation)).collect()
}

/// As in `DescribeConfigs, Read on topic cameras`.
fn lacking(rights: &Rights, topic: &ValidatedTopic, needed: &[Operation]) -> Option<String> {
    let missing = needed.iter().filter(|operation| rights.lacks(&topic.name, **operation));
    let missing: Vec<_> = missing.map(Operation::to_string).collect();
    (!missing.is_empty()).then(|| format!("{} on topic {}", missing.join(", "), topic.name))
}

#[cfg(test)]
mod tests {
    use kafkasink_crds::resource::KafkaSink;
    use kafkasink_crds::topic_name::TopicName;

    use super::{KafkaView, OnRejected, Operation, Rights, ValidatedSink, foreseen, problem};
    use crate::model::{Fetched, TopicView};
    use crate::validate::validate;

    /// A sink of topic `cameras` with partitions, retention and a dead-letter topic.
    fn sink() -> ValidatedSink {
        let text = include_str!("../../crds/tests/valid/smallest.yaml");
        let mut sink: KafkaSink = serde_saphyr::from_str(text).unwrap();
        sink.metadata.namespace = Some("plant".to_owned());
        sink.metadata.uid = Some("u".to_owned());
        let dead_letter = serde_json::json!({ "deadLetter": { "topic": "letters" } });
        sink.spec.delivery = Some(serde_json::from_value(dead_letter).unwrap());
        let topic = serde_json::json!({
            "name": "cameras", "partitions": 3, "retention": { "time": "1h" }, "deletionPolicy": "Delete",
        });
        sink.spec.topics = vec![serde_json::from_value(topic).unwrap()];
        validate(&sink, &Fetched::without_tokens(), "image").unwrap()
    }

    fn kafka(cameras: &[Operation], letters: &[Operation], may_read_group: Option<bool>) -> KafkaView {
        let [cameras_name, letters_name] = ["cameras", "letters"].map(|name| TopicName::parse(name).unwrap());
        let view = TopicView { id: "id".to_owned(), partitions: 3, replication_factor: 1, config: None };
        let topics = [
            (cameras_name.clone(), cameras.iter().copied().collect()),
            (letters_name, letters.iter().copied().collect()),
        ];
        KafkaView {
            topics: [(cameras_name, view)].into(),
            rights: Rights { topics: topics.into(), may_read_group },
            ..KafkaView::default()
        }
    }

    #[test]
    fn names_what_is_missing_one_by_one() {
        use Operation::{Alter, AlterConfigs, Delete, Describe, DescribeConfigs, Read, Write};
        let check_of = |sink: &ValidatedSink, kafka: &KafkaView, expected: Option<&str>| {
            let said = problem(sink, kafka).map(|problem| problem.message);
            let expected = expected.map(|missing| {
                format!("the client without credentials lacks permissions: {missing}; add these ACLs")
            });
            assert_eq!(said, expected);
        };
        let check = |kafka: &KafkaView, expected: Option<&str>| check_of(&sink(), kafka, expected);
        let [enough, letters] = [Read, Write].map(|last| [Describe, DescribeConfigs, last]);
        check(&kafka(&enough, &letters, Some(true)), None);
        check(&kafka(&enough, &letters, None), None);
        check(&KafkaView::default(), None);
        check(&kafka(&enough, &enough, None), Some("Write on topic letters"));
        let mut blocking = sink();
        blocking.delivery.on_rejected = OnRejected::Block;
        check_of(&blocking, &kafka(&enough, &enough, None), None);
        check_of(
            &blocking,
            &kafka(&enough, &[Write], None),
            Some("Describe, DescribeConfigs on topic letters"),
        );
        check(
            &kafka(&[Describe], &[], Some(false)),
            Some(
                "DescribeConfigs, Read on topic cameras; Describe, DescribeConfigs, Write on topic letters; Read on group \
                 plant.cameras",
            ),
        );

        let soon = |allowed: &[Operation], decides: bool| {
            foreseen(&sink(), &kafka(allowed, &letters, None), |_| decides).unwrap_or_default()
        };
        assert!(soon(&enough, true).contains("Alter, AlterConfigs, Delete on topic cameras; add"));
        assert!(soon(&[Describe, Alter, Delete], true).contains("to it: AlterConfigs on topic cameras"));
        assert_eq!(soon(&[Describe, Alter, AlterConfigs, Delete], true), "");
        assert_eq!(soon(&enough, false), "");
    }
}
