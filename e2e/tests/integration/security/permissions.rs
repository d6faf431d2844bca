//! A broker that allows nothing by default: the permissions of `docs/kafka-permissions.md` are all that a member needs.

use anyhow::ensure;
use kafkasink_e2e::lab::secured::{Kind, SecuredKafka};
use kafkasink_e2e::trial::messages::numbered;
use kafkasink_e2e::trial::{Signal, checker};

use super::credentials::{Sasl, Shown};
use super::{PATIENCE, world};

#[tokio::test(flavor = "multi_thread")]
async fn a_member_needs_no_permission_but_the_documented_ones() -> anyhow::Result<()> {
    let kafka = SecuredKafka::strict().await?;
    let user = kafka.new_user("exact").await?;
    let world = world(&kafka, "exact", 2).await?;
    let letters = world.dead_letter_topic().await?;
    kafka.allow(user, &["Read", "DescribeConfigs"], &["--topic", &world.topic.name]).await?;
    kafka.allow(user, &["Write", "DescribeConfigs"], &["--topic", &letters.name]).await?;
    kafka.allow(user, &["Read"], &["--group", &world.topic.name]).await?;

    // Without a key a message has no entry, and becomes a letter.
    let keyed = numbered(0..200).map(|message| message.key(b"k1"));
    let produced = world.topic.produce(keyed).await?;
    let rejected = world.topic.produce(numbered(200..205)).await?;
    let shown = Shown::authority(&kafka)?.sasl(Sasl::by("SCRAM-SHA-512").user(user));
    let spec = shown.spec(&world, &kafka, Kind::SaslTls)?.entry("{key}/{partition}");
    let mut member = world.start(&spec.dead_letters(&letters.name)).await?;
    let stored = world.wait_for(&produced, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    letters.read(rejected.len(), PATIENCE).await?;
    world.wait_until_committed(205, PATIENCE).await?;
    ensure!(member.status("/readyz").await? == 200, "not ready although everything is stored");
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}
