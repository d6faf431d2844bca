//! A cluster that is lost and built anew from the same manifests, beside the Kafka and the store that it used. IO: processes,
//! Kafka, store, Kubernetes.

use std::net::Ipv4Addr;

use anyhow::{Context as _, ensure};
use k8s_openapi::api::apps::v1::StatefulSet;
use kafkasink_crds::resource::{KafkaSink, TopicStatus};
use kafkasink_e2e::lab::Progress;
use kafkasink_e2e::lab::control_plane::{self, Reach};
use kafkasink_e2e::lab::own::OwnRun;
use kube::api::DeleteParams;
use serde_json::{Value, json};

use crate::operator::brokers::Brokers;
use crate::operator::members::PlayedPod;
use crate::operator::sandbox::{Sandbox, eventually};

const SINK: &str = "rebuilt";
const PARTITIONS: i32 = 3;
/// Messages before the cluster is lost, and as many afterwards.
const MESSAGES: u64 = 12;

/// What would go if the new operator took the topic for its own.
fn manifest(sandbox: &Sandbox) -> Value {
    let topic = json!({ "name": sandbox.unique(SINK), "partitions": PARTITIONS, "deletionPolicy": "Delete" });
    json!({ "topics": [topic], "replicas": 1 })
}

/// The only topic, as the status has it.
async fn topic(sandbox: &Sandbox) -> anyhow::Result<TopicStatus> {
    let is_told = |sink: &KafkaSink| {
        sink.status.as_ref().is_some_and(|status| status.topics.iter().any(|topic| topic.id.is_some()))
    };
    let sink = sandbox.until(SINK, "aware of its topic", is_told).await?;
    sink.status.and_then(|mut status| status.topics.pop()).context("there is no topic in the status")
}

/// Runs the member that the operator declares until so many records are stored, and stops it.
async fn run_member(sandbox: &Sandbox, records: u64) -> anyhow::Result<()> {
    sandbox.until_exists::<StatefulSet>(&format!("{SINK}-sink")).await?;
    let pod = PlayedPod::start(sandbox, SINK, Ipv4Addr::new(127, 0, 0, 78)).await?;
    eventually(async || Ok((stored(sandbox).await? >= records).then_some(()))).await?;
    pod.stop().await
}

/// How many records the sink's bucket holds.
async fn stored(sandbox: &Sandbox) -> anyhow::Result<u64> {
    let bucket = crate::operator::store(sandbox).get_bucket(&sandbox.unique(SINK)).await?;
    Ok(bucket.entries().await?.iter().map(|entry| entry.record_count).sum())
}

fn produce(sandbox: &Sandbox, brokers: &Brokers) -> anyhow::Result<()> {
    (0..MESSAGES).try_for_each(|_| brokers.produce(&sandbox.unique(SINK)))
}

fn committed(sandbox: &Sandbox, brokers: &Brokers) -> anyhow::Result<Vec<Option<i64>>> {
    brokers.committed(&format!("{}.{SINK}", sandbox.namespace), &sandbox.unique(SINK), PARTITIONS)
}

#[tokio::test]
async fn a_rebuilt_cluster_adopts_topics_and_goes_on_where_the_lost_one_stopped() -> anyhow::Result<()> {
    let mut lost = Sandbox::start().await?;
    let brokers = Brokers::new(&lost.kafka.bootstrap)?;
    lost.apply_sink(SINK, manifest(&lost)).await?;
    let before = topic(&lost).await?;
    ensure!(before.created == Some(true), "{before:?}");
    produce(&lost, &brokers)?;
    run_member(&lost, MESSAGES).await?;
    let offsets = committed(&lost, &brokers)?;
    ensure!(offsets.iter().flatten().sum::<i64>() == i64::try_from(MESSAGES)?, "{offsets:?}");
    lost.kill_operator()?;

    let own = OwnRun::new()?;
    let plane = control_plane::up(own.paths(), &Progress::silent(), Reach::ThisMachine).await?;
    let rebuilt = Sandbox::start_in(plane.kubeconfig, lost.namespace.clone()).await?;
    rebuilt.apply_sink(SINK, manifest(&rebuilt)).await?;
    let after = topic(&rebuilt).await?;
    ensure!(after.id == before.id, "the topic was created again: {after:?}, not {before:?}");
    ensure!(after.created == Some(false), "it takes the topic for its own: {after:?}");
    ensure!(committed(&rebuilt, &brokers)? == offsets, "offsets have moved");
    produce(&rebuilt, &brokers)?;
    run_member(&rebuilt, 2 * MESSAGES).await?;
    ensure!(stored(&rebuilt).await? == 2 * MESSAGES, "messages are stored twice");
    let moved = committed(&rebuilt, &brokers)?;
    ensure!(moved.iter().flatten().sum::<i64>() == i64::try_from(2 * MESSAGES)?, "{moved:?}");

    let sinks = rebuilt.api::<KafkaSink>();
    sinks.delete(SINK, &DeleteParams::default()).await?;
    eventually(async || Ok(sinks.get_opt(SINK).await?.is_none().then_some(()))).await?;
    ensure!(brokers.partitions(&rebuilt.unique(SINK))? > 0, "a topic is gone that was there before");
    rebuilt.finish().await?;
    lost.finish().await
}
