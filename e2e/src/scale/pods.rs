//! Plays the controller of `StatefulSet`s and the kubelet: pods "run" as soon as they are asked for. IO: Kubernetes.

use std::convert::Infallible;

use anyhow::Context as _;
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::{Value, json};

use super::crowd::Crowd;
use super::stage::Stage;

/// Sets that are seen to at the same time.
const CONCURRENCY: usize = 4;

/// Plays until the API server refuses something.
pub(super) async fn play(stage: &Stage, crowd: &Crowd) -> anyhow::Result<Infallible> {
    let sets = watcher(stage.api::<StatefulSet>(), watcher::Config::default()).default_backoff();
    // A watch that fails is begun again.
    let seen = sets.applied_objects().filter_map(|set| std::future::ready(set.ok())).map(anyhow::Ok);
    seen.try_for_each_concurrent(CONCURRENCY, |set| async move { see_to(stage, crowd, &set).await }).await?;
    anyhow::bail!("the watch of StatefulSets has ended")
}

async fn see_to(stage: &Stage, crowd: &Crowd, set: &StatefulSet) -> anyhow::Result<()> {
    let name = set.name_any();
    let (Some(number), false) = (Crowd::number_of_set(&name), is_done(set)) else { return Ok(()) };
    let replicas = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(0);
    let has_pods = set.status.as_ref().is_some_and(|status| status.replicas > 0);
    if replicas > 0 && !has_pods {
        create_pod(stage, set, &crowd.address(number).to_string()).await?;
        crowd.let_flow(number);
    }
    let status = json!({ "status": {
        "observedGeneration": set.metadata.generation, "replicas": replicas, "readyReplicas": replicas,
        "updatedReplicas": replicas, "currentRevision": "played", "updateRevision": "played",
    }});
    let sets = stage.api::<StatefulSet>();
    let told = sets.patch_status(&name, &PatchParams::default(), &Patch::Merge(status)).await;
    told.with_context(|| format!("play the pods of {name}"))?;
    Ok(())
}

/// Tells whether a set has been seen to as it is now.
fn is_done(set: &StatefulSet) -> bool {
    set.status.as_ref().is_some_and(|status| status.observed_generation == set.metadata.generation)
}

/// Creates the set's only pod, with an address, as if it ran.
async fn create_pod(stage: &Stage, set: &StatefulSet, address: &str) -> anyhow::Result<()> {
    let template = &set.spec.as_ref().context("a StatefulSet without a spec")?.template;
    let name = format!("{}-0", set.name_any());
    let labels = template.metadata.as_ref().and_then(|metadata| metadata.labels.clone());
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "labels": labels }, "spec": template.spec,
    });
    let pods = stage.api::<Pod>();
    let harness = PatchParams::apply("harness").force();
    pods.patch(&name, &harness, &Patch::Apply(pod)).await.with_context(|| format!("create pod {name}"))?;
    let running = json!({ "status": running(address) });
    let told = pods.patch_status(&name, &PatchParams::default(), &Patch::Merge(running)).await;
    told.with_context(|| format!("play pod {name}"))?;
    Ok(())
}

fn running(address: &str) -> Value {
    json!({
        "phase": "Running", "podIP": address, "podIPs": [{ "ip": address }],
        "conditions": [{ "type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z" }],
    })
}
