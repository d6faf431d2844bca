//! The operator as a process, against a real kube-apiserver, a real Kafka and a real store. IO: all of them.
//!
//! There is no kubelet: where pods must be ready, the test writes the `StatefulSet`'s status itself.

mod binding;
mod brokers;
mod drift;
mod fresh_broker;
mod gone;
mod kill_storm;
mod killed;
mod leader;
mod members;
mod neighbours;
mod preflight;
mod process;
mod quiet;
mod rebuilt;
mod rights;
pub(crate) mod sandbox;
mod secured;
mod stopping;
mod tokens;
mod triggers;

use brokers::Brokers;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Service, ServiceAccount};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kafkasink_crds::resource::KafkaSink;
use kube::api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use reduct_rs::{QuotaType, ReductClient};
use sandbox::{Sandbox, eventually, said};
use serde_json::json;

fn store(sandbox: &Sandbox) -> ReductClient {
    ReductClient::builder().url(&sandbox.store.url).api_token(&sandbox.store.token).build()
}

fn is_ready(sink: &KafkaSink) -> bool {
    said(sink, "Ready=True Reconciled").is_some()
}

#[tokio::test]
async fn makes_topics_bucket_and_objects_as_declared() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let (brokers, unique) = (Brokers::new(&sandbox.kafka.bootstrap)?, sandbox.unique("full"));
    let dead = format!("{unique}.dlq");
    let sink = sandbox
        .apply_sink(
            "full",
            json!({
                "topics": [{
                    "name": unique, "partitions": 4, "replicationFactor": 1,
                    "retention": { "time": "2h", "bytesPerPartition": "10Mi" },
                    "config": { "max.message.bytes": "2097152" },
                }],
                "delivery": { "deadLetter": { "topic": dead, "retention": { "time": "336h" } } },
                "reductStore": { "bucket": {
                    "quota": { "type": "FIFO", "size": "1Gi" }, "retention": { "time": "720h" },
                    "maxBlockSize": "32Mi",
                }},
            }),
        )
        .await?;
    sandbox.until_exists::<StatefulSet>("full-sink").await?;

    let config = brokers.config(&unique).await?;
    assert_eq!(brokers.partitions(&unique)?, 4);
    assert_eq!(config["retention.ms"], "7200000");
    assert_eq!(config["retention.bytes"], "10485760");
    assert_eq!(config["max.message.bytes"], "2097152");
    assert_eq!(brokers.config(&dead).await?["retention.ms"], "1209600000");

    let settings = store(&sandbox).get_bucket(&unique).await?.settings().await?;
    assert_eq!(settings.quota_type, Some(QuotaType::FIFO));
    assert_eq!((settings.quota_size, settings.max_block_size), (Some(1 << 30), Some(32 << 20)));
    assert_eq!(settings.max_block_records, Some(256));
    let policy = store(&sandbox).get_lifecycle(&format!("kafkasink-{unique}")).await?.settings;
    assert_eq!((policy.bucket, policy.older_than), (unique.clone(), "2592000s".to_owned()));

    let owned_by_sink = |metadata: &ObjectMeta| {
        let owners = metadata.owner_references.iter().flatten();
        owners.filter(|owner| Some(&owner.uid) == sink.metadata.uid.as_ref()).count() == 1
    };
    assert!(owned_by_sink(&sandbox.api::<StatefulSet>().get("full-sink").await?.metadata));
    assert!(owned_by_sink(&sandbox.api::<Service>().get("full-sink").await?.metadata));
    assert!(owned_by_sink(&sandbox.api::<ServiceAccount>().get("full-sink").await?.metadata));
    assert!(owned_by_sink(&sandbox.api::<PodDisruptionBudget>().get("full-sink").await?.metadata));
    assert!(owned_by_sink(&sandbox.api::<ConfigMap>().get("full-sink-members").await?.metadata));

    sandbox.until_says("full", "Ready=False RolloutInProgress", &[]).await?;
    sandbox.play_pods("full-sink").await?;
    let message = format!("2 pods write from 1 topic into bucket {unique}");
    sandbox.until_says("full", "Ready=True Reconciled", &[&message]).await?;
    let status = sandbox.api::<KafkaSink>().get("full").await?.status.unwrap();
    assert_eq!(status.topics_ready.as_deref(), Some("1/1"));
    assert_eq!(status.replicas_ready.as_deref(), Some("2/2"));
    assert_eq!(status.topics.iter().map(|topic| topic.created).collect::<Vec<_>>(), [Some(true), Some(true)]);

    let events = sandbox.until_told("Ready", "").await?;
    assert!(
        events.iter().all(|event| event.type_.as_deref() == Some("Normal")),
        "a usual start warns: {events:?}"
    );
    let reasons: Vec<_> = events.into_iter().filter_map(|event| event.reason).collect();
    for reason in ["TopicCreated", "BucketCreated", "Scaled"] {
        assert!(reasons.contains(&reason.to_owned()), "{reason} is not in {reasons:?}");
    }
    sandbox.finish().await
}

