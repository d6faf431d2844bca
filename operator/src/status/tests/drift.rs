//! Pure. What the status says of topics that are ours, have drifted, or will do harm, and of what a sink is bound to.

use kafkasink_crds::resource::{ConditionType, KafkaSink, Reason, TopicStatus};

use super::{
    AppliedExternals, Findings, NOW, RUNNING, externals, find, findings, found, problem, resource, status,
    summary, validated,
};
use crate::model::{BucketView, QuotaKind};
use crate::status::topics::topics;

#[test]
fn a_topic_that_bears_our_mark_is_ours_whatever_the_status_forgot() {
    let sink = validated(&resource(|_| {}));
    let mut world = externals(&sink);
    let name = &sink.topics[0].name;
    let mark = crate::birthmark::of_new("u", name, &[].into()).unwrap();
    world.topics[0].view.as_mut().unwrap().config = Some([mark].into());
    let created = |seen: &AppliedExternals, uid, before: &[TopicStatus]| topics(uid, seen, before)[0].created;
    assert_eq!((created(&world, "u", &[]), created(&world, "another", &[])), (Some(true), Some(false)));
    let said_no = [TopicStatus { created: Some(false), ..topics("another", &world, &[])[0].clone() }];
    world.topics[0].view.as_mut().unwrap().config = None;
    assert_eq!(created(&world, "u", &[]), None, "the mark cannot be seen");
    assert_eq!(created(&world, "u", &said_no), Some(false));
}

#[test]
fn drift_that_is_left_alone_is_told_and_keeps_nothing_from_being_ready() {
    let resource = resource(|_| {});
    let sink = validated(&resource);
    let mut world = externals(&sink);
    world.topics[0].drift = Some(problem(Reason::TopicDrifted));
    let status = found(&resource, &sink, &world);
    assert!(summary(&status).starts_with("Ready=True Reconciled"), "{status:?}");
    let topics = find(&status.conditions, ConditionType::TopicsReady).unwrap();
    assert_eq!((topics.status.as_str(), topics.reason.as_str()), ("False", "TopicDrifted"));
    assert_eq!(status.topics_ready.as_deref(), Some("0/1"));
}

#[test]
fn a_topic_whose_configuration_is_not_told_is_not_called_as_declared() {
    let resource = resource(|_| {});
    let sink = validated(&resource);
    let mut world = externals(&sink);
    world.topics[0].view.as_mut().unwrap().config = None;
    let check = |seen: &AppliedExternals, expected: (&str, &str)| {
        let status = found(&resource, &sink, seen);
        let topics = find(&status.conditions, ConditionType::TopicsReady).unwrap();
        assert_eq!((topics.status.as_str(), topics.reason.as_str()), expected);
        assert_eq!(status.topics_ready.as_deref(), Some("0/1"));
    };
    check(&world, ("Unknown", "NotChecked"));
    world.topics[0].problem = Some(problem(Reason::PartitionDecreaseNotSupported));
    check(&world, ("False", "PartitionDecreaseNotSupported"));
}

#[test]
fn warns_of_what_will_do_harm_one_day() {
    let resource = resource(|_| {});
    let sink = validated(&resource);
    let check = |before: &KafkaSink, auto_create: Option<bool>, in_sync: Option<&str>, expected: &[&str]| {
        let mut world = externals(&sink);
        let kafka = world.kafka.as_mut().unwrap();
        kafka.auto_creates_topics = auto_create;
        let config = in_sync.map(|number| [("min.insync.replicas".to_owned(), number.to_owned())].into());
        kafka.topics.values_mut().for_each(|view| view.config = config.clone());
        let status = found(before, &sink, &world);
        let reasons: Vec<_> = status.warnings.iter().map(|warning| warning.reason.as_str()).collect();
        assert_eq!(reasons, expected);
        KafkaSink { status: Some(status), ..before.clone() }
    };
    check(&resource, None, Some("1"), &[]);
    check(&resource, None, None, &[]);
    check(&resource, Some(false), Some("1"), &[]);
    let warned = check(&resource, Some(true), Some("2"), &["AutoCreateEnabled", "TooFewReplicas"]);
    // What is not told now is as it was.
    let still = check(&warned, None, None, &["AutoCreateEnabled", "TooFewReplicas"]);
    let better = check(&still, None, Some("1"), &["AutoCreateEnabled"]);
    check(&better, Some(false), Some("1"), &[]);
}

#[test]
fn warns_of_a_quota_until_there_is_room_again() {
    let mut resource = resource(|_| {});
    let sink = validated(&resource);
    let mut world = externals(&sink);
    let mut check = |held: u64, expected: bool| {
        let bucket = BucketView {
            quota: Some(QuotaKind::Hard),
            quota_bytes: Some(100),
            held_bytes: Some(held),
            ..BucketView::default()
        };
        world.store.as_mut().unwrap().bucket = Some(bucket);
        let status = found(&resource, &sink, &world);
        assert_eq!(status.warnings.len() == 1, expected, "{held}: {:?}", status.warnings);
        resource.status = Some(status);
    };
    for (held, expected) in [(89, false), (90, true), (86, true), (84, false), (89, false)] {
        check(held, expected);
    }
}

#[test]
fn is_bound_once_there_are_pods_and_only_to_a_cluster_that_it_recognised() {
    let mut resource = resource(|_| {});
    let sink = validated(&resource);
    let mut world = externals(&sink);
    let before = Findings { workload: Ok(None), ..findings(&sink, &world, &RUNNING) };
    assert_eq!(status(&resource, &before, NOW).binding, None);
    let bound = found(&resource, &sink, &world).binding.unwrap();
    assert_eq!((bound.group_id.as_str(), bound.bucket.as_str()), ("plant.cameras", "plant"));
    assert_eq!((bound.kafka_cluster_id.as_deref(), bound.bootstrap_servers.len()), (Some("c"), 1));

    resource.status = Some(found(&resource, &sink, &world));
    world.kafka = Err(problem(Reason::KafkaIdentityChanged));
    assert_eq!(found(&resource, &sink, &world).binding, Some(bound));
}
