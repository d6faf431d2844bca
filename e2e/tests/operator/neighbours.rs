//! Two resources that name the same topic, bucket or entries: the older owns them. IO: processes, Kafka, store,
//! Kubernetes.

use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use kafkasink_crds::resource::KafkaSink;
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use crate::brokers::Brokers;
use crate::rights::{has_pods, sink_elsewhere};
use crate::sandbox::{Sandbox, eventually};

/// Less than the pause between two looks at a sink that is well.
const SOON: Duration = Duration::from_secs(45);

/// Waits until whatever is made now is younger: Kubernetes counts whole seconds.
async fn until_older(sink: &KafkaSink) -> anyhow::Result<()> {
    let born = sink.creation_timestamp().map_or(0, |time| time.0.as_second());
    eventually(async || Ok((Timestamp::now().as_second() > born).then_some(()))).await
}

/// Applies a sink and waits until it has its objects and is older than whatever comes.
async fn elder(sandbox: &Sandbox, over: Value) -> anyhow::Result<()> {
    let sink = sandbox.apply_sink("elder", over).await?;
    sandbox.until_exists::<StatefulSet>("elder-sink").await?;
    until_older(&sink).await
}

async fn is_absent(sandbox: &Sandbox, set: &str) -> anyhow::Result<bool> {
    Ok(sandbox.api::<StatefulSet>().get_opt(set).await?.is_none())
}

#[tokio::test]
async fn the_older_decides_about_a_topic_until_it_is_gone() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let (brokers, topic) = (Brokers::new(&sandbox.kafka.bootstrap)?, sandbox.unique("shared"));
    let declared = |partitions: u32, time: &str| json!({ "topics": [{ "name": topic, "partitions": partitions, "retention": { "time": time } }] });
    elder(&sandbox, declared(3, "2h")).await?;
    sandbox.apply_sink("younger", declared(6, "5h")).await?;
    let owner = format!("KafkaSink {}/elder, which is older, decides about it", sandbox.namespace);
    let differences = ["partitions 3 instead of 6", "retention.ms 7200000 instead of 18000000", &owner];
    sandbox.until_says("younger", "TopicsReady=False TopicConflict", &differences).await?;
    sandbox.until_exists::<StatefulSet>("younger-sink").await?;
    assert_eq!(brokers.partitions(&topic)?, 3);
    assert_eq!(brokers.config(&topic).await?["retention.ms"], "7200000");
    let younger = sandbox.api::<KafkaSink>().get("younger").await?.status.unwrap();
    let elder = format!("{}/elder", sandbox.namespace);
    assert_eq!(younger.topics[0].configured_by.as_deref(), Some(elder.as_str()));
    sandbox.until_says("elder", "TopicsReady=True Reconciled", &[]).await?;

    sandbox.api::<KafkaSink>().delete("elder", &DeleteParams::default()).await?;
    sandbox.until_says("younger", "TopicsReady=True Reconciled", &[]).await?;
    assert_eq!(brokers.partitions(&topic)?, 6);
    assert_eq!(brokers.config(&topic).await?["retention.ms"], "18000000");
    sandbox.finish().await
}

#[tokio::test]
async fn a_topic_that_another_resource_names_outlives_its_creator() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let (brokers, topic) = (Brokers::new(&sandbox.kafka.bootstrap)?, sandbox.unique("shared"));
    elder(&sandbox, json!({ "topics": [{ "name": topic, "deletionPolicy": "Delete" }] })).await?;
    sandbox.apply_sink("younger", json!({ "topics": [{ "name": topic }] })).await?;
    sandbox.until_exists::<StatefulSet>("younger-sink").await?;
    sandbox.until_says("younger", "TopicsReady=True Reconciled", &[]).await?;

    let sinks = sandbox.api::<KafkaSink>();
    sinks.delete("elder", &DeleteParams::default()).await?;
    eventually(async || Ok(sinks.get_opt("elder").await?.is_none().then_some(()))).await?;
    let user = format!("KafkaSink {}/younger names it too", sandbox.namespace);
    sandbox.until_told("TopicRetained", &user).await?;
    assert_ne!(brokers.partitions(&topic)?, 0);
    sandbox.finish().await
}

#[tokio::test]
async fn a_topic_outlives_its_creator_where_a_resource_that_cannot_be_read_may_name_it() -> anyhow::Result<()>
{
    let sandbox = Sandbox::start().await?;
    let (brokers, topic) = (Brokers::new(&sandbox.kafka.bootstrap)?, sandbox.unique("shared"));
    elder(&sandbox, json!({ "topics": [{ "name": topic, "deletionPolicy": "Delete" }] })).await?;
    sandbox.apply_sink("odd", json!({ "topics": [{ "name": topic }] })).await?;
    sandbox.until_exists::<StatefulSet>("odd-sink").await?;
    sandbox.play_pods("odd-sink").await?;
    // From then on its status stays as it is.
    sandbox.until_says("odd", "Ready=True Reconciled", &[]).await?;
    // A time with an offset that no clock has: the schema admits it.
    let raw: Api<DynamicObject> = Api::namespaced_with(
        sandbox.client.clone(),
        &sandbox.namespace,
        &ApiResource::erase::<KafkaSink>(&()),
    );
    let set = async |lost: Value| {
        let status = Patch::Merge(json!({ "status": { "lostToRetention": lost } }));
        raw.patch_status("odd", &PatchParams::default(), &status).await
    };
    set(json!({ "messages": 1, "last": "2026-01-01T00:00:00+99:99" })).await?;
    let sinks = sandbox.api::<KafkaSink>();
    assert!(sinks.get("odd").await.is_err(), "it can be read");

    sinks.delete("elder", &DeleteParams::default()).await?;
    eventually(async || Ok(sinks.get_opt("elder").await?.is_none().then_some(()))).await?;
    let user = format!("KafkaSink {}/odd, which cannot be read, may name it too", sandbox.namespace);
    sandbox.until_told("TopicRetained", &user).await?;
    assert_ne!(brokers.partitions(&topic)?, 0);
    set(json!(null)).await?;
    sandbox.finish().await
}