#[tokio::test]
async fn alters_what_is_named_and_leaves_the_rest_of_a_topic_alone() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let (brokers, unique) = (Brokers::new(&sandbox.kafka.bootstrap)?, sandbox.unique("edited"));
    brokers.create(&unique).await?;
    brokers.set_only(&unique, "retention.bytes", "123456789").await?;
    let topic = json!({ "name": unique, "partitions": 3, "retention": { "time": "5h" } });
    sandbox.apply_sink("edited", json!({ "topics": [topic] })).await?;
    sandbox.until_exists::<StatefulSet>("edited-sink").await?;
    let config = brokers.config(&unique).await?;
    assert_eq!(
        (config["retention.ms"].as_str(), config["retention.bytes"].as_str()),
        ("18000000", "123456789")
    );
    assert_eq!(brokers.partitions(&unique)?, 3);
    sandbox.until_says("edited", "TopicsReady=True Reconciled", &[]).await?;
    let status = sandbox.api::<KafkaSink>().get("edited").await?.status.unwrap();
    assert_eq!(status.topics[0].created, Some(false), "the topic was there before");

    let fewer = json!({ "name": unique, "partitions": 2, "retention": { "time": "6h" } });
    sandbox.apply_sink("edited", json!({ "topics": [fewer] })).await?;
    sandbox
        .until_says(
            "edited",
            "TopicsReady=False PartitionDecreaseNotSupported",
            &["set partitions to 3 instead of 2"],
        )
        .await?;
    assert_eq!(brokers.config(&unique).await?["retention.ms"], "21600000", "the rest goes on");
    let wrong = json!({ "name": unique, "config": { "retention.ms": "soon" } });
    sandbox.apply_sink("edited", json!({ "topics": [wrong] })).await?;
    sandbox.until_says("edited", "TopicsReady=False TopicRefused", &["retention.ms", "soon"]).await?;
    sandbox.finish().await
}

#[tokio::test]
async fn follows_replicas_without_touching_the_pod_template() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    sandbox.apply_sink("scaled", json!({})).await?;
    let before = sandbox.until_exists::<StatefulSet>("scaled-sink").await?.spec.unwrap();
    assert_eq!(before.replicas, Some(2));
    let scale = json!({ "spec": { "replicas": 8 } });
    let sinks = sandbox.api::<KafkaSink>();
    sinks.patch_scale("scaled", &PatchParams::default(), &Patch::Merge(scale)).await?;
    sandbox
        .until_says("scaled", "ReplicasLimited=True PartitionCount", &["replicas is 8", "3 partitions"])
        .await?;
    let after = sandbox.api::<StatefulSet>().get("scaled-sink").await?.spec.unwrap();
    assert_eq!(after.replicas, Some(3));
    assert_eq!(after.template, before.template, "scaling must not restart pods");
    eventually(async || {
        let events = sandbox.api::<Event>().list(&ListParams::default()).await?;
        let notes: Vec<_> = events.into_iter().filter_map(|event| event.note).collect();
        let told = |note: &str| notes.iter().any(|told| told == note);
        Ok((told("scaled from 0 to 2 pods") && told("scaled from 2 to 3 pods")).then_some(()))
    })
    .await?;
    let members = sandbox.api::<ConfigMap>().get("scaled-sink-members").await?.data.unwrap();
    assert_eq!(members["members"], "3\n");

    sandbox.apply_sink("scaled", json!({ "paused": true })).await?;
    sandbox.until_says("scaled", "Ready=True Paused", &[]).await?;
    let set = sandbox.api::<StatefulSet>().get("scaled-sink").await?;
    assert_eq!(set.spec.unwrap().replicas, Some(0));
    sandbox.finish().await
}

