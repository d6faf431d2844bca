//! Credentials that change while messages flow: nothing lost, nothing twice, no other member disturbed.

use std::time::Duration;

use anyhow::ensure;
use kafkasink_e2e::lab::secured::Kind;
use kafkasink_e2e::trial::messages::numbered;
use kafkasink_e2e::trial::{Member, Produced, Signal, World, checker};

use super::credentials::{Sasl, Shown};
use super::{PATIENCE, REFUSED, secured_kafka, world};

/// The line of a consumer that is built anew.
const RENEWED: &str = "the credentials of kafka have changed, the consumer is built anew";

/// Produces while a member renews its consumer, and some more.
async fn produce_until_renewed(world: &World, member: &Member) -> anyhow::Result<Vec<Produced>> {
    let mut produced = Vec::new();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    for round in 1_u64.. {
        let first = round * 1_000;
        produced.extend(world.topic.produce(numbered(first..first + 300)).await?);
        let is_renewed = member.stderr()?.contains(RENEWED);
        ensure!(is_renewed || tokio::time::Instant::now() < deadline, "never renewed: {}", member.stderr()?);
        if is_renewed {
            break;
        }
    }
    produced.extend(world.topic.produce(numbered(0..1_000)).await?);
    Ok(produced)
}

#[tokio::test(flavor = "multi_thread")]
async fn rotated_password_loses_and_doubles_nothing_and_moves_no_other_partition() -> anyhow::Result<()> {
    let kafka = secured_kafka().await?;
    let world = world(&kafka, "rotate", 4).await?;
    let user = kafka.new_user("rotated").await?;
    let shown = Shown::authority(&kafka)?.sasl(Sasl::by("SCRAM-SHA-512").user(user));
    let spec = shown.spec(&world, &kafka, Kind::SaslTls)?;
    let mut first = world.start(&spec).await?;
    let mut produced = world.topic.produce(numbered(0..1_000)).await?;
    world.wait_until_stored(produced.len(), PATIENCE).await?;
    let steady = Shown::authority(&kafka)?.sasl(Sasl::by("SCRAM-SHA-512")).apart("steady-");
    let mut second = world.start(&steady.spec(&world, &kafka, Kind::SaslTls)?.name("m-1")).await?;
    second.wait_for_metric("kafkasink_consumer_lag_messages", PATIENCE).await?;
    first.wait_for_metric("kafkasink_rebalances_total 2", PATIENCE).await?;
    let before = second.metric("kafkasink_rebalances_total").await?;

    kafka.set_password(user, "another-8Hs2kk").await?;
    shown.sasl(Sasl::by("SCRAM-SHA-512").password("another-8Hs2kk")).write(&world)?;
    produced.extend(produce_until_renewed(&world, &first).await?);
    let stored = world.wait_for(&produced, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    let disturbed = second.metric("kafkasink_rebalances_total").await? - before;
    ensure!(disturbed < 0.5, "the other member was disturbed {disturbed} times");
    first.wait_for_ready(PATIENCE).await?;
    first.stop(Signal::Terminate, PATIENCE)?.expect_code(0)?;
    second.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_password_holds_messages_until_the_file_has_the_new_one() -> anyhow::Result<()> {
    let kafka = secured_kafka().await?;
    let world = world(&kafka, "revoke", 2).await?;
    let user = kafka.new_user("revoked").await?;
    let shown = Shown::default().sasl(Sasl::by("SCRAM-SHA-512").user(user));
    let mut member = world.start(&shown.spec(&world, &kafka, Kind::SaslPlaintext)?).await?;
    let mut produced = world.topic.produce(numbered(0..500)).await?;
    world.wait_until_stored(produced.len(), PATIENCE).await?;

    kafka.set_password(user, "revoking-2Qm8s").await?;
    member.wait_for_line(REFUSED, PATIENCE).await?;
    ensure!(member.status("/readyz").await? == 503, "ready although the brokers refuse it");
    produced.extend(world.topic.produce(numbered(500..1_000)).await?);
    shown.sasl(Sasl::by("SCRAM-SHA-512").password("revoking-2Qm8s")).write(&world)?;
    let stored = world.wait_for(&produced, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    member.wait_for_ready(PATIENCE).await?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn rotated_client_certificate_loses_and_doubles_nothing() -> anyhow::Result<()> {
    let kafka = secured_kafka().await?;
    let world = world(&kafka, "certificate", 3).await?;
    let shown = Shown::authority(&kafka)?;
    let spec = shown.clone().certificate(kafka.client("cameras")?).spec(&world, &kafka, Kind::MutualTls)?;
    let mut member = world.start(&spec).await?;
    let mut produced = world.topic.produce(numbered(0..1_000)).await?;
    world.wait_until_stored(500, PATIENCE).await?;
    shown.certificate(kafka.client("cameras")?).write(&world)?;
    produced.extend(produce_until_renewed(&world, &member).await?);
    let stored = world.wait_for(&produced, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn unusable_new_files_leave_a_working_consumer_alone() -> anyhow::Result<()> {
    let kafka = secured_kafka().await?;
    let world = world(&kafka, "broken", 1).await?;
    let (certificate, other) = (kafka.client("cameras")?, kafka.client("cameras")?);
    let shown = Shown::authority(&kafka)?.certificate(certificate.clone());
    let mut member = world.start(&shown.spec(&world, &kafka, Kind::MutualTls)?).await?;
    let mut produced = world.topic.produce(numbered(0..100)).await?;
    world.wait_until_stored(produced.len(), PATIENCE).await?;

    let half = other.certificate.get(..other.certificate.len() / 2).unwrap_or_default();
    world.write("user.crt", half)?;
    member.wait_for_line("user.crt is cut off", PATIENCE).await?;
    world.write("user.crt", &other.certificate)?;
    member.wait_for_line("cannot use the new credentials", PATIENCE).await?; // the key is still that of the first
    std::fs::remove_file(world.file("user.key"))?;
    member.wait_for_line("kafka.tls.privateKeyFile: cannot read", PATIENCE).await?;
    produced.extend(world.topic.produce(numbered(100..200)).await?);
    world.wait_until_stored(produced.len(), Duration::from_secs(20)).await?;
    ensure!(member.status("/readyz").await? == 200, "not ready although it works");
    let told = member.stderr()?.matches("do not work, those before stay in use").count();
    ensure!(told == 3, "told {told} times: {}", member.stderr()?);

    world.write("user.key", &other.key)?;
    produced.extend(produce_until_renewed(&world, &member).await?);
    let stored = world.wait_for(&produced, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}
