//! IO: Kubernetes. The pods of a sink: where they are reached, and what keeps them from running.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use crate::context::Context;
use crate::desired::selector;
use crate::kubernetes::call;
use crate::model::{PodView, ValidatedSink};

/// States that a container passes through by itself.
const HARMLESS: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// How long a pod may not be ready before somebody should look at it: pulling the image takes its time, and so does the
/// group until it has noticed that an earlier member is gone.
const READY_AFTER_MAX: SignedDuration = SignedDuration::from_mins(2);

/// Returns the pods of a sink; nothing where they cannot be listed, for they are looked at only to tell more.
pub(crate) async fn pods(context: &Context, sink: &ValidatedSink, now: Timestamp) -> Option<Vec<PodView>> {
    let pods: Api<Pod> = Api::namespaced(context.client.clone(), &sink.identity.namespace);
    let ours = ListParams::default().labels(&selector(sink.names.sink()));
    let found = call("list the sink's pods", pods.list(&ours)).await;
    Some(found.ok()?.items.iter().map(|pod| view(pod, now)).collect())
}

fn view(pod: &Pod, now: Timestamp) -> PodView {
    let address = pod.status.as_ref().and_then(|status| status.pod_ip.clone());
    let trouble = trouble(pod).map(|what| format!("pod {}: {what}", pod.name_any()));
    PodView { name: pod.name_any(), run: run(pod), address, trouble, overdue: overdue(pod, now) }
}

/// A pod's processes come one after another; the runtime is the only one that restarts.
fn run(pod: &Pod) -> String {
    let containers = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    let restarts: i32 = containers.map(|container| container.restart_count).sum();
    format!("{}/{restarts}", pod.uid().unwrap_or_default())
}

fn overdue(pod: &Pod, now: Timestamp) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let ready = conditions.into_iter().find(|condition| condition.type_ == "Ready");
    if pod.metadata.deletion_timestamp.is_some() || ready.is_some_and(|ready| ready.status == "True") {
        return false;
    }
    let turned = ready.and_then(|ready| ready.last_transition_time.as_ref());
    let since = turned.or(pod.metadata.creation_timestamp.as_ref());
    since.is_some_and(|since| now.duration_since(since.0) > READY_AFTER_MAX)
}

/// What keeps a pod from running, in Kubernetes' own words.
fn trouble(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let mut containers = status.container_statuses.iter().flatten();
    let unscheduled = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
    let unscheduled = unscheduled.map(|condition| {
        said(condition.reason.as_deref().unwrap_or("Unscheduled"), condition.message.as_deref())
    });
    containers.find_map(stuck).or(unscheduled)
}

fn stuck(container: &ContainerStatus) -> Option<String> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref().filter(|reason| !HARMLESS.contains(reason))?;
    let ended = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    match ended {
        Some(ended) => {
            let why = ended.reason.as_deref().unwrap_or("Error");
            Some(format!("{reason}, ended with {why} and exit code {}", ended.exit_code))
        }
        None => Some(said(reason, waiting.message.as_deref())),
    }
}

fn said(reason: &str, message: Option<&str>) -> String {
    message.map_or_else(|| reason.to_owned(), |message| format!("{reason}: {message}"))
}

#[cfg(test)]
mod tests {
    use super::{Pod, Timestamp, overdue, trouble};

    fn check(status: &str, expected: Option<&str>) {
        let pod: Pod = serde_json::from_str(&format!(r#"{{"metadata": {{}}, "status": {status}}}"#)).unwrap();
        assert_eq!(trouble(&pod).as_deref(), expected, "{status}");
    }

    #[test]
    fn waits_for_a_pod_that_starts_and_not_for_ever() {
        let check = |ready: &str, second: i64, expected: bool| {
            let pod = format!(
                r#"{{"metadata": {{"creationTimestamp": "1970-01-01T00:00:00Z"}}, "status": {{"conditions": [
                {{"type": "Ready", "status": "{ready}", "lastTransitionTime": "1970-01-01T01:00:00Z"}}]}}}}"#
            );
            let mut pod: Pod = serde_json::from_str(&pod).unwrap();
            let now = Timestamp::from_second(3600 + second).unwrap();
            assert_eq!(overdue(&pod, now), expected, "{ready} {second}");
            pod.metadata.deletion_timestamp.clone_from(&pod.metadata.creation_timestamp);
            assert!(!overdue(&pod, now), "a pod that stops is not awaited");
        };
        check("False", 60, false);
        check("False", 121, true);
        check("True", 121, false);
    }

    #[test]
    fn tells_what_keeps_a_pod_from_running() {
        let container = |state: &str, last: &str| {
            format!(
                r#"{{"containerStatuses": [{{"name": "runtime", "ready": false, "image": "", "imageID": "",
                "restartCount": 0, "state": {state}, "lastState": {last}}}]}}"#
            )
        };
        check(&container(r#"{"running": {}}"#, "{}"), None);
        check(&container(r#"{"waiting": {"reason": "ContainerCreating"}}"#, "{}"), None);
        check(
            &container(r#"{"waiting": {"reason": "ErrImagePull", "message": "not found"}}"#, "{}"),
            Some("ErrImagePull: not found"),
        );
        check(
            &container(
                r#"{"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}"#,
                r#"{"terminated": {"reason": "OOMKilled", "exitCode": 137}}"#,
            ),
            Some("CrashLoopBackOff, ended with OOMKilled and exit code 137"),
        );
        check(
            r#"{"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available"}]}"#,
            Some("Unschedulable: 0/1 nodes are available"),
        );
    }
}
