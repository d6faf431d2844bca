//! Pure. What is to be done to each topic: created, more partitions, configuration keys that differ. What Kafka cannot
//! do is a problem that stops nothing else.

use std::collections::BTreeMap;

use kafkasink_crds::resource::{ManagementPolicy, Reason, TopicStatus};

use crate::birthmark;
use crate::model::{
    KafkaView, Problem, TopicAction, TopicCreation, TopicPlan, TopicView, ValidatedSink, ValidatedTopic,
};

/// What is known of the topics besides how they are.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    /// The resource.
    pub(super) uid: &'a str,
    /// What its status says of them.
    pub(super) topics: &'a [TopicStatus],
}

/// Returns a plan for every topic of the sink, the dead-letter topic last.
pub(super) fn plans(sink: &ValidatedSink, kafka: &KafkaView, known: &[TopicStatus]) -> Vec<TopicPlan> {
    let known = Known { uid: &sink.identity.uid, topics: known };
    sink.all_topics().map(|topic| plan(topic, kafka, known)).collect()
}

fn plan(topic: &ValidatedTopic, kafka: &KafkaView, known: Known<'_>) -> TopicPlan {
    let (mut actions, problem) = match (kafka.topics.get(&topic.name), topic.management) {
        (None, ManagementPolicy::Observe) => (Vec::new(), Some(not_found(topic))),
        (None, ManagementPolicy::Enforce | ManagementPolicy::CreateOnly) => creation(topic, kafka, known.uid),
        (Some(view), ManagementPolicy::Enforce) => (changes(topic, view), unsupported(topic, view)),
        (Some(_), ManagementPolicy::CreateOnly | ManagementPolicy::Observe) => (Vec::new(), None),
    };
    actions.extend(kafka.topics.get(&topic.name).and_then(|view| unmark(topic, view, known)));
    TopicPlan { name: topic.name.clone(), actions, problem }
}

/// The birthmark goes only once the status says what it says.
fn unmark(topic: &ValidatedTopic, view: &TopicView, known: Known<'_>) -> Option<TopicAction> {
    let key = birthmark::borne(known.uid, &topic.name, &view.config)?;
    let told = known.topics.iter().find(|told| told.name == topic.name.as_str())?;
    let is_told = told.created == Some(true) && told.id.as_ref() == Some(&view.id);
    is_told.then_some(TopicAction::Unmark(key))
}

fn creation(topic: &ValidatedTopic, kafka: &KafkaView, uid: &str) -> (Vec<TopicAction>, Option<Problem>) {
    let replicas = topic.replication_factor.map_or(0, usize::from);
    if replicas > kafka.brokers {
        return (Vec::new(), Some(too_few_brokers(topic, replicas, kafka.brokers)));
    }
    let mark = birthmark::of_new(uid, &topic.name, &topic.config);
    let creation = TopicCreation {
        partitions: topic.partitions,
        replication_factor: topic.replication_factor,
        config: topic.config.clone().into_iter().chain(mark).collect(),
    };
    (vec![TopicAction::Create(creation)], None)
}

fn changes(topic: &ValidatedTopic, view: &TopicView) -> Vec<TopicAction> {
    let more = topic.partitions.filter(|wanted| *wanted > view.partitions);
    let raise = more.map(|to| TopicAction::RaisePartitions { from: view.partitions, to });
    let differing: BTreeMap<_, _> = topic
        .config
        .iter()
        .filter(|(key, value)| !view.config.get(*key).is_some_and(|now| is_same(now, value)))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let set = (!differing.is_empty()).then_some(TopicAction::SetConfig(differing));
    raise.into_iter().chain(set).collect()
}

/// Brokers keep what a value means and show it in their own way: `compact, delete` as `compact,delete`, `0.50` as `0.5`,
/// `TRUE` as `true`. A value that only looks different must not be set again and again.
fn is_same(now: &str, wanted: &str) -> bool {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let words = |text: &str| text.split(',').map(|word| word.trim().to_ascii_lowercase()).collect::<Vec<_>>();
    match (now.parse::<i64>(), wanted.trim().parse::<i64>()) {
        (Ok(now), Ok(wanted)) => now == wanted,
        _ => number(now).is_some_and(|now| number(wanted) == Some(now)) || words(now) == words(wanted),
    }
}

fn unsupported(topic: &ValidatedTopic, view: &TopicView) -> Option<Problem> {
    let name = &topic.name;
    let partitions = view.partitions;
    let fewer = topic.partitions.filter(|wanted| *wanted < partitions).map(|wanted| {
        let message = format!(
            "topic {name} has {partitions} partitions and Kafka cannot take any away; set partitions to {partitions} instead of {wanted}"
        );
        Problem::new(Reason::PartitionDecreaseNotSupported, message)
    });
    let replicas = view.replication_factor;
    let other = topic.replication_factor.filter(|wanted| *wanted != replicas).map(|wanted| {
        let message = format!(
            "topic {name} has {replicas} replicas, which is not changed here; set replicationFactor to {replicas} instead of \
             {wanted}, or reassign the replicas with Kafka's own tools"
        );
        Problem::new(Reason::ReplicationChangeNotSupported, message)
    });
    fewer.or(other)
}

fn too_few_brokers(topic: &ValidatedTopic, replicas: usize, brokers: usize) -> Problem {
    let name = &topic.name;
    let message = format!(
        "replicationFactor {replicas} needs {replicas} brokers, the cluster has {brokers}: topic {name} is not \
         created; set replicationFactor to {brokers} or less, or add brokers"
    );
    Problem::new(Reason::TopicRefused, message)
}