#[tokio::test]
async fn no_pod_starts_that_could_meet_an_older_sink_in_an_entry() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let (topic, bucket) = (sandbox.unique("shared"), sandbox.unique("elder"));
    let spec = |entry: &str| {
        json!({
            "topics": [{ "name": topic }], "mapping": { "entry": entry },
            "reductStore": { "bucket": { "name": bucket } },
        })
    };
    elder(&sandbox, spec("{topic}/{partition}")).await?;
    sandbox.apply_sink("younger", spec("{key}/{partition}")).await?;
    let owner = format!("KafkaSink {}/elder", sandbox.namespace);
    sandbox.until_says("younger", "TargetReady=False EntryConflict", &[&owner, &bucket]).await?;
    sandbox.until_says("younger", "Stalled=True EntryConflict", &["another mapping.entry"]).await?;
    assert!(is_absent(&sandbox, "younger-sink").await?, "a pod starts");

    sandbox.apply_sink("younger", spec("by-key/{key}/{partition}")).await?;
    sandbox.until_exists::<StatefulSet>("younger-sink").await?;
    sandbox.until_says("younger", "TargetReady=True Reconciled", &[]).await?;
    sandbox.finish().await
}

#[tokio::test]
async fn the_older_decides_about_a_bucket() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let bucket = sandbox.unique("elder");
    let spec =
        |records: u32| json!({ "reductStore": { "bucket": { "name": bucket, "maxBlockRecords": records } } });
    elder(&sandbox, spec(512)).await?;
    sandbox.apply_sink("younger", spec(64)).await?;
    let owner = format!("KafkaSink {}/elder, which is older, decides about it", sandbox.namespace);
    sandbox.until_says("younger", "TargetReady=False BucketConflict", &[&bucket, &owner]).await?;
    sandbox.until_exists::<StatefulSet>("younger-sink").await?;
    let settings = crate::store(&sandbox).get_bucket(&bucket).await?.settings().await?;
    assert_eq!(settings.max_block_records, Some(512));

    sandbox.apply_sink("younger", spec(512)).await?;
    sandbox.until_says("younger", "TargetReady=True Reconciled", &[]).await?;
    sandbox.finish().await
}

#[tokio::test]
async fn a_change_is_noticed_across_watched_namespaces() -> anyhow::Result<()> {
    let mut sandbox = Sandbox::start().await?;
    let away = format!("away-{}", sandbox.namespace);
    sink_elsewhere(&sandbox, &away).await?;
    sandbox.watch_also(&away)?;
    let sinks: Api<KafkaSink> = Api::namespaced(sandbox.client.clone(), &away);
    let topic = sandbox.unique(&away);
    let kept_for = |time: &str| json!({ "name": topic, "partitions": 3, "retention": { "time": time } });
    let change = async |time: &str| {
        let patch = json!({ "spec": { "topics": [kept_for(time)] } });
        sinks.patch("away", &PatchParams::default(), &Patch::Merge(patch)).await
    };
    let elder = change("2h").await?;
    eventually(async || Ok(has_pods(&sandbox, &away, "away").await?.then_some(()))).await?;
    until_older(&elder).await?;
    sandbox.apply_sink("younger", json!({ "topics": [kept_for("2h")] })).await?;
    sandbox.until_exists::<StatefulSet>("younger-sink").await?;
    sandbox.play_pods("younger-sink").await?;
    sandbox.until_says("younger", "Ready=True Reconciled", &[]).await?;
    // It is looked at now, and by itself not again before the change must have been noticed.
    let touched = sandbox.apply_sink("younger", json!({ "topics": [kept_for("2h")], "replicas": 1 })).await?;
    let is_looked_at = |sink: &KafkaSink| {
        sink.status.as_ref().and_then(|status| status.observed_generation) == touched.metadata.generation
    };
    sandbox.until("younger", "looked at", is_looked_at).await?;
    sandbox.play_pods("younger-sink").await?;
    sandbox.until_says("younger", "Reconciling=False Reconciled", &[]).await?;

    change("5h").await?;
    let owner = format!("KafkaSink {away}/away, which is older, decides about it");
    let parts = ["retention.ms 18000000 instead of 7200000", &owner];
    let noticed = sandbox.until_says("younger", "TopicsReady=False TopicConflict", &parts);
    tokio::time::timeout(SOON, noticed).await.context("it is noticed by chance only")??;
    sinks.delete("away", &DeleteParams::default()).await?;
    sandbox.finish().await
}
