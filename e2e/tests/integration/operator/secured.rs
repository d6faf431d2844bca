//! Kafka by SCRAM over TLS and a store over HTTPS, with everything that the operator and the pods show in Secrets and
//! `ConfigMap`s. IO: processes, Kafka, Kubernetes, store.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::ConfigMap;
use kafkasink_e2e::lab::secured::{Kind, PASSWORD, SecuredKafka, SecuredStore, USER};
use serde_json::{Value, json};

use crate::operator::brokers::Brokers;
use crate::operator::sandbox::Sandbox;

async fn authority(sandbox: &Sandbox, pem: &str) -> anyhow::Result<()> {
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "kafka-ca" }, "data": { "ca.crt": pem },
    });
    sandbox.apply::<ConfigMap>("kafka-ca", map).await.map(drop)
}

/// A sink by SCRAM over TLS whose password, user and authorities stand elsewhere.
fn over(kafka: &SecuredKafka, store: &SecuredStore) -> Value {
    let key = |name: &str, key: &str| json!({ "secretKeyRef": { "name": name, "key": key } });
    json!({
        "kafka": {
            "bootstrapServers": [kafka.bootstrap(Kind::SaslTls)],
            "tls": { "caFrom": { "configMapKeyRef": { "name": "kafka-ca", "key": "ca.crt" } } },
            "authentication": {
                "mechanism": "SCRAM-SHA-512",
                "usernameFrom": key("user", "username"), "passwordFrom": key("user", "password"),
            },
        },
        "reductStore": { "url": store.address().url, "tls": { "caFrom": key("store-ca", "ca.crt") } },
    })
}

#[tokio::test]
async fn reaches_kafka_and_the_store_by_what_secrets_hold() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let (kafka, (store, store_ca)) = (SecuredKafka::start().await?, SecuredStore::start().await?);
    sandbox.set_token(&store.address().token).await?;
    sandbox.secret("store-ca", json!({ "ca.crt": store_ca })).await?;
    sandbox.apply_sink("secured", over(&kafka, &store)).await?;

    let no_map = ["kafka.tls.caFrom refers to ConfigMap kafka-ca, which does not exist"];
    sandbox.until_says("secured", "Stalled=True ConfigMapNotFound", &no_map).await?;
    authority(&sandbox, &kafka.authority()?).await?;
    let no_secret = ["kafka.authentication.usernameFrom refers to Secret user, which does not exist"];
    sandbox.until_says("secured", "Stalled=True SecretNotFound", &no_secret).await?;
    sandbox.secret("user", json!({ "username": USER, "password": "not-it" })).await?;
    let refused = ["refuse the credentials of user cameras by SCRAM-SHA-512", "kafka.authentication"];
    sandbox.until_says("secured", "KafkaReachable=False AuthenticationFailed", &refused).await?;
    assert_eq!(sandbox.api::<StatefulSet>().get_opt("secured-sink").await?, None, "a pod starts in vain");

    sandbox.secret("user", json!({ "username": USER, "password": PASSWORD })).await?;
    let set = sandbox.until_exists::<StatefulSet>("secured-sink").await?;
    sandbox.until_says("secured", "TargetReady=True Reconciled", &[]).await?;
    let brokers = Brokers::new(&kafka.bootstrap(Kind::Plaintext))?;
    assert_eq!(brokers.partitions(&sandbox.unique("secured"))?, 3);
    assert_eq!(
        mounted(&set),
        ["kafka-ca.crt", "kafka-password", "kafka-username", "reductstore-ca.crt", "reductstore-token"]
    );

    authority(&sandbox, &SecuredStore::foreign_authority()?).await?;
    let foreign = ["is signed by CN=lab-authority, which is not trusted", "kafka.tls.caFrom"];
    sandbox.until_says("secured", "KafkaReachable=False TlsFailed", &foreign).await?;
    let after = sandbox.api::<StatefulSet>().get("secured-sink").await?;
    assert_eq!(after.spec, set.spec, "what runs is left alone");
    sandbox.finish().await
}

/// Names of the files in the volume of credentials, in order.
fn mounted(set: &StatefulSet) -> Vec<String> {
    let pod = set.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let volumes = pod.and_then(|pod| pod.volumes.as_ref()).into_iter().flatten();
    let sources = volumes.filter_map(|volume| volume.projected.as_ref()?.sources.as_ref()).flatten();
    let items = sources.flat_map(|source| {
        let secret = source.secret.as_ref().and_then(|secret| secret.items.as_ref());
        let map = source.config_map.as_ref().and_then(|map| map.items.as_ref());
        secret.into_iter().chain(map).flatten().map(|item| item.path.clone())
    });
    let mut files: Vec<String> = items.collect();
    files.sort();
    files
}
