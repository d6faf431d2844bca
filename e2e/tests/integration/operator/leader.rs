//! Operators that share a Lease: one works, another takes over. IO: processes, signals, Kubernetes.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::coordination::v1::Lease;
use kafkasink_crds::resource::KafkaSink;
use kafkasink_e2e::lab::ensure::apiserver;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tokio::time::Instant;

use crate::operator::process::Operator;
use crate::operator::sandbox::{Sandbox, eventually};

/// Long enough for a process that is frozen for a moment not to lose it.
const LEASE: Duration = Duration::from_secs(12);

async fn candidate(sandbox: &Sandbox, name: &str) -> anyhow::Result<Operator> {
    let (namespace, seconds) = (sandbox.namespace.as_str(), LEASE.as_secs().to_string());
    let arguments = ["--watch-namespace", namespace, "--lease-namespace", namespace];
    let arguments =
        [&arguments[..], &["--leader-elect", "--lease-seconds", &seconds, "--identity", name]].concat();
    Operator::launch(&apiserver().await?.kubeconfig, &format!("{namespace}-{name}"), &arguments)
}

/// Starts two operators in place of the sandbox's; the first one leads, the second one stands by.
async fn leader_and_standby(sandbox: &mut Sandbox) -> anyhow::Result<(Operator, Operator)> {
    sandbox.kill_operator()?;
    let first = candidate(sandbox, "first").await?;
    until_leads(&first).await?;
    let second = candidate(sandbox, "second").await?;
    until_stands_by(&second).await?;
    Ok((first, second))
}

async fn until_leads(operator: &Operator) -> anyhow::Result<()> {
    let leads = async || {
        // It may not listen yet.
        let metrics = operator.get("metrics").await.unwrap_or_default();
        Ok(metrics.contains("\nleader_election_master_status 1\n").then_some(()))
    };
    eventually(leads).await.context("it never leads")
}

async fn until_stands_by(operator: &Operator) -> anyhow::Result<()> {
    eventually(async || Ok(operator.get("readyz").await.ok())).await.context("it is never ready")?;
    ensure!(operator.get("metrics").await?.contains("\nleader_election_master_status 0\n"), "it leads");
    Ok(())
}

fn signal(operator: &Operator, signal: Signal) -> anyhow::Result<()> {
    Ok(kill(Pid::from_raw(i32::try_from(operator.process.id())?), signal)?)
}

async fn exit_code(operator: &mut Operator) -> anyhow::Result<Option<i32>> {
    let ended = eventually(async || Ok(operator.process.try_wait()?)).await.context("it never ends")?;
    Ok(ended.code())
}

async fn pods(sandbox: &Sandbox) -> anyhow::Result<Option<i32>> {
    Ok(sandbox.api::<StatefulSet>().get("led-sink").await?.spec.and_then(|spec| spec.replicas))
}

#[tokio::test]
async fn a_frozen_leader_that_wakes_after_another_took_over_ends_without_a_write() -> anyhow::Result<()> {
    let mut sandbox = Sandbox::start().await?;
    let (mut first, second) = leader_and_standby(&mut sandbox).await?;
    sandbox.apply_sink("led", json!({})).await?;
    sandbox.until_exists::<StatefulSet>("led-sink").await?;
    let reconciled = second.get("metrics").await?;
    ensure!(
        !reconciled.contains("controller_runtime_reconcile_total{"),
        "the one that stands by works: {reconciled}"
    );

    signal(&first, Signal::SIGSTOP)?;
    until_leads(&second).await?;
    sandbox.apply_sink("led", json!({ "replicas": 1 })).await?;
    eventually(async || Ok((pods(&sandbox).await? == Some(1)).then_some(()))).await?;
    let seen = async || {
        let sink = sandbox.api::<KafkaSink>().get("led").await?;
        anyhow::Ok((sink.status.and_then(|status| status.observed_generation), sink.metadata.generation))
    };
    let is_told = async || Ok(Some(seen().await?).filter(|(observed, current)| observed == current));
    let (before, _) = eventually(is_told).await.context("the one that took over writes no status")?;

    // Work that the first one finds when it wakes, while the second one cannot do it.
    signal(&second, Signal::SIGSTOP)?;
    sandbox.apply_sink("led", json!({ "replicas": 3 })).await?;
    signal(&first, Signal::SIGCONT)?;
    ensure!(exit_code(&mut first).await? == Some(1), "it does not say that it failed");
    ensure!(pods(&sandbox).await? == Some(1), "it has scaled the pods");
    ensure!(seen().await?.0 == before, "it has written a status");
    signal(&second, Signal::SIGCONT)?;
    // Where its own lease ran out meanwhile the second one ends too, and its pod would be started again.
    let _third = candidate(&sandbox, "third").await?;
    eventually(async || Ok((pods(&sandbox).await? == Some(3)).then_some(()))).await?;
    sandbox.finish().await
}

#[tokio::test]
async fn a_leader_that_is_told_to_stop_hands_over_at_once() -> anyhow::Result<()> {
    let mut sandbox = Sandbox::start().await?;
    let (mut first, second) = leader_and_standby(&mut sandbox).await?;
    signal(&first, Signal::SIGTERM)?;
    ensure!(exit_code(&mut first).await? == Some(0), "it fails");
    let gone = Instant::now();
    until_leads(&second).await?;
    ensure!(gone.elapsed() < LEASE / 2, "the lease had to run out: {:?}", gone.elapsed());
    let spec = sandbox.api::<Lease>().get("kafkasink-operator").await?.spec.context("it is empty")?;
    ensure!(
        spec.holder_identity.is_some_and(|holder| holder.starts_with("second_"))
            && spec.lease_transitions == Some(1)
    );
    sandbox.finish().await
}
