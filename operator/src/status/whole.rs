//! Pure. The status as a whole, for sinks that were reconciled and for resources that could not be.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kafkasink_crds::resource::{ConditionType, EffectiveSettings, KafkaSink, KafkaSinkStatus, Reason};
use kube::ResourceExt;

use super::findings::Findings;
use super::{binding, conditions, effective, group, topics, verdicts, warnings};
use crate::desired::selector;
use crate::model::{Problem, WorkloadView};
use crate::requeue::Next;

/// Kubernetes makes pods at once, unless a quota or policy forbids them.
const AWAITED_MAX: SignedDuration = SignedDuration::from_mins(2);

/// Returns the status of a sink that was reconciled.
pub(crate) fn status(resource: &KafkaSink, findings: &Findings<'_>, now: Timestamp) -> KafkaSinkStatus {
    let previous = previous(resource);
    let Findings { sink, externals, .. } = findings;
    let view = findings.workload.unwrap_or(findings.before);
    let verdicts = verdicts::verdicts(findings, now);
    let status = KafkaSinkStatus {
        observed_generation: resource.metadata.generation,
        conditions: conditions::merge(&previous.conditions, &verdicts, resource.metadata.generation, now),
        selector: Some(selector(sink.names.sink())),
        topics: topics::topics(&sink.identity.uid, externals, &previous.topics),
        topics_ready: topics::ready(sink, externals).or(previous.topics_ready),
        partitions: topics::partitions(sink, externals).or(previous.partitions),
        consumer_group: group::group(findings).or(previous.consumer_group),
        binding: binding::binding(findings, previous.binding),
        effective: Some(effective::effective(sink, view.map(|view| view.desired))),
        warnings: warnings::warnings(findings, &previous.warnings, now),
        mappings: previous.mappings,
        lost_to_retention: findings.lost.cloned(),
        replicas: previous.replicas,
        replicas_ready: previous.replicas_ready,
    };
    with_pods(status, view, findings.replicas.effective)
}

/// Returns the status of a resource that cannot be honoured; pods that run are left alone.
pub(crate) fn refused(
    resource: &KafkaSink,
    problem: &Problem,
    workload: Option<&WorkloadView>,
    now: Timestamp,
) -> KafkaSinkStatus {
    let previous = previous(resource);
    let mut verdicts = verdicts::refused(problem, &previous.conditions);
    verdicts::set_paused(&mut verdicts, resource.spec.paused == Some(true));
    let replicas = workload.and_then(|view| i32::try_from(view.desired).ok());
    let status = KafkaSinkStatus {
        observed_generation: resource.metadata.generation,
        conditions: conditions::merge(&previous.conditions, &verdicts, resource.metadata.generation, now),
        selector: Some(selector(&resource.name_any())),
        effective: previous.effective.map(|effective| EffectiveSettings { replicas, ..effective }),
        ..previous
    };
    with_pods(status, workload, workload.map_or(resource.spec.replicas, |view| view.desired))
}

/// Returns the status of a resource that cannot even be read; what was written of topics must not be forgotten.
pub(crate) fn unreadable(
    metadata: &ObjectMeta,
    previous: KafkaSinkStatus,
    problem: &Problem,
    now: Timestamp,
) -> KafkaSinkStatus {
    let verdicts = verdicts::refused(problem, &previous.conditions);
    KafkaSinkStatus {
        observed_generation: metadata.generation,
        conditions: conditions::merge(&previous.conditions, &verdicts, metadata.generation, now),
        ..previous
    }
}

/// Tells whether the status has been saying for long that pods start.
pub(crate) fn pods_awaited_long(resource: &KafkaSink, now: Timestamp) -> bool {
    let conditions = resource.status.iter().flat_map(|status| &status.conditions);
    let starting = [Reason::RolloutInProgress, Reason::PodsNotReady];
    conditions.into_iter().any(|condition| {
        condition.type_ == ConditionType::WorkloadAvailable.as_str()
            && starting.iter().any(|reason| reason.as_str() == condition.reason)
            && now.duration_since(condition.last_transition_time.0) > AWAITED_MAX
    })
}

/// Tells whether the status says that the bucket takes no more.
pub(crate) fn is_bucket_full(resource: &KafkaSink) -> bool {
    let conditions = resource.status.as_ref().map_or(&[][..], |status| &status.conditions);
    let target = conditions::find(conditions, ConditionType::TargetReady);
    target.is_some_and(|target| target.reason == Reason::BucketFull.as_str())
}

/// Returns when a sink with this status is looked at again.
pub(crate) fn next(findings: &Findings<'_>) -> Next {
    let complete = findings.workload.ok().flatten().is_some_and(WorkloadView::is_complete);
    let started = findings.replicas.effective > 0;
    match verdicts::problem(findings) {
        Some(_) => Next::Failed,
        None if complete || !started => Next::Healthy,
        None => Next::Rolling,
    }
}

/// Returns the status with the lag that was written last, where a new one is not due yet.
pub(crate) fn with_lag_of(
    mut status: KafkaSinkStatus,
    previous: Option<&KafkaSinkStatus>,
) -> KafkaSinkStatus {
    let written = previous.and_then(|previous| previous.consumer_group.as_ref());
    if let (Some(group), Some(written)) = (&mut status.consumer_group, written) {
        group.lag_messages = written.lag_messages;
        group.lag_seconds = written.lag_seconds;
    }
    status
}

/// Tells whether the lag is about what is written.
pub(crate) fn keeps_its_lag(found: &KafkaSinkStatus, previous: Option<&KafkaSinkStatus>) -> bool {
    let written = previous.and_then(|previous| previous.consumer_group.as_ref());
    match (&found.consumer_group, written) {
        (Some(now), Some(written)) => group::is_about(now, written),
        (now, written) => now.as_ref() == written,
    }
}

fn previous(resource: &KafkaSink) -> KafkaSinkStatus {
    resource.status.clone().unwrap_or_default()
}

/// Adds what the status says of pods.
fn with_pods(status: KafkaSinkStatus, view: Option<&WorkloadView>, wanted: u32) -> KafkaSinkStatus {
    let (existing, ready) = view.map_or((0, 0), |view| (view.existing, view.ready));
    KafkaSinkStatus {
        replicas: i32::try_from(existing).ok(),
        replicas_ready: Some(format!("{ready}/{wanted}")),
        ..status
    }
}
