//! Pure. The status of a sink in every state that a person may meet: one line per state.

mod drift;
mod expiry;
mod risk;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use kafkasink_crds::resource::{ConditionType, KafkaSink, KafkaSinkStatus, Reason};

use super::{Findings, find, pods_awaited_long, refused, status};
use crate::desired::{effective_replicas, replicas};
use crate::model::{
    Ages, AppliedExternals, BucketOutcome, Fetched, GroupView, KafkaView, MembersView, PodView, Problem,
    StoreView, TopicChange, TopicOutcome, TopicView, ValidatedSink, WorkloadView,
};
use crate::validate::validate;

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 5);
const LATER: Timestamp = Timestamp::constant(1_800_000_060, 7);

/// A sink of one topic with two replicas, after whatever `spec` changes.
fn resource(change: impl FnOnce(&mut KafkaSink)) -> KafkaSink {
    let text = include_str!("../../../crds/tests/valid/smallest.yaml");
    let mut resource: KafkaSink = serde_saphyr::from_str(text).unwrap();
    resource.metadata.namespace = Some("plant".to_owned());
    resource.metadata.uid = Some("u".to_owned());
    resource.metadata.generation = Some(3);
    change(&mut resource);
    resource
}

fn validated(resource: &KafkaSink) -> ValidatedSink {
    validate(resource, &Fetched::without_tokens(), "image").unwrap()
}

/// Topic and bucket as declared.
fn externals(sink: &ValidatedSink) -> AppliedExternals {
    let name = sink.topics[0].name.clone();
    let view =
        TopicView { id: "id".to_owned(), partitions: 4, replication_factor: 1, config: Some([].into()) };
    let kafka = KafkaView {
        cluster_id: "c".to_owned(),
        brokers: 1,
        auto_creates_topics: None,
        topics: [(name.clone(), view.clone())].into(),
        group: Some(GroupView { members: Some(2), partitions: Vec::new() }),
        ..KafkaView::default()
    };
    let outcome =
        TopicOutcome { name, owner: None, view: Some(view), changes: Vec::new(), problem: None, drift: None };
    let store = StoreView { managed: true, ..StoreView::default() };
    AppliedExternals {
        kafka: Ok(kafka),
        topics: vec![outcome],
        store: Ok(store),
        bucket: BucketOutcome { usable: true, ..BucketOutcome::default() },
    }
}

fn problem(reason: Reason) -> Problem {
    Problem::new(reason, "cause; remedy")
}

fn pods(desired: u32, existing: u32, ready: u32, settled: bool) -> WorkloadView {
    WorkloadView { desired, existing, ready, settled, version: String::new() }
}

static NO_MEMBERS: MembersView = MembersView { reports: Vec::new(), silent: Vec::new() };
static NO_AGES: Ages = Ages { known: BTreeMap::new(), unknown: Vec::new() };

static RUNNING: WorkloadView =
    WorkloadView { desired: 2, existing: 2, ready: 2, settled: true, version: String::new() };

/// What a look at a sink finds while nothing changes.
fn findings<'a>(
    sink: &'a ValidatedSink,
    externals: &'a AppliedExternals,
    workload: &'a WorkloadView,
) -> Findings<'a> {
    Findings {
        sink,
        externals,
        replicas: effective_replicas(sink, externals),
        workload: Ok(Some(workload)),
        before: None,
        awaited_long: false,
        pods: &[],
        members: &NO_MEMBERS,
        ages: &NO_AGES,
        expiries: &[],
        lost: None,
    }
}

/// The status of a sink whose pods run.
fn found(resource: &KafkaSink, sink: &ValidatedSink, externals: &AppliedExternals) -> KafkaSinkStatus {
    status(resource, &findings(sink, externals, &RUNNING), NOW)
}

/// `Ready`, `Reconciling` and `Stalled` with their reasons, in one line.
fn summary(status: &KafkaSinkStatus) -> String {
    let word = |kind| {
        let condition = find(&status.conditions, kind).unwrap();
        format!("{}={} {}", condition.type_, condition.status, condition.reason)
    };
    [ConditionType::Ready, ConditionType::Reconciling, ConditionType::Stalled].map(word).join(", ")
}

