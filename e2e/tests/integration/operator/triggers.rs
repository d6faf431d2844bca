//! What makes the operator look at a sink, and what does not. IO: processes, Kafka, Kubernetes.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Service;
use kafkasink_crds::resource::KafkaSink;
use kube::api::{Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::operator::sandbox::{Sandbox, eventually};

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

#[tokio::test]
async fn what_is_taken_away_from_its_owner_comes_back() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    sandbox.apply_sink("robbed", json!({})).await?;
    sandbox.until_exists::<StatefulSet>("robbed-sink").await?;
    sandbox.play_pods("robbed-sink").await?;
    sandbox.until_says("robbed", "Ready=True Reconciled", &[]).await?;
    rob::<Service>(&sandbox, "robbed-sink").await?;
    rob::<StatefulSet>(&sandbox, "robbed-sink").await?;
    sandbox.finish().await
}

/// Takes an object's owners away and waits until they are back.
async fn rob<K>(sandbox: &Sandbox, name: &str) -> anyhow::Result<()>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned,
{
    let objects = sandbox.api::<K>();
    let owners = objects.get_metadata(name).await?.owner_references().to_vec();
    anyhow::ensure!(!owners.is_empty(), "nobody owns {name}");
    let nobody = Patch::Merge(json!({ "metadata": { "ownerReferences": null } }));
    let robbed = objects.patch_metadata(name, &PatchParams::default(), &nobody).await?;
    anyhow::ensure!(robbed.owner_references().is_empty(), "{name} still has owners");
    eventually(async || {
        let now = objects.get_metadata(name).await?;
        Ok((now.owner_references() == owners).then_some(()))
    })
    .await
}
