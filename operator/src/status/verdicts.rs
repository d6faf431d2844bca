//! Pure. What is said of each condition.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kafkasink_crds::resource::{ConditionType, Reason};

use super::conditions::{Truth, Verdict, find};
use super::findings::Findings;
use super::reasons::needs_person;
use super::{held, retention};
use crate::model::{Problem, TopicOutcome, WorkloadView};
use crate::permissions;

/// What is said while nobody needs to act.
const AT_WORK: &str = "the operator is at work and tries again by itself";

/// What is said while only a person can go on.
const BLOCKED: &str = "somebody must act first; see Stalled";

/// Returns a verdict for every condition, `Ready` first.
pub(super) fn verdicts(findings: &Findings<'_>, now: Timestamp) -> Vec<Verdict> {
    let available = workload_available(findings);
    let ready = ready(findings, &available);
    let stalled = match (problem(findings), held::silence(findings.members)) {
        (None, Some(silence)) => verdict(ConditionType::Stalled, Truth::Unknown, Reason::NotChecked, silence),
        (problem, _) => stalled(problem.as_ref()),
    };
    let reconciling = reconciling(findings, &ready, &stalled);
    vec![
        ready,
        reconciling,
        stalled,
        kafka_reachable(findings),
        topics_ready(findings),
        target_ready(findings),
        available,
        replicas_limited(findings),
        retention::at_risk(findings, now),
        paused(findings.sink.paused),
    ]
}

/// Returns the verdicts on a resource that cannot be honoured: what was said of the rest still holds.
pub(super) fn refused(problem: &Problem, previous: &[Condition]) -> Vec<Verdict> {
    let kept = [
        ConditionType::KafkaReachable,
        ConditionType::TopicsReady,
        ConditionType::TargetReady,
        ConditionType::WorkloadAvailable,
        ConditionType::ReplicasLimited,
        ConditionType::RetentionAtRisk,
        ConditionType::Paused,
    ];
    let not_checked =
        |kind| verdict(kind, Truth::Unknown, Reason::NotChecked, "the resource cannot be honoured as it is");
    let ready = verdict(ConditionType::Ready, Truth::False, problem.reason, problem.message.clone());
    let stalled = stalled(Some(problem));
    let reconciling = match stalled.truth {
        Truth::True => (Truth::False, BLOCKED),
        Truth::False | Truth::Unknown => (Truth::True, AT_WORK),
    };
    let reconciling = verdict(ConditionType::Reconciling, reconciling.0, problem.reason, reconciling.1);
    let mut verdicts = vec![ready, reconciling, stalled];
    verdicts.extend(kept.into_iter().map(|kind| again(previous, kind).unwrap_or_else(|| not_checked(kind))));
    verdicts
}

/// Returns the first thing that keeps the sink from being as declared.
pub(super) fn problem(findings: &Findings<'_>) -> Option<Problem> {
    let externals = findings.externals;
    let kafka = externals.kafka.as_ref().err();
    let store = externals.store.as_ref().err();
    let topic = externals.topics.iter().find_map(|topic| topic.problem.as_ref());
    let found = store.or(externals.bucket.problem.as_ref()).or(topic).or(findings.workload.err());
    let forbidden =
        || externals.kafka.as_ref().ok().and_then(|seen| permissions::problem(findings.sink, seen));
    kafka.cloned().or_else(forbidden).or_else(|| found.cloned()).or_else(|| held::problem(findings.members))
}

fn verdict(condition: ConditionType, truth: Truth, reason: Reason, message: impl Into<String>) -> Verdict {
    Verdict { condition, truth, reason, message: message.into() }
}

/// What was said of a condition before.
fn again(previous: &[Condition], kind: ConditionType) -> Option<Verdict> {
    let condition = find(previous, kind)?;
    let reason = *Reason::ALL.iter().find(|reason| reason.as_str() == condition.reason)?;
    let truth = match condition.status.as_str() {
        "True" => Truth::True,
        "False" => Truth::False,
        _ => Truth::Unknown,
    };
    Some(verdict(kind, truth, reason, condition.message.clone()))
}

