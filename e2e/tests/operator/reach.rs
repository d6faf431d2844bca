//! What the operator says where brokers are not reached or do not let it in: the name, the connection, TLS, SASL. IO:
//! processes, Kafka, Kubernetes.

use std::net::TcpListener;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kafkasink_crds::resource::KafkaSink;
use kafkasink_e2e::lab::secured::{ClientCertificate, Kind, PASSWORD, SecuredKafka, SecuredStore, USER};
use kube::api::ListParams;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};

use crate::sandbox::{Sandbox, merge};

/// One way to miss the brokers: the name of the sink, what it says of Kafka, and what is said of that.
struct Miss {
    name: &'static str,
    kafka: Value,
    condition: &'static str,
    parts: Vec<&'static str>,
}

fn miss(name: &'static str, kafka: Value, condition: &'static str, parts: &[&'static str]) -> Miss {
    Miss { name, kafka, condition, parts: parts.to_vec() }
}

const UNREACHABLE: &str = "KafkaReachable=False KafkaUnreachable";
const TLS: &str = "KafkaReachable=False TlsFailed";
const SASL: &str = "KafkaReachable=False AuthenticationFailed";

fn at(server: &str) -> Value {
    json!({ "bootstrapServers": [server] })
}

/// By TLS, with what stands in Secret `secret` for an authority.
fn by_tls(server: &str, secret: &str) -> Value {
    let ca = json!({ "secretKeyRef": { "name": secret, "key": "ca.crt" } });
    json!({ "bootstrapServers": [server], "tls": { "caFrom": ca } })
}

/// With a certificate of our own.
fn showing(mut kafka: Value, secret: &str) -> Value {
    merge(&mut kafka, json!({ "tls": { "clientCertificate": { "secretName": secret } } }));
    kafka
}

fn as_user(mut kafka: Value, secret: &str) -> Value {
    let password = json!({ "secretKeyRef": { "name": secret, "key": "password" } });
    let user = json!({ "mechanism": "SCRAM-SHA-256", "username": USER, "passwordFrom": password });
    merge(&mut kafka, json!({ "authentication": user }));
    kafka
}

/// The Secrets that the misses refer to.
async fn secrets(sandbox: &Sandbox, kafka: &SecuredKafka) -> anyhow::Result<()> {
    let shown = |shown: ClientCertificate| json!({ "tls.crt": shown.certificate, "tls.key": shown.key });
    for (name, values) in [
        ("ca", json!({ "ca.crt": kafka.authority()? })),
        ("foreign-ca", json!({ "ca.crt": SecuredStore::foreign_authority()? })),
        ("expired", shown(kafka.expired_client("cameras")?)),
        ("wrong", json!({ "password": "not-it" })),
        ("right", json!({ "password": PASSWORD })),
    ] {
        sandbox.secret(name, values).await?;
    }
    Ok(())
}

/// No answer at all comes from `mute`, and the other one closes every connection.
fn misses(kafka: &SecuredKafka, mute: &str, closing: &str) -> Vec<Miss> {
    let [plain, tls, mutual, misnamed, expired, sasl] = [
        Kind::Plaintext,
        Kind::Tls,
        Kind::MutualTls,
        Kind::MisnamedTls,
        Kind::ExpiredTls,
        Kind::SaslPlaintext,
    ]
    .map(|kind| kafka.bootstrap(kind));
    let certificate = showing(by_tls(&mutual, "ca"), "expired");
    vec![
        miss("nameless", at("nobody.invalid:9092"), UNREACHABLE, &["nobody.invalid:9092: the name does not"]),
        miss("closed", at("127.0.0.1:9"), UNREACHABLE, &["127.0.0.1:9: connection refused", "port in"]),
        miss("mute", at(mute), UNREACHABLE, &["the connection is taken, and nothing is said"]),
        miss(
            "cut-off",
            by_tls(closing, "ca"),
            UNREACHABLE,
            &["closed without an answer; check that the brokers run"],
        ),
        miss("untold", at(&tls), TLS, &["TLS is expected there; set kafka.tls"]),
        miss("plain", by_tls(&plain, "ca"), TLS, &["no TLS is spoken there", "or remove kafka.tls"]),
        miss("foreign", by_tls(&tls, "foreign-ca"), TLS, &["lab-authority, which is not trusted", "caFrom"]),
        miss(
            "misnamed",
            by_tls(&misnamed, "ca"),
            TLS,
            &["made for elsewhere.example, and not for 127.0.0.1"],
        ),
        miss("outdated", by_tls(&expired, "ca"), TLS, &["expired on 2001-01-01", "renew the listener's"]),
        miss("unshown", by_tls(&mutual, "ca"), TLS, &["set kafka.tls.clientCertificate"]),
        miss("unwelcome", certificate, TLS, &["check kafka.tls.clientCertificate"]),
        miss("stranger", at(&sasl), SASL, &["only users are let in there; set kafka.authentication"]),
        miss("liar", as_user(at(&sasl), "wrong"), SASL, &["of user cameras by SCRAM-SHA-256", "its Secret"]),
        miss("pushy", as_user(at(&plain), "right"), SASL, &["ask for no user there"]),
    ]
}

#[tokio::test]
async fn tells_name_connection_tls_and_sasl_apart_and_starts_nothing() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let kafka = SecuredKafka::start().await?;
    // The kernel takes connections on its behalf, and nobody ever answers.
    let mute = TcpListener::bind("127.0.0.1:0")?;
    secrets(&sandbox, &kafka).await?;
    let misses = misses(&kafka, &mute.local_addr()?.to_string(), &super::hangs_up().await?);
    for Miss { name, kafka: missed, .. } in &misses {
        sandbox.apply_sink(name, json!({ "kafka": missed })).await?;
    }
    for Miss { name, condition, parts, .. } in &misses {
        sandbox.until_says(name, condition, parts).await?;
    }
    let sets = sandbox.api::<StatefulSet>().list(&ListParams::default()).await?.items;
    assert!(sets.is_empty(), "a pod starts in vain: {sets:?}");
    let log = sandbox.log()?;
    assert!(!log.contains("not-it") && !log.contains(PASSWORD), "a password is told");

    // Each heals by itself once it is mended; here what a person would mend in the resource, and in a Secret.
    sandbox.apply_sink("foreign", json!({ "kafka": by_tls(&kafka.bootstrap(Kind::Tls), "ca") })).await?;
    sandbox.secret("wrong", json!({ "password": PASSWORD })).await?;
    for name in ["foreign", "liar"] {
        sandbox.until_says(name, "KafkaReachable=True Reconciled", &[]).await?;
        sandbox.until_exists::<StatefulSet>(&format!("{name}-sink")).await?;
    }
    sandbox.finish().await
}

