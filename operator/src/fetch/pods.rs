//! IO: Kubernetes. The pods of a sink: where they are reached, and what keeps them from running.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use crate::context::Context;
use crate::desired::selector;
use crate::kubernetes::call;
use crate::model::{PodView, ValidatedSink};

/// States that a container passes through by itself.
const HARMLESS: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// Returns the pods of a sink; none where they cannot be listed, for they are looked at only to tell more.
pub(crate) async fn pods(context: &Context, sink: &ValidatedSink) -> Vec<PodView> {
    let pods: Api<Pod> = Api::namespaced(context.client.clone(), &sink.identity.namespace);
    let ours = ListParams::default().labels(&selector(sink.names.sink()));
    let found = call("list the sink's pods", pods.list(&ours)).await;
    found.map(|list| list.items.iter().map(view).collect()).unwrap_or_default()
}

fn view(pod: &Pod) -> PodView {
    let address = pod.status.as_ref().and_then(|status| status.pod_ip.clone());
    let trouble = trouble(pod).map(|what| format!("pod {}: {what}", pod.name_any()));
    PodView { address, trouble }
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
    use super::{Pod, trouble};

    fn check(status: &str, expected: Option<&str>) {
        let pod: Pod = serde_json::from_str(&format!(r#"{{"metadata": {{}}, "status": {status}}}"#)).unwrap();
        assert_eq!(trouble(&pod).as_deref(), expected, "{status}");
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