fn ready(findings: &Findings<'_>, available: &Verdict) -> Verdict {
    let say = |truth, reason, message: String| verdict(ConditionType::Ready, truth, reason, message);
    if findings.sink.paused {
        return say(
            Truth::True,
            Reason::Paused,
            "the sink is paused; set paused to false to go on".to_owned(),
        );
    }
    if findings.sink.replicas == 0 {
        return say(
            Truth::True,
            Reason::ScaledToZero,
            "replicas is 0; raise it to start the sink".to_owned(),
        );
    }
    if let Some(problem) = problem(findings) {
        return say(Truth::False, problem.reason, problem.message);
    }
    if available.truth != Truth::True {
        return say(Truth::False, available.reason, available.message.clone());
    }
    if let Some(silence) = held::silence(findings.members) {
        return say(Truth::Unknown, Reason::NotChecked, silence);
    }
    let (pods, topics) = (findings.replicas.effective, findings.sink.topics.len());
    let message = format!(
        "{} from {} into bucket {}",
        plural(u64::from(pods), "pod writes", "pods write"),
        plural(u64::try_from(topics).unwrap_or(u64::MAX), "topic", "topics"),
        findings.sink.bucket.name
    );
    say(Truth::True, Reason::Reconciled, message)
}

fn stalled(problem: Option<&Problem>) -> Verdict {
    match problem.filter(|problem| needs_person(problem.reason)) {
        Some(problem) => {
            verdict(ConditionType::Stalled, Truth::True, problem.reason, problem.message.clone())
        }
        None => verdict(ConditionType::Stalled, Truth::False, Reason::Reconciled, "nobody needs to act"),
    }
}

fn reconciling(findings: &Findings<'_>, ready: &Verdict, stalled: &Verdict) -> Verdict {
    let complete = match findings.workload {
        Ok(Some(view)) => view.is_complete(),
        Ok(None) => findings.replicas.effective == 0,
        Err(_) => true,
    };
    if stalled.truth == Truth::True {
        let kind = ConditionType::Reconciling;
        return verdict(kind, Truth::False, stalled.reason, BLOCKED);
    }
    if ready.truth == Truth::True && complete {
        return verdict(
            ConditionType::Reconciling,
            Truth::False,
            Reason::Reconciled,
            "nothing is left to do",
        );
    }
    let reason = if ready.truth == Truth::True { Reason::Progressing } else { ready.reason };
    verdict(ConditionType::Reconciling, Truth::True, reason, AT_WORK)
}

fn kafka_reachable(findings: &Findings<'_>) -> Verdict {
    let kind = ConditionType::KafkaReachable;
    let problem = match &findings.externals.kafka {
        Ok(kafka) => permissions::problem(findings.sink, kafka),
        Err(problem) => Some(problem.clone()),
    };
    match problem {
        None => verdict(kind, Truth::True, Reason::Reconciled, "the brokers answer and let the sink in"),
        Some(problem) => verdict(kind, Truth::False, problem.reason, problem.message),
    }
}

fn topics_ready(findings: &Findings<'_>) -> Verdict {
    let kind = ConditionType::TopicsReady;
    if findings.externals.kafka.is_err() {
        return verdict(kind, Truth::Unknown, Reason::NotChecked, "the brokers could not be asked");
    }
    let topics = &findings.externals.topics;
    let drifts = topics.iter().filter_map(|topic| topic.drift.as_ref());
    let mut problems = topics.iter().filter_map(|topic| topic.problem.as_ref()).chain(drifts);
    let opaque = topics.iter().find(|topic| !topic.is_compared());
    match (problems.next(), problems.count()) {
        (None, _) => match opaque {
            None => verdict(kind, Truth::True, Reason::Reconciled, "every topic is as declared"),
            Some(TopicOutcome { name, .. }) => {
                let message = format!(
                    "the brokers do not tell how topic {name} is configured; add the ACLs that KafkaReachable names"
                );
                verdict(kind, Truth::Unknown, Reason::NotChecked, message)
            }
        },
        (Some(first), 0) => verdict(kind, Truth::False, first.reason, first.message.clone()),
        (Some(first), more) => {
            let message = format!("{} (and {more} more)", first.message);
            verdict(kind, Truth::False, first.reason, message)
        }
    }
}