/// Returns the address of somebody who passes connections on, for as long as the task lives.
async fn passes_on(to: String) -> anyhow::Result<(String, JoinHandle<()>)> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let pass_on = async move {
        let mut connections = JoinSet::new();
        while let Ok((mut near, _)) = listener.accept().await {
            let to = to.clone();
            connections.spawn(async move {
                let mut far = TcpStream::connect(to).await?;
                tokio::io::copy_bidirectional(&mut near, &mut far).await
            });
        }
    };
    Ok((address, tokio::spawn(pass_on)))
}

#[tokio::test]
async fn one_of_two_bootstrap_servers_is_enough() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let kafka = sandbox.kafka.bootstrap.clone();
    let (other, passing) = passes_on(kafka.clone()).await?;
    sandbox.apply_sink("halved", json!({ "kafka": { "bootstrapServers": [other, kafka] } })).await?;
    sandbox.until_exists::<StatefulSet>("halved-sink").await?;
    sandbox.play_pods("halved-sink").await?;
    sandbox.until_says("halved", "Ready=True Reconciled", &[]).await?;

    passing.abort();
    let conditions = async || {
        let status = sandbox.api::<KafkaSink>().get("halved").await?.status.unwrap_or_default();
        let told = |condition: &Condition| ["Ready", "KafkaReachable"].contains(&condition.type_.as_str());
        anyhow::Ok(status.conditions.into_iter().filter(told).collect::<Vec<_>>())
    };
    let before = conditions().await?;
    for _ in 0..3 {
        sandbox.look_again("halved").await?;
        assert_eq!(conditions().await?, before);
    }
    sandbox.finish().await
}