fn check(
    resource: &KafkaSink,
    change: impl FnOnce(&mut AppliedExternals),
    workload: &Result<Option<WorkloadView>, Problem>,
    expected: &str,
) {
    let sink = validated(resource);
    let mut externals = externals(&sink);
    change(&mut externals);
    let workload = workload.as_ref().map(Option::as_ref);
    let findings = Findings { workload, ..findings(&sink, &externals, &RUNNING) };
    assert_eq!(summary(&status(resource, &findings, NOW)), expected);
}

#[test]
fn is_ready_once_every_pod_is() {
    let sink = resource(|_| {});
    check(
        &sink,
        |_| {},
        &Ok(Some(pods(2, 2, 2, true))),
        "Ready=True Reconciled, Reconciling=False Reconciled, Stalled=False Reconciled",
    );
    check(
        &sink,
        |_| {},
        &Ok(Some(pods(2, 0, 0, false))),
        "Ready=False RolloutInProgress, Reconciling=True RolloutInProgress, Stalled=False Reconciled",
    );
    check(
        &sink,
        |_| {},
        &Ok(Some(pods(2, 2, 1, true))),
        "Ready=False RolloutInProgress, Reconciling=True RolloutInProgress, Stalled=False Reconciled",
    );
}

#[test]
fn tells_what_passes_by_itself_from_what_needs_a_person() {
    let sink = resource(|_| {});
    check(
        &sink,
        |externals| externals.kafka = Err(problem(Reason::KafkaUnreachable)),
        &Ok(None),
        "Ready=False KafkaUnreachable, Reconciling=True KafkaUnreachable, Stalled=False Reconciled",
    );
    check(
        &sink,
        |externals| externals.bucket.problem = Some(problem(Reason::BucketNotFound)),
        &Ok(None),
        "Ready=False BucketNotFound, Reconciling=False BucketNotFound, Stalled=True BucketNotFound",
    );
    check(
        &sink,
        |externals| externals.topics[0].problem = Some(problem(Reason::PartitionDecreaseNotSupported)),
        &Ok(Some(pods(2, 2, 2, true))),
        "Ready=False PartitionDecreaseNotSupported, Reconciling=False PartitionDecreaseNotSupported, \
         Stalled=True PartitionDecreaseNotSupported",
    );
    check(
        &sink,
        |_| {},
        &Err(problem(Reason::WorkloadRefused)),
        "Ready=False WorkloadRefused, Reconciling=False WorkloadRefused, Stalled=True WorkloadRefused",
    );
}

#[test]
fn tells_when_pods_are_awaited_for_too_long() {
    let mut resource = resource(|_| {});
    let sink = validated(&resource);
    let externals = externals(&sink);
    let mut check = |workload: WorkloadView, pod: PodView, now: Timestamp, expected: &str| {
        let pods = [pod];
        let awaited_long = pods_awaited_long(&resource, now);
        let findings = Findings { awaited_long, pods: &pods, ..findings(&sink, &externals, &workload) };
        let status = status(&resource, &findings, now);
        assert!(summary(&status).starts_with(expected), "{status:?}");
        resource.status = Some(status);
    };
    let [minute, later] = [60, 121].map(|after| NOW + SignedDuration::from_secs(after));
    let overdue = || PodView { overdue: true, ..PodView::default() };
    check(pods(2, 1, 1, true), PodView::default(), NOW, "Ready=False RolloutInProgress");
    check(pods(2, 1, 1, true), PodView::default(), minute, "Ready=False RolloutInProgress");
    check(pods(2, 1, 1, true), PodView::default(), later, "Ready=False PodsNotReady");
    check(pods(2, 2, 1, true), PodView::default(), later, "Ready=False RolloutInProgress");
    check(pods(2, 2, 1, true), overdue(), later, "Ready=False PodsNotReady");
}

#[test]
fn remembers_the_pods_while_kubernetes_refuses_new_ones() {
    let resource = resource(|_| {});
    let sink = validated(&resource);
    let externals = externals(&sink);
    let (refusal, before) = (problem(Reason::WorkloadRefused), pods(2, 2, 2, true));
    let findings =
        Findings { workload: Err(&refusal), before: Some(&before), ..findings(&sink, &externals, &RUNNING) };
    let status = status(&resource, &findings, NOW);
    assert_eq!((status.replicas, status.replicas_ready.as_deref()), (Some(2), Some("2/2")));
    assert_eq!(status.effective.unwrap().replicas, Some(2));
}

