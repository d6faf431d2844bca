//! Pure. What the status says of messages that retention is about to take, and of partitions that are held.

use std::time::Duration;

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kafkasink_crds::resource::{ConditionType, LostStatus};

use super::{Findings, NOW, RUNNING, externals, find, findings, resource, status, summary, validated};
use crate::model::{Ages, GroupView, MemberReport, MembersView, PartitionView};

/// The condition `RetentionAtRisk` of a sink whose topic keeps messages for ten hours, as `True Reason` and its message.
fn risk(age: Option<u64>, is_missing: bool, lost: Option<&LostStatus>) -> (String, String) {
    risk_of(Some("36000000"), age, is_missing, lost)
}

/// The same of a topic with this `retention.ms`, if the brokers tell it.
fn risk_of(
    kept: Option<&str>,
    age: Option<u64>,
    is_missing: bool,
    lost: Option<&LostStatus>,
) -> (String, String) {
    let resource = resource(|_| {});
    let sink = validated(&resource);
    let mut externals = externals(&sink);
    let topic = sink.topics[0].name.clone();
    if let Some(view) = externals.kafka.as_mut().unwrap().topics.get_mut(&topic) {
        view.config = kept.map(|kept| [("retention.ms".to_owned(), kept.to_owned())].into());
    }
    let known = age.map(|minutes| ((topic.clone(), 3), Duration::from_secs(minutes * 60)));
    let unknown = is_missing.then_some((topic, 1));
    let ages = Ages { known: known.into_iter().collect(), unknown: unknown.into_iter().collect() };
    let findings = Findings { ages: &ages, lost, ..findings(&sink, &externals, &RUNNING) };
    let status = status(&resource, &findings, NOW);
    let condition = find(&status.conditions, ConditionType::RetentionAtRisk).unwrap();
    (format!("{} {}", condition.status, condition.reason), condition.message.clone())
}

#[test]
fn warns_at_half_and_at_four_fifths_of_a_topics_retention_with_the_time_left() {
    let check = |age, is_missing, expected: &str, part: &str| {
        let (verdict, message) = risk(age, is_missing, None);
        assert_eq!(verdict, expected, "{age:?} {message}");
        assert!(message.contains(part), "{message}");
    };
    check(None, false, "False Reconciled", "no message");
    check(None, true, "Unknown NotChecked", "not known");
    check(Some(299), false, "False Reconciled", "no message");
    check(
        Some(300),
        false,
        "True LagHalfOfRetention",
        "partition 3, that waits has passed 50 % of the 10 hours that it is kept for",
    );
    check(Some(300), true, "True LagHalfOfRetention", "goes in 4 hours to 5 hours");
    check(Some(480), false, "True LagNearRetention", "goes in 60 minutes to 2 hours");
    check(Some(540), false, "True LagNearRetention", "goes in at most 60 minutes");
    check(Some(601), false, "True LagNearRetention", "may go at any moment");
}

#[test]
fn is_not_known_where_the_brokers_do_not_tell_how_long_a_topic_keeps_messages() {
    let check = |kept, age, is_missing, expected: &str| {
        assert_eq!(risk_of(kept, age, is_missing, None).0, expected, "{kept:?} {age:?} {is_missing}");
    };
    check(None, Some(60_000), false, "Unknown NotChecked");
    check(None, None, true, "Unknown NotChecked");
    check(None, None, false, "False Reconciled");
    check(Some("-1"), Some(60_000), false, "False Reconciled");
    check(Some("-1"), None, true, "False Reconciled");
}

