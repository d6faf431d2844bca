//! Pure. What is to be done to each topic: created, more partitions, configuration keys that differ. What Kafka cannot
//! do is a problem that stops nothing else.

use std::collections::BTreeMap;

use kafkasink_crds::resource::{ManagementPolicy, Reason, TopicStatus};
use kafkasink_crds::topic_name::TopicName;

use super::topic_differences::{differences, differing_config};
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
    /// The older resources that decide about some of them.
    pub(super) owners: &'a BTreeMap<TopicName, String>,
}

/// Returns a plan for every topic of the sink, the dead-letter topic last.
pub(super) fn plans(sink: &ValidatedSink, kafka: &KafkaView, known: Known<'_>) -> Vec<TopicPlan> {
    sink.all_topics().map(|topic| plan(topic, kafka, known)).collect()
}

fn plan(topic: &ValidatedTopic, kafka: &KafkaView, known: Known<'_>) -> TopicPlan {
    let is_enforced = topic.management == ManagementPolicy::Enforce;
    let view = kafka.topics.get(&topic.name);
    let owner = known.owners.get(&topic.name);
    let (mut actions, problem) = match (view, owner) {
        // The brokers do not tell whether it exists.
        (None, _) if kafka.rights.hides(&topic.name) => (Vec::new(), Some(hidden(topic))),
        (None, _) => absent(topic, kafka, known),
        (Some(view), None) if is_enforced => (changes(topic, view), unsupported(topic, view)),
        (Some(view), Some(owner)) if is_enforced => (Vec::new(), conflict(topic, view, owner)),
        (Some(_), None | Some(_)) => (Vec::new(), None),
    };
    actions.extend(view.and_then(|view| unmark(topic, view, known)));
    let drift = view.filter(|_| !is_enforced).and_then(|view| drift(topic, view));
    TopicPlan { name: topic.name.clone(), owner: owner.cloned(), actions, problem, drift }
}

fn absent(
    topic: &ValidatedTopic,
    kafka: &KafkaView,
    known: Known<'_>,
) -> (Vec<TopicAction>, Option<Problem>) {
    match (topic.management, known.owners.get(&topic.name)) {
        (ManagementPolicy::Observe, _) => (Vec::new(), Some(not_found(topic))),
        (ManagementPolicy::Enforce | ManagementPolicy::CreateOnly, Some(owner)) => {
            (Vec::new(), Some(left_to(topic, owner)))
        }
        (ManagementPolicy::Enforce | ManagementPolicy::CreateOnly, None) => creation(topic, kafka, known.uid),
    }
}

