//! A broker that allows nothing by default: which permissions are named, and that those of `docs/kafka-permissions.md` are
//! enough. IO: processes, Kafka, Kubernetes.

use k8s_openapi::api::apps::v1::StatefulSet;
use kafkasink_crds::resource::KafkaSink;
use kafkasink_e2e::lab::secured::{Kind, PASSWORD, SecuredKafka};
use serde_json::{Value, json};

use crate::brokers::Brokers;
use crate::sandbox::{Sandbox, merge};

const DENIED: &str = "KafkaReachable=False AuthorizationFailed";

/// Lets the operator look at once: a changed Secret does.
async fn nudge(sandbox: &Sandbox, user: &str, step: &str) -> anyhow::Result<()> {
    sandbox.secret(user, json!({ "password": PASSWORD, "step": step })).await
}

/// A sink by a user of its own.
async fn sink_of(sandbox: &Sandbox, kafka: &SecuredKafka, user: &'static str) -> anyhow::Result<Value> {
    kafka.new_user(user).await?;
    sandbox.secret(user, json!({ "password": PASSWORD })).await?;
    sandbox.secret("ca", json!({ "ca.crt": kafka.authority()? })).await?;
    let key = |name: &str, key: &str| json!({ "secretKeyRef": { "name": name, "key": key } });
    Ok(json!({ "kafka": {
        "bootstrapServers": [kafka.bootstrap(Kind::SaslTls)],
        "tls": { "caFrom": key("ca", "ca.crt") },
        "authentication": {
            "mechanism": "SCRAM-SHA-512", "username": user, "passwordFrom": key(user, "password"),
        },
    }}))
}

/// A sink of a topic that is there, with a dead-letter topic.
async fn sink_with_letters(
    sandbox: &Sandbox,
    kafka: &SecuredKafka,
    topic: &str,
    letters: &str,
) -> anyhow::Result<()> {
    let brokers = Brokers::new(&kafka.bootstrap(Kind::Plaintext))?;
    brokers.create(topic).await?;
    brokers.create(letters).await?;
    let mut spec = sink_of(sandbox, kafka, "reader").await?;
    let delivery = json!({ "deadLetter": { "topic": letters } });
    merge(&mut spec, json!({ "topics": [{ "name": topic }], "delivery": delivery }));
    sandbox.apply_sink("reader", spec).await.map(drop)
}

