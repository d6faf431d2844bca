//! Topics that somebody else changes, or deletes and creates again. IO: processes, Kafka, Kubernetes.

use k8s_openapi::api::apps::v1::StatefulSet;
use kafkasink_crds::resource::KafkaSink;
use serde_json::json;

use crate::operator::brokers::Brokers;
use crate::operator::is_ready;
use crate::operator::sandbox::{Sandbox, eventually, said};

#[tokio::test]
async fn reverts_only_what_it_declares() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let (brokers, topic) = (Brokers::new(&sandbox.kafka.bootstrap)?, sandbox.unique("enforced"));
    let declared = json!({ "name": topic, "partitions": 3, "retention": { "time": "5h" } });
    sandbox.apply_sink("enforced", json!({ "topics": [declared] })).await?;
    sandbox.until_exists::<StatefulSet>("enforced-sink").await?;
    sandbox.until_says("enforced", "TopicsReady=True Reconciled", &[]).await?;
    // This call takes every other key of the topic away, as some tools do.
    brokers.set_only(&topic, "retention.bytes", "123456789").await?;
    eventually(async || {
        let config = brokers.config(&topic).await?;
        let now = ["retention.ms", "retention.bytes"].map(|key| config.get(key).map(String::as_str));
        Ok((now == [Some("18000000"), Some("123456789")]).then_some(()))
    })
    .await?;
    sandbox.finish().await
}

#[tokio::test]
async fn reports_what_it_may_only_observe_and_works_on() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let brokers = Brokers::new(&sandbox.kafka.bootstrap)?;
    let [observed, created] = ["observed", "created"].map(|name| sandbox.unique(name));
    brokers.create(&observed).await?;
    let declared = |name: &str, policy: &str| json!({ "name": name, "partitions": 3, "retention": { "time": "5h" }, "managementPolicy": policy });
    let topics = [declared(&observed, "Observe"), declared(&created, "CreateOnly")];
    sandbox.apply_sink("drifted", json!({ "topics": topics })).await?;
    sandbox.until_exists::<StatefulSet>("drifted-sink").await?;
    let differences = [
        observed.as_str(),
        "partitions 1 instead of 3",
        "retention.ms 604800000 instead of 18000000",
        "Observe",
    ];
    sandbox.until_says("drifted", "TopicsReady=False TopicDrifted", &differences).await?;
    sandbox.play_pods("drifted-sink").await?;
    sandbox.until("drifted", "ready in spite of the drift", is_ready).await?;
    sandbox.until_told("TopicDrifted", "").await?;
    assert_eq!(brokers.config(&created).await?["retention.ms"], "18000000", "created as declared");

    brokers.set_only(&created, "retention.ms", "1000").await?;
    let one_less = [json!({ "name": observed }), declared(&created, "CreateOnly")];
    sandbox.apply_sink("drifted", json!({ "topics": one_less })).await?;
    let other_difference = [created.as_str(), "retention.ms 1000 instead of 18000000", "CreateOnly"];
    let is_told = |sink: &KafkaSink| {
        let message = said(sink, "TopicsReady=False TopicDrifted").unwrap_or_default();
        other_difference.iter().all(|part| message.contains(part))
    };
    sandbox.until("drifted", "aware of the second drift", is_told).await?;
    assert_eq!(brokers.config(&created).await?["retention.ms"], "1000", "left alone");
    sandbox.finish().await
}

#[tokio::test]
async fn a_topic_that_comes_back_behind_its_back_has_a_new_life() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let (brokers, topic) = (Brokers::new(&sandbox.kafka.bootstrap)?, sandbox.unique("reborn"));
    let declared = json!({ "name": topic, "deletionPolicy": "Delete", "managementPolicy": "CreateOnly" });
    sandbox.apply_sink("reborn", json!({ "topics": [declared] })).await?;
    let lived = |sink: &KafkaSink| {
        let seen = sink.status.as_ref()?.topics.first()?;
        Some((seen.life?, seen.created?))
    };
    sandbox.until("reborn", "the creator", |sink| lived(sink) == Some((1, true))).await?;
    brokers.replace(&topic).await?;
    sandbox.until("reborn", "aware of the new life", |sink| lived(sink) == Some((2, false))).await?;
    sandbox.until_told("TopicReplaced", "").await?;
    sandbox.finish().await
}