#[tokio::test]
async fn keeps_the_old_configuration_until_the_rollout_is_over() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    sandbox.apply_sink("rolled", json!({})).await?;
    sandbox.until_exists::<StatefulSet>("rolled-sink").await?;
    sandbox.play_pods("rolled-sink").await?;
    sandbox.until("rolled", "ready", is_ready).await?;
    sandbox.apply_sink("rolled", json!({ "delivery": { "batch": { "maxRecords": 7 } } })).await?;
    sandbox.until_says("rolled", "Ready=False RolloutInProgress", &[]).await?;
    assert_eq!(configurations(&sandbox).await?.len(), 2);
    sandbox.play_pods("rolled-sink").await?;
    sandbox.until("rolled", "ready", is_ready).await?;
    let left =
        eventually(async || Ok(Some(configurations(&sandbox).await?).filter(|maps| maps.len() == 1))).await?;
    assert!(left[0].contains("batchRecordsMax: 7"), "{left:?}");
    sandbox.finish().await
}

async fn configurations(sandbox: &Sandbox) -> anyhow::Result<Vec<String>> {
    let maps = sandbox.api::<ConfigMap>().list(&ListParams::default().labels("kafkasink.dev/config")).await?;
    Ok(maps.into_iter().filter_map(|map| map.data?.remove("config.yaml")).collect())
}

#[tokio::test]
async fn refuses_what_the_world_cannot_give() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let topic = json!({ "name": sandbox.unique("wide"), "replicationFactor": 3 });
    sandbox.apply_sink("wide", json!({ "topics": [topic] })).await?;
    sandbox.apply_sink("nowhere", json!({ "kafka": { "bootstrapServers": ["127.0.0.1:9"] } })).await?;
    let token = json!({ "secretKeyRef": { "name": "reductstore", "key": "token" } });
    let store = json!({ "tokenFrom": token, "adminTokenFrom": null });
    sandbox.apply_sink("bucketless", json!({ "reductStore": store })).await?;
    sandbox.apply_sink("storeless", json!({ "reductStore": { "url": "http://127.0.0.1:9" } })).await?;
    let packed = json!({ "packing": { "format": "JsonLines" }, "workload": { "networkPolicy": "Enabled" } });
    sandbox.apply_sink("packed", packed).await?;

    sandbox
        .until_says(
            "wide",
            "TopicsReady=False TopicRefused",
            &["replicationFactor 3 needs 3 brokers, the cluster has 1"],
        )
        .await?;
    sandbox
        .until_says(
            "nowhere",
            "KafkaReachable=False KafkaUnreachable",
            &["127.0.0.1:9", "connection refused"],
        )
        .await?;
    sandbox
        .until_says(
            "storeless",
            "TargetReady=False TargetUnreachable",
            &["127.0.0.1:9", "connection refused"],
        )
        .await?;
    sandbox.until_says("bucketless", "TargetReady=False BucketNotFound", &["adminTokenFrom"]).await?;
    let message =
        "packing, workload.networkPolicy: Enabled do not work in this version; remove them from the resource";
    sandbox.until_says("packed", "Stalled=True NotImplementedYet", &[message]).await?;
    for sink in ["wide", "nowhere", "storeless", "bucketless", "packed"] {
        assert_eq!(sandbox.api::<StatefulSet>().get_opt(&format!("{sink}-sink")).await?, None, "{sink}");
    }
    sandbox.finish().await
}

#[tokio::test]
async fn makes_pods_that_restricted_pod_security_admits() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    sandbox.apply_sink("secure", json!({})).await?;
    let set = sandbox.until_exists::<StatefulSet>("secure-sink").await?;
    let restricted =
        json!({ "metadata": { "labels": { "pod-security.kubernetes.io/enforce": "restricted" } } });
    let namespaces: Api<Namespace> = Api::all(sandbox.client.clone());
    namespaces.patch(&sandbox.namespace, &PatchParams::default(), &Patch::Merge(restricted)).await?;
    let template = set.spec.unwrap().template;
    let metadata = ObjectMeta { name: Some("secure-sink-0".to_owned()), ..template.metadata.unwrap() };
    let pod = Pod { metadata, spec: template.spec, status: None };
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    let mut naked = pod.clone();
    naked.spec.as_mut().unwrap().containers[0].security_context = None;
    assert!(sandbox.api::<Pod>().create(&dry_run, &naked).await.is_err(), "the policy is at work");
    sandbox.api::<Pod>().create(&dry_run, &pod).await?;
    sandbox.finish().await
}

