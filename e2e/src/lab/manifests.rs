//! Applies manifests of several objects and waits for what they start. IO: the API server.

use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::{Client, ResourceExt as _, discovery};
use tokio::time::Instant;

/// Whom server-side apply names as the owner of what the lab sets.
const FIELD_MANAGER: &str = "kafkasink-lab";
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Returns a text with values in the place of their names, which begin with `$`.
#[must_use]
pub fn filled(text: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// Applies every object of a YAML text, in its order, server-side.
///
/// # Errors
/// The text is not YAML of Kubernetes objects, or the API server refuses one.
pub async fn apply(client: &Client, text: &str) -> anyhow::Result<()> {
    let objects: Vec<DynamicObject> = serde_saphyr::from_multiple(text).context("read a manifest")?;
    for object in objects {
        let types = object.types.clone().context("a manifest names no kind")?;
        let name = object.name_any();
        let applied = apply_object(client, &GroupVersionKind::try_from(&types)?, &object).await;
        applied.with_context(|| format!("apply {} {name}", types.kind))?;
    }
    Ok(())
}

async fn apply_object(
    client: &Client,
    kind: &GroupVersionKind,
    object: &DynamicObject,
) -> anyhow::Result<()> {
    let (resource, _) = discovery::pinned_kind(client, kind).await?;
    let api: Api<DynamicObject> = match object.namespace() {
        Some(namespace) => Api::namespaced_with(client.clone(), &namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let options = PatchParams::apply(FIELD_MANAGER).force();
    api.patch(&object.name_any(), &options, &Patch::Apply(object)).await?;
    Ok(())
}

/// Waits until there are pods with these labels and all of them are ready; returns the name of one.
///
/// # Errors
/// It takes longer than `timeout`: then with what the pods say of themselves.
pub async fn wait_for_pods(
    client: &Client,
    namespace: &str,
    labels: &str,
    timeout: Duration,
) -> anyhow::Result<String> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let deadline = Instant::now() + timeout;
    loop {
        let found = pods.list(&ListParams::default().labels(labels)).await.context("list pods")?.items;
        if let Some(first) = found.first().filter(|_| found.iter().all(is_ready)) {
            return Ok(first.name_any());
        }
        if Instant::now() >= deadline {
            let states: Vec<String> = found.iter().map(in_words).collect();
            anyhow::bail!(
                "pods {labels} in {namespace} are not ready after {} s: {}",
                timeout.as_secs(),
                if states.is_empty() { "there are none".to_owned() } else { states.join("; ") }
            );
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Returns whether a pod is ready and not about to end.
#[must_use]
pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let ready =
        conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
    ready && pod.metadata.deletion_timestamp.is_none()
}

/// Says what a pod waits for: its phase, and the reason and message of each container that does not run.
fn in_words(pod: &Pod) -> String {
    let status = pod.status.clone().unwrap_or_default();
    let containers = status.init_container_statuses.into_iter().chain(status.container_statuses).flatten();
    let waiting = containers.filter_map(|container| {
        let waiting = container.state?.waiting?;
        let (reason, message) = (waiting.reason.unwrap_or_default(), waiting.message.unwrap_or_default());
        Some(format!(", {} {reason} {message}", container.name))
    });
    format!("{} is {}{}", pod.name_any(), status.phase.unwrap_or_default(), waiting.collect::<String>())
}