fn not_found(topic: &ValidatedTopic) -> Problem {
    let name = &topic.name;
    let message = format!(
        "topic {name} does not exist and managementPolicy is Observe; create it or set managementPolicy to Enforce"
    );
    Problem::new(Reason::TopicNotFound, message)
}

#[cfg(test)]
mod tests {
    use kafkasink_crds::resource::{DeletionPolicy, ManagementPolicy, TopicStatus};
    use kafkasink_crds::topic_name::TopicName;

    use super::{KafkaView, Known, TopicAction, TopicView, ValidatedTopic, plan};
    use crate::birthmark;

    const NOTHING: Known<'static> = Known { uid: "u", topics: &[] };

    /// A topic of 3 partitions, one replica and retention.ms 1000 on a cluster of one broker.
    fn cluster() -> KafkaView {
        let config = [("retention.ms", "1000"), ("retention.bytes", "-1")];
        let view = TopicView {
            id: "id".to_owned(),
            partitions: 3,
            replication_factor: 1,
            config: config.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        };
        KafkaView {
            cluster_id: "c".to_owned(),
            brokers: 1,
            topics: [(TopicName::parse("there").unwrap(), view)].into(),
            group: None,
        }
    }

    fn topic(name: &str, management: ManagementPolicy) -> ValidatedTopic {
        ValidatedTopic {
            name: TopicName::parse(name).unwrap(),
            partitions: None,
            replication_factor: None,
            config: [].into(),
            management,
            deletion: DeletionPolicy::Retain,
        }
    }

    fn check(topic: &ValidatedTopic, expected: &str) {
        let mut plan = plan(topic, &cluster(), NOTHING);
        for action in &mut plan.actions {
            if let TopicAction::Create(creation) = action {
                let mark = birthmark::borne("u", &topic.name, &creation.config);
                assert!(creation.config.remove(mark.unwrap()).is_some(), "it bears no mark");
            }
        }
        let problem = plan.problem.map(|problem| problem.reason);
        assert_eq!(format!("{:?} {problem:?}", plan.actions), expected);
    }

    #[test]
    fn leaves_alone_what_is_not_named() {
        check(&topic("there", ManagementPolicy::Enforce), "[] None");
    }

    #[test]
    fn creates_missing_topics_with_what_is_named() {
        let wanted = ValidatedTopic { partitions: Some(2), ..topic("new", ManagementPolicy::CreateOnly) };
        check(
            &wanted,
            "[Create(TopicCreation { partitions: Some(2), replication_factor: None, config: {} })] None",
        );
        check(&topic("new", ManagementPolicy::Observe), "[] Some(TopicNotFound)");
    }

    #[test]
    fn takes_the_birthmark_away_once_the_status_says_whose_the_topic_is() {
        let topic = topic("there", ManagementPolicy::CreateOnly);
        let mut cluster = cluster();
        let (key, value) = birthmark::of_new("u", &topic.name, &topic.config).unwrap();
        cluster.topics.get_mut(&topic.name).unwrap().config.insert(key, value);
        let check = |uid: &str, told: Option<(&str, bool)>, expected: usize| {
            let status = told.map(|(id, created)| TopicStatus {
                id: Some(id.to_owned()),
                created: Some(created),
                ..TopicStatus::named("there")
            });
            let topics: Vec<_> = status.into_iter().collect();
            let actions = plan(&topic, &cluster, Known { uid, topics: &topics }).actions;
            assert_eq!(actions.len(), expected, "{uid} {told:?}");
        };
        check("u", None, 0);
        check("u", Some(("id", false)), 0);
        check("u", Some(("earlier", true)), 0);
        check("u", Some(("id", true)), 1);
        check("another", Some(("id", true)), 0);
    }

    #[test]
    fn does_not_try_what_too_few_brokers_cannot_do() {
        let wanted =
            ValidatedTopic { replication_factor: Some(3), ..topic("new", ManagementPolicy::Enforce) };
        check(&wanted, "[] Some(TopicRefused)");
    }

    #[test]
    fn raises_partitions_and_sets_only_keys_that_differ() {
        let config = [("retention.ms", "2000"), ("retention.bytes", "-1")];
        let wanted = ValidatedTopic {
            partitions: Some(6),
            config: config.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            ..topic("there", ManagementPolicy::Enforce)
        };
        check(&wanted, "[RaisePartitions { from: 3, to: 6 }, SetConfig({\"retention.ms\": \"2000\"})] None");
        check(&ValidatedTopic { management: ManagementPolicy::CreateOnly, ..wanted }, "[] None");
    }

    #[test]
    fn takes_for_the_same_what_brokers_only_write_differently() {
        let check =
            |now, wanted, expected| assert_eq!(super::is_same(now, wanted), expected, "{now} {wanted}");
        check("compact,delete", "compact, delete", true);
        check("true", "TRUE", true);
        check("0.5", "0.50", true);
        check("9223372036854775807", "9223372036854775806", false);
        check("1000", " 1000", true);
        check("delete", "compact", false);
    }

    #[test]
    fn reports_what_kafka_cannot_do_and_does_the_rest() {
        let wanted = ValidatedTopic {
            partitions: Some(2),
            config: [("retention.ms".to_owned(), "5".to_owned())].into(),
            ..topic("there", ManagementPolicy::Enforce)
        };
        check(&wanted, "[SetConfig({\"retention.ms\": \"5\"})] Some(PartitionDecreaseNotSupported)");
        let more_replicas =
            ValidatedTopic { replication_factor: Some(2), ..topic("there", ManagementPolicy::Enforce) };
        check(&more_replicas, "[] Some(ReplicationChangeNotSupported)");
    }
}
