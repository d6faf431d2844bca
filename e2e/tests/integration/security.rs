//! TLS and authentication on both sides, against a real broker with a listener of each kind and a real store over HTTPS.
//! IO: processes, Kafka, store.

mod credentials;
mod letters;
mod permissions;
mod rotation;
mod secrecy;
mod store;

use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::ensure;
use credentials::{Sasl, Shown};
use kafkasink_e2e::lab::ensure as lab;
use kafkasink_e2e::lab::secured::{ClientCertificate, Kind, SecuredKafka, SecuredStore};
use kafkasink_e2e::lab::state::KafkaAddress;
use kafkasink_e2e::trial::messages::numbered;
use kafkasink_e2e::trial::{Signal, World, checker};
use tokio::sync::Mutex;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_mins(2);

/// The line that says that credentials or certificates do not fit.
const REFUSED: &str = "the brokers and this member do not accept each other";

/// Returns the broker; tests that run at the same time share it, and it ends with the last of them.
async fn secured_kafka() -> anyhow::Result<Arc<SecuredKafka>> {
    static SHARED: Mutex<Weak<SecuredKafka>> = Mutex::const_new(Weak::new());
    let mut shared = SHARED.lock().await;
    if let Some(running) = shared.upgrade() {
        return Ok(running);
    }
    let started = Arc::new(SecuredKafka::start().await?);
    *shared = Arc::downgrade(&started);
    Ok(started)
}

/// A topic on that broker, and a bucket in the lab's store.
async fn world(kafka: &SecuredKafka, name: &str, partitions: i32) -> anyhow::Result<World> {
    let address = KafkaAddress { bootstrap: kafka.bootstrap(Kind::Plaintext) };
    World::on((address, lab::store().await?), None, name, partitions).await
}

async fn crosses(kafka: &SecuredKafka, kind: Kind, shown: &Shown) -> anyhow::Result<()> {
    let world = world(kafka, "cross", 2).await?;
    let produced = world.topic.produce(numbered(0..200)).await?;
    let mut member = world.start(&shown.spec(&world, kafka, kind)?).await?;
    let stored = world.wait_for(&produced, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    ensure!(member.status("/readyz").await? == 200, "not ready although everything is stored");
    ensure!(!member.stderr()?.contains(REFUSED), "refused at first: {}", member.stderr()?);
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_cross_tls_with_a_private_authority() -> anyhow::Result<()> {
    let kafka = secured_kafka().await?;
    crosses(&kafka, Kind::Tls, &Shown::authority(&kafka)?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn authorities_of_the_system_are_trusted_where_none_are_named() -> anyhow::Result<()> {
    let kafka = secured_kafka().await?;
    let world = world(&kafka, "system", 1).await?;
    let spec = Shown::authority(&kafka)?.spec(&world, &kafka, Kind::Tls)?;
    let file = world.file("ca.crt").display().to_string();
    let named = format!("tls: {{caFile: {file}}}");
    let unknown = spec.replace(&named, "tls: {}");
    let mut member = world.start(&unknown).await?;
    member.wait_for_line("certificate verify failed", PATIENCE).await?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;

    let produced = world.topic.produce(numbered(0..50)).await?;
    let mut trusting = world.start(&unknown.env("SSL_CERT_FILE", &file)).await?;
    let stored = world.wait_for(&produced, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    trusting.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_cross_mutual_tls() -> anyhow::Result<()> {
    let kafka = secured_kafka().await?;
    crosses(&kafka, Kind::MutualTls, &Shown::authority(&kafka)?.certificate(kafka.client("cameras")?)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_cross_every_sasl_mechanism_over_tls() -> anyhow::Result<()> {
    let kafka = secured_kafka().await?;
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        crosses(&kafka, Kind::SaslTls, &Shown::authority(&kafka)?.sasl(Sasl::by(mechanism))).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_cross_sasl_without_tls() -> anyhow::Result<()> {
    let kafka = secured_kafka().await?;
    for mechanism in ["PLAIN", "SCRAM-SHA-256"] {
        crosses(&kafka, Kind::SaslPlaintext, &Shown::default().sasl(Sasl::by(mechanism))).await?;
    }
    Ok(())
}

/// Starts with what does not fit, sees it told and the member not ready, mends the files, and sees messages stored by
/// the same process.
async fn mends(kafka: &SecuredKafka, kind: Kind, wrong: Shown, right: Shown) -> anyhow::Result<()> {
    let world = world(kafka, "mend", 1).await?;
    let produced = world.topic.produce(numbered(0..100)).await?;
    let mut member = world.start(&wrong.spec(&world, kafka, kind)?).await?;
    member.wait_for_line(REFUSED, PATIENCE).await?;
    ensure!(member.status("/readyz").await? == 503, "ready although the brokers refuse it");
    ensure!(member.status("/livez").await? == 200, "a restart would not help");
    right.write(&world)?;
    let stored = world.wait_for(&produced, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    member.wait_for_ready(PATIENCE).await?;
    ensure!(member.stderr()?.matches(REFUSED).count() == 1, "told more than once: {}", member.stderr()?);
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_password_is_told_and_mended_without_a_restart() -> anyhow::Result<()> {
    let kafka = secured_kafka().await?;
    for mechanism in ["PLAIN", "SCRAM-SHA-512"] {
        let right = Shown::authority(&kafka)?.sasl(Sasl::by(mechanism));
        let wrong = right.clone().sasl(Sasl::by(mechanism).password("not-it"));
        mends(&kafka, Kind::SaslTls, wrong, right).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_authority_is_told_and_mended_without_a_restart() -> anyhow::Result<()> {
    let kafka = secured_kafka().await?;
    let wrong = Shown::trusting(SecuredStore::foreign_authority()?);
    mends(&kafka, Kind::Tls, wrong, Shown::authority(&kafka)?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_and_foreign_client_certificates_are_told_and_mended_without_a_restart() -> anyhow::Result<()>
{
    let kafka = secured_kafka().await?;
    for wrong in [kafka.expired_client("cameras")?, ClientCertificate::foreign("cameras")?] {
        let shown = Shown::authority(&kafka)?;
        let right = shown.clone().certificate(kafka.client("cameras")?);
        mends(&kafka, Kind::MutualTls, shown.certificate(wrong), right).await?;
    }
    Ok(())
}