#[test]
fn a_sink_that_stands_still_on_purpose_is_ready() {
    check(
        &resource(|sink| sink.spec.paused = Some(true)),
        |externals| externals.kafka = Err(problem(Reason::KafkaUnreachable)),
        &Ok(Some(pods(0, 0, 0, true))),
        "Ready=True Paused, Reconciling=False Reconciled, Stalled=False Reconciled",
    );
    check(
        &resource(|sink| sink.spec.replicas = 0),
        |_| {},
        &Ok(None),
        "Ready=True ScaledToZero, Reconciling=False Reconciled, Stalled=False Reconciled",
    );
}

#[test]
fn runs_no_more_pods_than_there_are_partitions() {
    let sink = validated(&resource(|sink| sink.spec.replicas = 9));
    let of = |partitions| {
        let replicas = replicas(&sink, partitions);
        (replicas.effective, replicas.limited_by_partitions)
    };
    assert_eq!(of(Some(4)), (4, Some(4)));
    assert_eq!(of(Some(9)), (9, None));
    assert_eq!(of(None), (9, None), "what is not known limits nothing");
}

#[test]
fn times_move_only_when_a_status_changes() {
    let mut sink = resource(|_| {});
    let first = refused(&sink, &problem(Reason::SecretNotFound), None, NOW);
    sink.status = Some(first.clone());
    let again = refused(&sink, &problem(Reason::SecretNotFound), None, LATER);
    assert_eq!(again, first);
    let other = refused(&sink, &problem(Reason::NotImplementedYet), None, LATER);
    let time = |status: &KafkaSinkStatus| {
        find(&status.conditions, ConditionType::Ready).unwrap().last_transition_time.0
    };
    assert_eq!(time(&other), time(&first), "another reason is no transition");
    assert_eq!(time(&first).subsec_nanosecond(), 0);
}

#[test]
fn a_topic_created_again_by_somebody_else_is_not_ours() {
    let resource = resource(|_| {});
    let sink = validated(&resource);
    let mut world = externals(&sink);
    world.topics[0].changes = vec![TopicChange::Created];
    let created = super::topics::topics("u", &world, &[]);
    assert_eq!((created[0].created, created[0].life), (Some(true), Some(1)));
    world.topics[0].changes.clear();
    let seen = super::topics::topics("u", &world, &created);
    assert_eq!((seen[0].created, seen[0].life), (Some(true), Some(1)));
    if let Some(view) = &mut world.topics[0].view {
        view.id = "another".to_owned();
    }
    let foreign = super::topics::topics("u", &world, &seen);
    assert_eq!((foreign[0].created, foreign[0].life), (Some(false), Some(2)));
}

#[test]
fn a_topic_that_could_not_be_seen_after_its_creation_stays_ours() {
    let resource = resource(|_| {});
    let sink = validated(&resource);
    let mut world = externals(&sink);
    let view = world.topics[0].view.take();
    world.topics[0].changes = vec![TopicChange::Created];
    let created = super::topics::topics("u", &world, &[]);
    world.topics[0].changes.clear();
    world.topics[0].view = view;
    let seen = super::topics::topics("u", &world, &created);
    assert_eq!((seen[0].created, seen[0].life), (Some(true), Some(1)));
}

#[test]
fn a_life_is_counted_although_the_topic_could_not_be_seen_after_its_creation() {
    let resource = resource(|_| {});
    let sink = validated(&resource);
    let mut world = externals(&sink);
    let first = super::topics::topics("u", &world, &[]);
    assert_eq!(first[0].life, Some(1));
    // Somebody has deleted it, the operator creates it again, and the brokers fall silent.
    let view = world.topics[0].view.take();
    world.topics[0].changes = vec![TopicChange::Created];
    let kafka = std::mem::replace(&mut world.kafka, Err(problem(Reason::KafkaUnreachable)));
    let created = super::topics::topics("u", &world, &first);
    assert_eq!((created[0].created, created[0].life, created[0].id.as_ref()), (Some(true), Some(1), None));
    world.kafka = kafka;
    world.topics[0].changes.clear();
    world.topics[0].view = view.map(|view| TopicView { id: "another".to_owned(), ..view });
    let seen = super::topics::topics("u", &world, &created);
    assert_eq!((seen[0].created, seen[0].life), (Some(true), Some(2)));
}