#[tokio::test]
async fn takes_over_nothing_of_others() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "foreign-sink" },
        "spec": { "ports": [{ "port": 80 }] },
    });
    let before = sandbox.apply::<Service>("foreign-sink", service).await?;
    sandbox.apply_sink("foreign", json!({})).await?;
    sandbox
        .until_says(
            "foreign",
            "Stalled=True NameConflict",
            &["taken by somebody else: Service foreign-sink;"],
        )
        .await?;
    let after = sandbox.api::<Service>().get("foreign-sink").await?;
    assert_eq!(after.resource_version(), before.resource_version());
    sandbox.finish().await
}

#[tokio::test]
async fn deletes_only_topics_that_it_created_and_that_hold_nothing_unstored() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let brokers = Brokers::new(&sandbox.kafka.bootstrap)?;
    let [own, foreign, unread] = ["own", "foreign", "unread"].map(|name| sandbox.unique(name));
    brokers.create(&foreign).await?;
    let topics = [&own, &foreign, &unread].map(|name| json!({ "name": name, "deletionPolicy": "Delete" }));
    sandbox.apply_sink("deleted", json!({ "topics": topics })).await?;
    let sink = sandbox.until("deleted", "reconciled", |sink| sink.status.is_some()).await?;
    assert_eq!(sink.finalizers(), ["kafkasink.dev/topics"]);
    sandbox.until_exists::<StatefulSet>("deleted-sink").await?;
    brokers.produce(&unread)?;

    let sinks = sandbox.api::<KafkaSink>();
    sinks.delete("deleted", &DeleteParams::default()).await?;
    eventually(async || Ok(sinks.get_opt("deleted").await?.is_none().then_some(()))).await?;
    eventually(async || Ok((brokers.partitions(&own)? == 0).then_some(()))).await?;
    assert_eq!(brokers.partitions(&foreign)?, 1);
    assert_ne!(brokers.partitions(&unread)?, 0);
    assert_eq!(
        sandbox.api::<StatefulSet>().get_opt("deleted-sink").await?,
        None,
        "its pods are stopped first"
    );
    assert!(
        store(&sandbox).get_bucket(&sandbox.unique("deleted")).await.is_ok(),
        "a bucket is never deleted"
    );
    let events = sandbox.api::<Event>().list(&ListParams::default()).await?;
    let reasons: Vec<_> = events.into_iter().filter_map(|event| event.reason).collect();
    for reason in ["TopicDeleted", "TopicRetained", "TopicRetainedUnread"] {
        assert!(reasons.contains(&reason.to_owned()), "{reason} is not in {reasons:?}");
    }
    sandbox.finish().await
}

#[tokio::test]
async fn leaves_a_resource_without_finalizer_to_the_garbage_collector() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let brokers = Brokers::new(&sandbox.kafka.bootstrap)?;
    sandbox.apply_sink("plain", json!({})).await?;
    sandbox.until_exists::<StatefulSet>("plain-sink").await?;
    let sinks = sandbox.api::<KafkaSink>();
    assert!(sinks.get("plain").await?.finalizers().is_empty());
    sinks.delete("plain", &DeleteParams::default()).await?;
    eventually(async || Ok(sinks.get_opt("plain").await?.is_none().then_some(()))).await?;
    assert_eq!(brokers.partitions(&sandbox.unique("plain"))?, 3, "the data stays");

    // Nobody collects garbage here, so a new resource of that name finds what the old one left.
    sandbox.apply_sink("plain", json!({})).await?;
    sandbox.until_says("plain", "Ready=False Progressing", &["still removes", "plain-sink"]).await?;
    sandbox.until_says("plain", "Stalled=False Reconciled", &[]).await?;
    sandbox.finish().await
}
