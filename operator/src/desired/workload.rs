//! Pure. Whether pods may run, how many, and of what.

use kafkasink_crds::resource::{KafkaSinkSpec, Reason};

use crate::model::{
    AppliedExternals, Fetched, Problem, ValidatedSink, ValidatedTopic, Workload, WorkloadObjects,
};
use crate::names::ContentHash;
use crate::permissions;

use super::{config_map, pod_disruption_budget, runtime_config, service, service_account, stateful_set};

/// How many pods run, and why not as many as asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Replicas {
    /// How many run.
    pub(crate) effective: u32,
    /// The number of partitions, where it is what limits them.
    pub(crate) limited_by_partitions: Option<u32>,
}

/// Returns how many pods run: a pod without a partition would only wait. `partitions` is `None` where it is unknown.
pub(crate) fn replicas(sink: &ValidatedSink, partitions: Option<u32>) -> Replicas {
    let asked = if sink.paused { 0 } else { sink.replicas };
    let limit = partitions.filter(|partitions| *partitions < asked);
    Replicas { effective: limit.unwrap_or(asked), limited_by_partitions: limit }
}

/// Returns how many pods run, with the partitions that were seen.
pub(crate) fn effective_replicas(sink: &ValidatedSink, externals: &AppliedExternals) -> Replicas {
    replicas(sink, partitions(sink, externals))
}

/// Returns what is to be done in Kubernetes.
///
/// Where something keeps the sink from working as declared, no first pod starts, and pods that run are left as they
/// are: the last good configuration stays in force. Fewer of them is always possible.
///
/// # Errors
/// An object that cannot be written down.
pub(crate) fn workload(
    sink: &ValidatedSink,
    externals: &AppliedExternals,
    fetched: &Fetched,
) -> Result<Workload, BuildError> {
    let replicas = effective_replicas(sink, externals).effective;
    match (blocker(sink, externals), &fetched.workload) {
        (None, _) => Ok(Workload::Run(Box::new(objects(sink, replicas)?))),
        (Some(_), None) => Ok(Workload::Absent),
        (Some(problem), Some(view)) => {
            // What pods would store of another cluster under the same addresses, nobody could take back.
            let is_another = problem.reason == Reason::KafkaIdentityChanged;
            let wanted = if is_another { 0 } else { replicas };
            Ok(Workload::Keep { scale_down_to: Some(wanted).filter(|wanted| *wanted < view.desired) })
        }
    }
}

/// Returns how many pods are left of a resource that cannot be honoured, where those are fewer than now: stopping needs
/// no valid configuration. Pods that are not certain to be its own are left alone.
pub(crate) fn remaining(spec: &KafkaSinkSpec, fetched: &Fetched) -> Option<u32> {
    let wanted = if spec.paused == Some(true) { 0 } else { spec.replicas };
    let is_ours = fetched.foreign.is_empty() && fetched.leftover.is_empty();
    let view = fetched.workload.as_ref().filter(|_| is_ours)?;
    (wanted < view.desired).then_some(wanted)
}

/// Returns every object of the sink.
///
/// # Errors
/// An object that cannot be written down.
pub(crate) fn objects(sink: &ValidatedSink, replicas: u32) -> Result<WorkloadObjects, BuildError> {
    let yaml = runtime_config::runtime_config_yaml(sink).map_err(BuildError::WriteConfig)?;
    let hash = ContentHash::of(&yaml);
    let stateful_set =
        stateful_set::stateful_set(sink, replicas, &hash).map_err(BuildError::MergePodTemplate)?;
    Ok(WorkloadObjects {
        service_account: service_account::service_account(sink),
        service: service::service(sink),
        config_map: config_map::config(sink, &yaml, &hash),
        members: config_map::members(sink, replicas),
        pod_disruption_budget: pod_disruption_budget::pod_disruption_budget(sink),
        stateful_set,
    })
}

/// Why an object cannot be built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// The runtime's file.
    #[error("failed to write the runtime's configuration")]
    WriteConfig(#[source] serde_saphyr::ser::Error),
    /// The pods' template.
    #[error("failed to merge workload.podTemplate")]
    MergePodTemplate(#[source] serde_json::Error),
}

/// The first thing without which no message could be stored.
fn blocker(sink: &ValidatedSink, externals: &AppliedExternals) -> Option<Problem> {
    let mut no_topic = externals.topics.iter().filter(|topic| topic.view.is_none());
    let no_bucket = externals.bucket.problem.as_ref().filter(|_| !externals.bucket.usable);
    let kafka = externals.kafka.as_ref().err();
    let store = externals.store.as_ref().err();
    let forbidden = || externals.kafka.as_ref().ok().and_then(|seen| permissions::problem(sink, seen));
    let other = || store.or_else(|| no_topic.find_map(|topic| topic.problem.as_ref())).or(no_bucket).cloned();
    kafka.cloned().or_else(forbidden).or_else(other)
}

/// The number of partitions of all consumed topics; `None` where one of them could not be seen.
fn partitions(sink: &ValidatedSink, externals: &AppliedExternals) -> Option<u32> {
    let of = |topic: &ValidatedTopic| {
        let outcome = externals.topics.iter().find(|outcome| outcome.name == topic.name)?;
        Some(outcome.view.as_ref()?.partitions)
    };
    sink.topics.iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use kafkasink_crds::resource::KafkaSink;

    use super::{Fetched, remaining};
    use crate::model::WorkloadView;

    fn check(replicas: u32, paused: bool, change: impl FnOnce(&mut Fetched), expected: Option<u32>) {
        let text = include_str!("../../../crds/tests/valid/smallest.yaml");
        let mut sink: KafkaSink = serde_saphyr::from_str(text).unwrap();
        (sink.spec.replicas, sink.spec.paused) = (replicas, Some(paused));
        let workload = Some(WorkloadView { desired: 2, ..WorkloadView::default() });
        let mut fetched = Fetched { workload, ..Fetched::without_tokens() };
        change(&mut fetched);
        assert_eq!(remaining(&sink.spec, &fetched), expected, "{replicas} {paused}");
    }

    #[test]
    fn stops_pods_of_a_resource_that_cannot_be_honoured_and_starts_none() {
        check(2, true, |_| {}, Some(0));
        check(1, false, |_| {}, Some(1));
        check(2, false, |_| {}, None);
        check(3, false, |_| {}, None);
        check(2, true, |fetched| fetched.workload = None, None);
    }

    #[test]
    fn stops_no_pods_of_others() {
        check(2, true, |fetched| fetched.foreign.push("StatefulSet a-sink".to_owned()), None);
        check(2, true, |fetched| fetched.leftover.push("StatefulSet a-sink".to_owned()), None);
    }
}
