//! What a sink belongs to: its group and bucket change only while it is paused, and another Kafka cluster behind the same
//! address is not touched before a person says so. IO: processes, Kafka, store, Kubernetes.

use k8s_openapi::api::apps::v1::StatefulSet;
use kafkasink_crds::resource::{BindingStatus, KafkaSink};
use kafkasink_e2e::lab::kafka::{self, Extras, Listener};
use kafkasink_e2e::lab::own::OwnRun;
use kafkasink_e2e::lab::{Progress, preflight};
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::operator::brokers::Brokers;
use crate::operator::sandbox::{Sandbox, said};

fn bound(sink: &KafkaSink) -> Option<BindingStatus> {
    sink.status.as_ref()?.binding.clone()
}

#[tokio::test]
async fn a_group_changes_only_while_the_sink_is_paused() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    sandbox.apply_sink("bound", json!({})).await?;
    sandbox.until("bound", "bound", |sink| bound(sink).is_some()).await?;
    let before = sandbox.until_exists::<StatefulSet>("bound-sink").await?;

    let other = json!({ "groupId": "another-group" });
    sandbox.apply_sink("bound", json!({ "kafka": other })).await?;
    let change = format!("kafka.groupId from {}.bound to another-group", sandbox.namespace);
    sandbox.until_says("bound", "Stalled=True NeedsPause", &[&change, "set paused to true"]).await?;
    let after = sandbox.api::<StatefulSet>().get("bound-sink").await?;
    assert_eq!(after.spec, before.spec, "the last one stays in force");

    sandbox.apply_sink("bound", json!({ "kafka": other, "paused": true })).await?;
    sandbox.until_says("bound", "Ready=True Paused", &[]).await?;
    sandbox.apply_sink("bound", json!({ "kafka": other })).await?;
    sandbox.until_says("bound", "Ready=False RolloutInProgress", &[]).await?;
    let sink = sandbox.api::<KafkaSink>().get("bound").await?;
    assert_eq!(bound(&sink).unwrap().group_id, "another-group");
    let resumed = sandbox.api::<StatefulSet>().get("bound-sink").await?.spec.unwrap();
    assert_eq!(resumed.replicas, Some(2));
    sandbox.finish().await
}

/// A broker of the test's own at an address that another one had before, or will have.
async fn broker_at(port: u16, run: &OwnRun, auto_create: bool) -> anyhow::Result<String> {
    let listener = Listener { name: "STEADY", protocol: "PLAINTEXT", port, properties: Vec::new() };
    let properties = vec![("auto.create.topics.enable".to_owned(), auto_create.to_string())];
    let extras = Extras { listeners: vec![listener], properties, ..Extras::default() };
    kafka::up_with(run.paths(), &Progress::silent(), extras).await?;
    Ok(format!("127.0.0.1:{port}"))
}

#[tokio::test]
async fn a_replaced_cluster_is_left_alone_until_a_person_accepts_it() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let (port, topic) = (preflight::other_port()?, sandbox.unique("moved"));
    let first = OwnRun::new()?;
    let servers = [broker_at(port, &first, false).await?];
    sandbox.apply_sink("moved", json!({ "kafka": { "bootstrapServers": servers } })).await?;
    let is_bound = |sink: &KafkaSink| bound(sink).is_some_and(|bound| bound.kafka_cluster_id.is_some());
    let before = sandbox.until("moved", "bound", is_bound).await?;
    let old = bound(&before).and_then(|bound| bound.kafka_cluster_id).unwrap();
    assert_eq!(before.status.unwrap().warnings, []);

    kafka::down(first.paths()).await?;
    let second = OwnRun::new()?;
    let brokers = Brokers::new(&broker_at(port, &second, true).await?)?;
    let is_told = |sink: &KafkaSink| said(sink, "Stalled=True KafkaIdentityChanged").is_some();
    let stalled = sandbox.until("moved", "aware of the other cluster", is_told).await?;
    let message = said(&stalled, "Stalled=True KafkaIdentityChanged").unwrap();
    let (_, new) = message.rsplit_once("kafkasink.dev/accept-kafka-cluster=").unwrap();
    assert!(message.contains(&old) && new != old, "{message}");
    assert_eq!(brokers.partitions(&topic)?, 0, "a topic is created in a cluster that nobody accepted");
    assert_eq!(bound(&stalled).unwrap().kafka_cluster_id.as_ref(), Some(&old));

    let word = json!({ "metadata": { "annotations": { "kafkasink.dev/accept-kafka-cluster": new } } });
    let sinks = sandbox.api::<KafkaSink>();
    sinks.patch("moved", &PatchParams::default(), &Patch::Merge(word)).await?;
    sandbox.until_says("moved", "TopicsReady=True Reconciled", &[]).await?;
    let accepted = sinks.get("moved").await?;
    assert_eq!(bound(&accepted).unwrap().kafka_cluster_id.as_deref(), Some(new));
    let status = accepted.status.unwrap();
    assert_eq!((status.topics[0].created, status.topics[0].life), (Some(true), Some(2)));
    assert_eq!(brokers.partitions(&topic)?, 3);
    let warnings: Vec<_> = status.warnings.iter().map(|warning| warning.reason.as_str()).collect();
    assert_eq!(warnings, ["AutoCreateEnabled"]);
    sandbox.finish().await
}
