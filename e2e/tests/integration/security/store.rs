//! The store over HTTPS with a private authority and a token, both followed while messages flow.

use std::time::Duration;

use anyhow::ensure;
use kafkasink_e2e::lab::ensure as lab;
use kafkasink_e2e::lab::secured::SecuredStore;
use kafkasink_e2e::trial::messages::numbered;
use kafkasink_e2e::trial::{Member, Signal, Spec, World, checker};
use tokio::time::{Instant, interval};

use super::PATIENCE;

/// A world of the lab's Kafka and a store over HTTPS; members trust what `store.crt` holds.
async fn world(store: &SecuredStore, authority: &str, name: &str) -> anyhow::Result<World> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("ca.crt");
    std::fs::write(&file, authority)?;
    World::on((lab::kafka().await?, store.address().clone()), Some(&file), name, 2).await
}

fn spec(world: &World) -> Spec {
    let file = world.file("store.crt").display().to_string();
    Spec::named("m-0").replace("/token}", &format!("/token, tls: {{caFile: {file}}}}}"))
}

/// Waits until the member has logged a line so many times.
async fn wait_for_lines(member: &Member, text: &str, count: usize) -> anyhow::Result<()> {
    let (begun, mut looks) = (Instant::now(), interval(Duration::from_millis(50)));
    while member.stderr()?.matches(text).count() < count {
        ensure!(
            begun.elapsed() < PATIENCE,
            "{text:?} is not {count} times in the log:\n{}",
            member.stderr()?
        );
        looks.tick().await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_cross_https_and_a_rotated_token_is_taken_over() -> anyhow::Result<()> {
    let (store, authority) = SecuredStore::start().await?;
    let world = world(&store, &authority, "https").await?;
    world.write("store.crt", &authority)?;
    let (first, second) = (world.new_token("first").await?, world.new_token("second").await?);
    world.write("token", &first)?;
    let mut member = world.start(&spec(&world)).await?;
    let mut produced = world.topic.produce(numbered(0..500)).await?;
    world.wait_until_stored(500, PATIENCE).await?;

    // A new token that works is taken over before the old one ends.
    world.write("token", &second)?;
    member.wait_for_line("the token or the authorities of the store have changed", PATIENCE).await?;
    world.revoke_token("first").await?;
    produced.extend(world.topic.produce(numbered(500..1_000)).await?);
    world.wait_until_stored(1_000, PATIENCE).await?;

    // A wrong one is told each time it comes, and changes nothing.
    for round in 1..=2 {
        world.write("token", "wrong")?;
        wait_for_lines(&member, "the changed token or authorities of the store do not work", round).await?;
        ensure!(member.status("/readyz").await? == 200, "not ready although it works by the token before");
        world.write("token", &second)?;
        wait_for_lines(&member, "are again those in use", round).await?;
    }
    produced.extend(world.topic.produce(numbered(1_000..1_200)).await?);
    world.wait_until_stored(1_200, PATIENCE).await?;

    // One that ends first holds everything until the file holds another.
    world.revoke_token("second").await?;
    produced.extend(world.topic.produce(numbered(1_200..1_500)).await?);
    member.wait_for_line("the store refuses the token", PATIENCE).await?;
    world.write("token", &world.new_token("third").await?)?;
    let stored = world.wait_for(&produced, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    for token in [first, second] {
        ensure!(!member.stderr()?.contains(&token), "a token is in the log");
    }
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_authority_of_the_store_is_told_and_mended_without_a_restart() -> anyhow::Result<()> {
    let (store, authority) = SecuredStore::start().await?;
    let world = world(&store, &authority, "authority").await?;
    world.write("store.crt", &SecuredStore::foreign_authority()?)?;
    let produced = world.topic.produce(numbered(0..100)).await?;
    let mut member = world.start(&spec(&world)).await?;
    member.wait_for_line("the store is not ready, it is waited for", PATIENCE).await?;
    member.wait_for_line("invalid peer certificate", PATIENCE).await?;
    ensure!(member.status("/readyz").await? == 503, "ready without a store");
    world.write("store.crt", &authority)?;
    let stored = world.wait_for(&produced, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    member.wait_for_ready(PATIENCE).await?;

    // An unusable file leaves a working client alone.
    world.write("store.crt", "-----BEGIN CERTIFICATE-----\n")?;
    member.wait_for_line("the changed token or authorities of the store do not work", PATIENCE).await?;
    let more = world.topic.produce(numbered(100..200)).await?;
    world.wait_until_stored(produced.len() + more.len(), PATIENCE).await?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}