#[tokio::test]
async fn names_each_permission_that_is_missing_until_a_sink_has_exactly_those_it_needs() -> anyhow::Result<()>
{
    let sandbox = Sandbox::start().await?;
    let kafka = SecuredKafka::strict().await?;
    let topic = sandbox.unique("reader");
    let (letters, group) = (format!("{topic}.dlq"), format!("{}.reader", sandbox.namespace));
    sink_with_letters(&sandbox, &kafka, &topic, &letters).await?;

    let on_topic = format!("Describe, DescribeConfigs, Read on topic {topic}; ");
    let on_letters = format!("Describe, DescribeConfigs, Write on topic {letters}; ");
    let on_group = format!("Read on group {group}; add these ACLs");
    let all = format!("user reader lacks permissions: {on_topic}{on_letters}{on_group}");
    sandbox.until_message("reader", DENIED, &all).await?;

    let (reads, writes) = (["--topic", topic.as_str()], ["--topic", letters.as_str()]);
    kafka.allow("reader", &["Read"], &reads).await?;
    nudge(&sandbox, "reader", "read").await?;
    let said = format!("permissions: DescribeConfigs on topic {topic}; {on_letters}{on_group}");
    sandbox.until_message("reader", DENIED, &said).await?;
    kafka.allow("reader", &["DescribeConfigs"], &reads).await?;
    nudge(&sandbox, "reader", "describe").await?;
    sandbox.until_message("reader", DENIED, &format!("permissions: {on_letters}{on_group}")).await?;
    kafka.allow("reader", &["Write", "DescribeConfigs"], &writes).await?;
    nudge(&sandbox, "reader", "write").await?;
    sandbox.until_message("reader", DENIED, &format!("permissions: {on_group}")).await?;
    // To see the group is not to be its member.
    kafka.allow("reader", &["Describe"], &["--group", &group]).await?;
    nudge(&sandbox, "reader", "group").await?;
    sandbox.until_message("reader", "Ready=False AuthorizationFailed", &on_group).await?;
    assert_eq!(sandbox.api::<StatefulSet>().get_opt("reader-sink").await?, None, "a pod starts in vain");
    // The last one heals by itself.
    kafka.allow("reader", &["Read"], &["--group", &group]).await?;
    sandbox.until_exists::<StatefulSet>("reader-sink").await?;
    for condition in ["KafkaReachable=True", "TopicsReady=True", "TargetReady=True", "RetentionAtRisk=False"]
    {
        sandbox.until_says("reader", &format!("{condition} Reconciled"), &[]).await?;
    }

    // What may not be seen any more is not known any more, above all of a message that waits.
    Brokers::new(&kafka.bootstrap(Kind::Plaintext))?.produce(&topic)?;
    kafka.forbid("reader", &["DescribeConfigs"], &reads).await?;
    nudge(&sandbox, "reader", "blind").await?;
    let blind = format!("permissions: DescribeConfigs on topic {topic}; add these ACLs");
    sandbox.until_message("reader", DENIED, &blind).await?;
    sandbox.until_says("reader", "TopicsReady=Unknown NotChecked", &[&topic]).await?;
    sandbox
        .until_says("reader", "RetentionAtRisk=Unknown NotChecked", &["how long its topic keeps it"])
        .await?;
    let status = sandbox.api::<KafkaSink>().get("reader").await?.status.unwrap_or_default();
    assert_eq!(status.topics_ready.as_deref(), Some("0/1"));
    sandbox.finish().await
}

#[tokio::test]
async fn names_the_permissions_to_create_and_to_change_topics() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let kafka = SecuredKafka::strict().await?;
    let topic = sandbox.unique("maker");
    let (of_topic, group) = (["--topic", topic.as_str()], format!("{}.maker", sandbox.namespace));
    let mut spec = sink_of(&sandbox, &kafka, "maker").await?;
    let declared = |partitions: u32| {
        json!([{ "name": topic, "partitions": partitions, "retention": { "time": "1h" },
                 "deletionPolicy": "Delete" }])
    };
    merge(&mut spec, json!({ "topics": declared(1) }));
    kafka.allow("maker", &["Describe"], &of_topic).await?;
    kafka.allow("maker", &["Read"], &["--group", &group]).await?;
    sandbox.apply_sink("maker", spec.clone()).await?;
    let create = format!("allow Create on topic {topic}, or on the cluster");
    sandbox
        .until_says("maker", "TopicsReady=False AuthorizationFailed", &["user maker may not", &create])
        .await?;
    kafka.allow("maker", &["Create", "Read", "DescribeConfigs"], &of_topic).await?;
    sandbox.until_exists::<StatefulSet>("maker-sink").await?;

    // What is not needed yet is said before it is.
    let foreseen = format!("Alter, AlterConfigs, Delete on topic {topic}; add these ACLs");
    sandbox.until_warns("maker", "MissingPermission", &foreseen).await?;
    merge(&mut spec, json!({ "topics": declared(2) }));
    sandbox.apply_sink("maker", spec).await?;
    let alter = format!("allow Alter on topic {topic}");
    sandbox.until_says("maker", "TopicsReady=False AuthorizationFailed", &[&alter]).await?;
    kafka.allow("maker", &["Alter", "AlterConfigs", "Delete"], &of_topic).await?;
    sandbox.until_says("maker", "TopicsReady=True Reconciled", &[]).await?;
    let brokers = Brokers::new(&kafka.bootstrap(Kind::Plaintext))?;
    assert_eq!(brokers.partitions(&topic)?, 2);
    sandbox
        .until("maker", "without a warning", |sink| {
            sink.status.as_ref().is_some_and(|status| status.warnings.is_empty())
        })
        .await?;
    sandbox.finish().await
}