#[test]
fn says_the_same_while_messages_grow_older_in_several_partitions() {
    let resource = resource(|_| {});
    let sink = validated(&resource);
    let mut externals = externals(&sink);
    let topic = sink.topics[0].name.clone();
    let view = externals.kafka.as_mut().unwrap().topics.get_mut(&topic).unwrap();
    view.config = Some([("retention.ms".to_owned(), "36000000".to_owned())].into());
    let mut said = std::collections::BTreeSet::new();
    // Ten hours, minute by minute; each minute another partition has the oldest message.
    for minute in 0..600 {
        let age = |number: u64| Duration::from_secs(minute * 60 + u64::from(minute % 4 == number));
        let known = (0..4_u8).map(|number| ((topic.clone(), i32::from(number)), age(number.into())));
        let ages = Ages { known: known.collect(), unknown: Vec::new() };
        let status =
            status(&resource, &Findings { ages: &ages, ..findings(&sink, &externals, &RUNNING) }, NOW);
        said.insert(find(&status.conditions, ConditionType::RetentionAtRisk).unwrap().message.clone());
    }
    assert_eq!(said.len(), 6, "{said:#?}");
}

#[test]
fn shows_a_loss_for_an_hour() {
    let lost_at = |last| LostStatus { messages: 7, last: Some(Time(last)), members: Vec::new() };
    let lately = NOW - SignedDuration::from_mins(59);
    let (verdict, message) = risk(Some(500), false, Some(&lost_at(lately)));
    assert_eq!(verdict, "True LostToRetention");
    assert!(
        message.starts_with("7 messages in all left Kafka")
            && message.contains("goes in 60 minutes to 2 hours"),
        "{message}"
    );
    let long_ago = NOW - SignedDuration::from_mins(61);
    assert_eq!(risk(None, false, Some(&lost_at(long_ago))).0, "False Reconciled");
}

#[test]
fn counts_what_left_kafka_while_no_member_runs() {
    let resource = resource(|sink| sink.spec.paused = Some(true));
    let sink = validated(&resource);
    let mut externals = externals(&sink);
    let partition = PartitionView {
        topic: sink.topics[0].name.clone(),
        partition: 0,
        first: 30,
        end: 40,
        committed: Some(10),
    };
    externals.kafka.as_mut().unwrap().group = Some(GroupView { members: None, partitions: vec![partition] });
    let findings = Findings { workload: Ok(None), ..findings(&sink, &externals, &RUNNING) };
    let status = status(&resource, &findings, NOW);
    let condition = find(&status.conditions, ConditionType::RetentionAtRisk).unwrap();
    assert_eq!((condition.status.as_str(), condition.reason.as_str()), ("True", "LostToRetention"));
    assert!(condition.message.starts_with("20 messages or more left Kafka"), "{}", condition.message);
}

#[test]
fn a_sink_whose_partitions_are_held_is_not_ready() {
    let resource = resource(|_| {});
    let sink = validated(&resource);
    let externals = externals(&sink);
    let report = MemberReport { pod: "cameras-sink-0".to_owned(), held: 2, ..MemberReport::default() };
    let members = MembersView { reports: vec![report], ..MembersView::default() };
    let findings = Findings { members: &members, ..findings(&sink, &externals, &RUNNING) };
    let status = status(&resource, &findings, NOW);
    assert_eq!(
        summary(&status),
        "Ready=False PartitionsHeld, Reconciling=False PartitionsHeld, Stalled=True PartitionsHeld"
    );
    let ready = find(&status.conditions, ConditionType::Ready).unwrap();
    assert!(ready.message.starts_with("2 partitions of pod cameras-sink-0 are held"), "{}", ready.message);
}

#[test]
fn it_is_not_known_what_a_member_holds_that_has_long_been_silent() {
    let resource = resource(|_| {});
    let sink = validated(&resource);
    let externals = externals(&sink);
    let members = MembersView { silent: vec!["cameras-sink-1".to_owned()], ..MembersView::default() };
    let findings = Findings { members: &members, ..findings(&sink, &externals, &RUNNING) };
    let status = status(&resource, &findings, NOW);
    assert_eq!(
        summary(&status),
        "Ready=Unknown NotChecked, Reconciling=True NotChecked, Stalled=Unknown NotChecked"
    );
    let ready = find(&status.conditions, ConditionType::Ready).unwrap();
    assert!(ready.message.starts_with("pod cameras-sink-1 held partitions when it"), "{}", ready.message);
}