fn target_ready(findings: &Findings<'_>) -> Verdict {
    let kind = ConditionType::TargetReady;
    let (store, bucket) = (findings.externals.store.as_ref().err(), &findings.externals.bucket);
    match store.or(bucket.problem.as_ref()).or(bucket.drift.as_ref()) {
        None => verdict(kind, Truth::True, Reason::Reconciled, "the bucket is as declared"),
        Some(problem) => verdict(kind, Truth::False, problem.reason, problem.message.clone()),
    }
}

fn workload_available(findings: &Findings<'_>) -> Verdict {
    let say =
        |truth, reason, message: String| verdict(ConditionType::WorkloadAvailable, truth, reason, message);
    let wanted = findings.replicas.effective;
    match findings.workload {
        Err(problem) => say(Truth::False, problem.reason, problem.message.clone()),
        Ok(_) if wanted == 0 => {
            let reason = if findings.sink.paused { Reason::Paused } else { Reason::ScaledToZero };
            say(Truth::True, reason, "no pods are asked for".to_owned())
        }
        Ok(None) => say(
            Truth::False,
            Reason::NotChecked,
            "no pod starts before topics and bucket are ready; see the other conditions".to_owned(),
        ),
        Ok(Some(view)) => pods(findings, view, say),
    }
}

fn pods(
    findings: &Findings<'_>,
    view: &WorkloadView,
    say: impl Fn(Truth, Reason, String) -> Verdict,
) -> Verdict {
    let (ready, wanted, each) = (view.ready, view.desired, findings.pods);
    let pods_are = plural(u64::from(wanted), "pod is", "pods are");
    if ready >= wanted && view.settled {
        return say(Truth::True, Reason::Reconciled, "every pod is ready".to_owned());
    }
    if let Some(trouble) = each.iter().find_map(|pod| pod.trouble.as_ref()) {
        let message = format!("{ready} of {pods_are} ready, {trouble}; see kubectl describe pod");
        return say(Truth::False, Reason::PodsNotReady, message);
    }
    if each.iter().any(|pod| pod.overdue) {
        let message = format!(
            "{ready} of {pods_are} ready; see kubectl describe pod and the logs of those that are not"
        );
        return say(Truth::False, Reason::PodsNotReady, message);
    }
    if findings.awaited_long && view.settled && view.existing < wanted {
        let (existing, name) = (view.existing, findings.sink.names.base());
        let message = format!(
            "{existing} of {} and Kubernetes makes no more; see kubectl describe statefulset {name}",
            plural(u64::from(wanted), "pod exists", "pods exist")
        );
        return say(Truth::False, Reason::PodsNotReady, message);
    }
    let message = format!("{ready} of {pods_are} ready, others start or stop; wait");
    say(Truth::False, Reason::RolloutInProgress, message)
}

fn replicas_limited(findings: &Findings<'_>) -> Verdict {
    let kind = ConditionType::ReplicasLimited;
    match findings.replicas.limited_by_partitions {
        None => verdict(kind, Truth::False, Reason::Reconciled, "as many pods as asked for"),
        Some(partitions) => {
            let message = format!(
                "replicas is {} and the topics have {} in all, so {}; raise partitions or lower replicas",
                findings.sink.replicas,
                plural(u64::from(partitions), "partition", "partitions"),
                plural(u64::from(partitions), "pod runs", "pods run"),
            );
            verdict(kind, Truth::True, Reason::PartitionCount, message)
        }
    }
}

/// Says of a resource that cannot be honoured whether it is paused: that is honoured all the same.
pub(super) fn set_paused(verdicts: &mut Vec<Verdict>, is_paused: bool) {
    verdicts.retain(|verdict| verdict.condition != ConditionType::Paused);
    verdicts.push(paused(is_paused));
}

fn paused(is_paused: bool) -> Verdict {
    let kind = ConditionType::Paused;
    if is_paused {
        return verdict(kind, Truth::True, Reason::Paused, "paused is set; no pod runs, everything is kept");
    }
    verdict(kind, Truth::False, Reason::Reconciled, "the sink is not paused")
}

fn plural(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}
