//! What makes the operator look at a sink, and what does not. IO: processes, Kafka, Kubernetes.

use k8s_openapi::api::apps::v1::StatefulSet;
use kafkasink_crds::resource::KafkaSink;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::operator::sandbox::Sandbox;

#[tokio::test]
async fn a_status_alone_makes_nobody_look_again() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    sandbox.apply_sink("idle", json!({})).await?;
    sandbox.until_exists::<StatefulSet>("idle-sink").await?;
    sandbox.play_pods("idle-sink").await?;
    sandbox.until_says("idle", "Ready=True Reconciled", &[]).await?;
    let sinks = sandbox.api::<KafkaSink>();
    let odd = Patch::Merge(json!({ "status": { "replicasReady": "9/9" } }));
    sinks.patch_status("idle", &PatchParams::default(), &odd).await?;
    // What the same watch tells later is looked at.
    sandbox.apply_sink("later", json!({})).await?;
    sandbox.until("later", "looked at", |sink| sink.status.is_some()).await?;
    let says = |sink: &KafkaSink| sink.status.as_ref().and_then(|status| status.replicas_ready.clone());
    assert_eq!(says(&sinks.get("idle").await?).as_deref(), Some("9/9"));

    let touched = Patch::Merge(json!({ "metadata": { "annotations": { "touched": "yes" } } }));
    sinks.patch("idle", &PatchParams::default(), &touched).await?;
    sandbox.until("idle", "as it is", |sink| says(sink).as_deref() == Some("2/2")).await?;
    sandbox.finish().await
}
