//! Stopping pods needs no valid configuration and no Kafka. IO: processes, Kubernetes.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;

use crate::operator::sandbox::{Sandbox, eventually};

/// Waits until as many pods are asked for, and checks that those that go have been told that they leave for good.
async fn until_scaled(sandbox: &Sandbox, name: &str, replicas: i32) -> anyhow::Result<()> {
    eventually(async || {
        let set = sandbox.api::<StatefulSet>().get(&format!("{name}-sink")).await?;
        Ok((set.spec.and_then(|spec| spec.replicas) == Some(replicas)).then_some(()))
    })
    .await?;
    let members =
        sandbox.api::<ConfigMap>().get(&format!("{name}-sink-members")).await?.data.unwrap_or_default();
    anyhow::ensure!(members.get("members") == Some(&format!("{replicas}\n")), "{members:?}");
    Ok(())
}

#[tokio::test]
async fn pauses_a_resource_that_cannot_be_honoured() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    sandbox.apply_sink("odd", json!({})).await?;
    let before = sandbox.until_exists::<StatefulSet>("odd-sink").await?.spec.unwrap();
    let packing = json!({ "format": "JsonLines" });
    sandbox.apply_sink("odd", json!({ "packing": packing, "replicas": 1 })).await?;
    sandbox.until_says("odd", "Stalled=True NotImplementedYet", &[]).await?;
    until_scaled(&sandbox, "odd", 1).await?;
    sandbox.apply_sink("odd", json!({ "packing": packing, "replicas": 1, "paused": true })).await?;
    sandbox.until_says("odd", "Paused=True Paused", &[]).await?;
    until_scaled(&sandbox, "odd", 0).await?;
    sandbox.until_says("odd", "Ready=False NotImplementedYet", &[]).await?;
    let after = sandbox.api::<StatefulSet>().get("odd-sink").await?.spec.unwrap();
    assert_eq!(after.template, before.template, "the last good configuration stays");

    sandbox.apply_sink("odd", json!({ "replicas": 2 })).await?;
    until_scaled(&sandbox, "odd", 2).await?;
    sandbox.finish().await
}

#[tokio::test]
async fn members_that_go_while_kafka_is_away_are_told() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    sandbox.apply_sink("cut", json!({})).await?;
    sandbox.until_exists::<StatefulSet>("cut-sink").await?;
    let nowhere = json!({ "bootstrapServers": ["127.0.0.1:9"] });
    sandbox.apply_sink("cut", json!({ "kafka": nowhere, "replicas": 1 })).await?;
    sandbox.until_says("cut", "KafkaReachable=False KafkaUnreachable", &[]).await?;
    until_scaled(&sandbox, "cut", 1).await?;
    sandbox.finish().await
}
