//! How a member is operated: its log, its signals, its exit codes. IO: processes.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use kafkasink_e2e::faults::part::Part;
use kafkasink_e2e::lab::ensure as lab;
use kafkasink_e2e::lab::own::OwnRun;
use kafkasink_e2e::trial::messages::numbered;
use kafkasink_e2e::trial::{Signal, Spec, World, checker, spec};
use nix::sys::signal::Signal as SystemSignal;

use crate::runtime::PATIENCE;
use crate::tap::Tap;

/// What a pod is given between the signal to stop and the kill, by the operator.
const GRACE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn stop_with_a_store_that_says_nothing_ends_inside_the_grace_period() -> anyhow::Result<()> {
    let world = World::new("grace", 2).await?;
    let tap = Tap::before(&world.store().url).await?;
    let mut member = world.start(&Spec::named("m-0").store(&tap.url)).await?;
    let mut produced = world.topic.produce(numbered(0..100)).await?;
    world.wait_until_stored(produced.len(), PATIENCE).await?;
    tap.shut();
    produced.extend(world.topic.produce(numbered(100..200)).await?);
    member.wait_for_backlog(PATIENCE).await?;
    // The request that the store leaves unanswered times out before the time to stop is over.
    member.stop(Signal::Terminate, GRACE)?.expect_code(0)?;
    tap.open();
    let mut again = world.start(&Spec::named("m-0")).await?;
    let stored = world.wait_for(&produced, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    again.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn second_signal_ends_a_member_at_once() -> anyhow::Result<()> {
    let world = World::new("twice", 2).await?;
    let tap = Tap::before(&world.store().url).await?;
    let mut member = world.start(&Spec::named("m-0").store(&tap.url)).await?;
    world.topic.produce(numbered(0..100)).await?;
    world.wait_until_stored(100, PATIENCE).await?;
    tap.shut();
    world.topic.produce(numbered(100..200)).await?;
    member.wait_for_backlog(PATIENCE).await?;
    member.send(Signal::Terminate)?;
    member.wait_for_line("\"stopping\"", PATIENCE).await?;
    let ended = member.stop(Signal::Terminate, Duration::from_secs(5))?;
    ensure!(ended.signal == Some(SystemSignal::SIGABRT as i32), "{ended:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_while_the_broker_hangs_ends_inside_the_grace_period_and_says_that_not_all_is_finished()
-> anyhow::Result<()> {
    let run = OwnRun::new()?;
    let (broker, kafka) = Part::broker(run.paths().clone()).await?;
    let world = World::on((kafka, lab::store().await?), None, "undrained", 2).await?;
    let mut produced = world.topic.produce(numbered(0..200)).await?;
    let mut member = world.start(&Spec::named("m-0")).await?;
    world.wait_until_stored(produced.len(), PATIENCE).await?;
    broker.freeze()?;
    let ended = member.stop(Signal::Terminate, GRACE)?;
    ended.expect_code(3)?;
    let line = ended.stderr.lines().last().context("read what it said last")?;
    ensure!(
        line.starts_with("kafkasink-runtime: ") && line.contains("cannot commit what was stored last"),
        "{line}"
    );
    broker.wake()?;
    broker.ready().await?;
    produced.extend(world.topic.produce(numbered(200..300)).await?);
    let mut again = world.start(&Spec::named("m-0")).await?;
    let stored = world.wait_for(&produced, PATIENCE).await?;
    world.wait_until_committed(300, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    again.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn member_whose_place_another_takes_ends_and_says_so() -> anyhow::Result<()> {
    let world = World::new("place", 2).await?;
    let mut produced = world.topic.produce(numbered(0..200)).await?;
    let mut first = world.start(&Spec::named("m-0")).await?;
    world.wait_until_stored(produced.len(), PATIENCE).await?;
    let mut second = world.start(&Spec::named("m-0").uid("another")).await?;
    let ended = first.end(PATIENCE)?;
    ended.expect_code(1)?;
    // The client's own complaint may come after it.
    let says_why =
        |line: &str| line.starts_with("kafkasink-runtime: ") && line.contains("the consumer failed for good");
    ensure!(ended.stderr.lines().any(says_why), "{}", ended.stderr);
    produced.extend(world.topic.produce(numbered(200..400)).await?);
    let stored = world.wait_for(&produced, PATIENCE).await?;
    world.wait_until_committed(400, PATIENCE).await?;
    checker::compare(&produced, &stored)?;
    second.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn log_is_json_with_topic_partition_and_offset_and_its_level_changes_while_it_runs()
-> anyhow::Result<()> {
    let world = World::new("log", 1).await?;
    let mut member = world.start(&Spec::named("m-0")).await?;
    world.topic.produce(numbered(0..10)).await?;
    world.wait_until_stored(10, PATIENCE).await?;
    let lines: Vec<serde_json::Value> =
        member.stderr()?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let begins = lines.iter().find(|line| line["message"] == "a partition begins").context("read the log")?;
    ensure!(begins["topic"] == world.topic.name.as_str(), "{begins}");
    ensure!(begins["partition"] == 0 && begins["offset"] == 0, "{begins}");
    ensure!(!lines.iter().any(|line| line["level"] == "DEBUG"), "debug lines at level info");
    world.reconfigure(&Spec::named("m-0").replace("logLevel: Info", "logLevel: Debug"))?;
    member.wait_for_line("the log level has changed", PATIENCE).await?;
    member.wait_for_line("\"level\":\"DEBUG\"", PATIENCE).await?;
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn help_tells_the_exit_codes() -> anyhow::Result<()> {
    let help = std::process::Command::new(spec::program()?).arg("--help").output()?;
    let help = String::from_utf8(help.stdout)?;
    for line in ["0  ", "1  ", "2  ", "3  ", "134"] {
        ensure!(help.lines().any(|l| l.trim_start().starts_with(line)), "{line} is not in:\n{help}");
    }
    Ok(())
}