/// The birthmark goes only once the status says what it says.
fn unmark(topic: &ValidatedTopic, view: &TopicView, known: Known<'_>) -> Option<TopicAction> {
    let key = birthmark::borne(known.uid, &topic.name, view.config.as_ref()?)?;
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
    let differing = differing_config(topic, view);
    let set = (!differing.is_empty()).then_some(TopicAction::SetConfig(differing));
    raise.into_iter().chain(set).collect()
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

/// What an older resource decides about and this one declares otherwise.
fn conflict(topic: &ValidatedTopic, view: &TopicView, owner: &str) -> Option<Problem> {
    let (name, differences) = (&topic.name, differences(topic, view)?);
    let message = format!(
        "topic {name} has {differences}, and KafkaSink {owner}, which is older, decides about it; declare here what it is, \
         or nothing but its name"
    );
    Some(Problem::new(Reason::TopicConflict, message))
}

/// Who creates a topic decides about its partitions for good.
fn left_to(topic: &ValidatedTopic, owner: &str) -> Problem {
    let name = &topic.name;
    let message = format!(
        "topic {name} does not exist yet, and KafkaSink {owner}, which is older, is to create it; wait, or see its conditions"
    );
    Problem::new(Reason::Progressing, message)
}

fn drift(topic: &ValidatedTopic, view: &TopicView) -> Option<Problem> {
    let (name, differences) = (&topic.name, differences(topic, view)?);
    let policy = match topic.management {
        ManagementPolicy::Enforce => "Enforce",
        ManagementPolicy::CreateOnly => "CreateOnly",
        ManagementPolicy::Observe => "Observe",
    };
    let message = format!(
        "topic {name} has {differences}, and managementPolicy is {policy}; alter the topic, or declare what it is"
    );
    Some(Problem::new(Reason::TopicDrifted, message))
}

fn hidden(topic: &ValidatedTopic) -> Problem {
    let message = format!(
        "the brokers do not tell whether topic {} exists; add the ACLs that KafkaReachable names",
        topic.name
    );
    Problem::new(Reason::AuthorizationFailed, message)
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

    use super::{BTreeMap, KafkaView, Known, TopicAction, TopicPlan, TopicView, ValidatedTopic, plan};
    use crate::birthmark;

    /// The operator's first look.
    const NOTHING: Known<'static> = Known { uid: "u", topics: &[], owners: &BTreeMap::new() };

    /// A topic of 3 partitions, one replica and retention.ms 1000 on a cluster of one broker.
    fn cluster() -> KafkaView {
        let config = [("retention.ms", "1000"), ("retention.bytes", "-1")];
        let view = TopicView {
            id: "id".to_owned(),
            partitions: 3,
            replication_factor: 1,
            config: Some(config.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
        };
        KafkaView {
            cluster_id: "c".to_owned(),
            brokers: 1,
            auto_creates_topics: None,
            topics: [(TopicName::parse("there").unwrap(), view)].into(),
            group: None,
            ..KafkaView::default()
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
        cluster.topics.get_mut(&topic.name).unwrap().config = Some([(key, value)].into());
        let check = |uid: &str, told: Option<(&str, bool)>, expected: usize| {
            let status = told.map(|(id, created)| TopicStatus {
                id: Some(id.to_owned()),
                created: Some(created),
                ..TopicStatus::named("there")
            });
            let topics: Vec<_> = status.into_iter().collect();
            let actions = plan(&topic, &cluster, Known { uid, topics: &topics, ..NOTHING }).actions;
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
    fn compares_only_what_is_told() {
        let mut cluster = cluster();
        cluster.topics.values_mut().for_each(|view| view.config = None);
        let wanted = ValidatedTopic {
            partitions: Some(6),
            config: [("retention.ms".to_owned(), "2000".to_owned())].into(),
            ..topic("there", ManagementPolicy::Enforce)
        };
        let plan = plan(&wanted, &cluster, NOTHING);
        assert_eq!(plan.actions, [TopicAction::RaisePartitions { from: 3, to: 6 }]);
        assert_eq!((plan.problem, plan.drift), (None, None));
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

    /// A topic of 6 partitions, two replicas and another retention than the one that is there.
    fn differing(name: &str, management: ManagementPolicy) -> ValidatedTopic {
        let config = [("retention.ms", "2000"), ("retention.bytes", "-1"), ("cleanup.policy", "compact")];
        ValidatedTopic {
            partitions: Some(6),
            replication_factor: Some(2),
            config: config.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            ..topic(name, management)
        }
    }

    #[test]
    fn reports_field_by_field_what_it_leaves_alone() {
        for policy in ["CreateOnly", "Observe"] {
            let management = serde_json::from_value(policy.into()).unwrap();
            let plan = plan(&differing("there", management), &cluster(), NOTHING);
            assert_eq!((plan.actions, plan.problem), (vec![], None));
            let expected = format!(
                "topic there has partitions 3 instead of 6, replicationFactor 1 instead of 2, cleanup.policy absent \
                 instead of compact, retention.ms 1000 instead of 2000, and managementPolicy is {policy}; alter the topic, \
                 or declare what it is"
            );
            assert_eq!(plan.drift.unwrap().message, expected);
        }
        let same = topic("there", ManagementPolicy::Observe);
        assert_eq!(plan(&same, &cluster(), NOTHING).drift, None);
    }

    fn owned_by_another(topic: &ValidatedTopic) -> TopicPlan {
        let owners = [(topic.name.clone(), "plant/a".to_owned())].into();
        plan(topic, &cluster(), Known { owners: &owners, ..NOTHING })
    }

    #[test]
    fn leaves_to_an_older_resource_what_it_owns() {
        let plan = owned_by_another(&differing("there", ManagementPolicy::Enforce));
        assert_eq!((plan.actions, plan.owner.as_deref()), (vec![], Some("plant/a")));
        let expected = "topic there has partitions 3 instead of 6, replicationFactor 1 instead of 2, cleanup.policy absent \
                        instead of compact, retention.ms 1000 instead of 2000, and KafkaSink plant/a, which is older, \
                        decides about it; declare here what it is, or nothing but its name";
        let problem = plan.problem.unwrap();
        assert_eq!((problem.reason.as_str(), problem.message.as_str()), ("TopicConflict", expected));
        let agreeing = owned_by_another(&topic("there", ManagementPolicy::Enforce));
        assert_eq!((agreeing.problem, agreeing.owner.as_deref()), (None, Some("plant/a")));
    }

    #[test]
    fn leaves_the_creation_to_an_older_resource() {
        let plan = owned_by_another(&differing("new", ManagementPolicy::Enforce));
        assert_eq!((plan.actions, plan.problem.unwrap().reason.as_str()), (vec![], "Progressing"));
    }
}
