//! What the operator finds out before the first pod starts: one cause, one remedy, healed by itself. IO: processes, Kafka,
//! Kubernetes, store.

mod expiry;
mod permissions;
mod reach;
mod target;

use kafkasink_crds::resource::KafkaSink;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tokio::net::TcpListener;

use crate::operator::sandbox::{Sandbox, eventually};

/// Returns the address of somebody who takes every connection and closes it, as a load balancer does with nobody behind it.
async fn hangs_up() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    Ok(address)
}

/// Lets the operator look at a sink, the only one here, in which nothing has changed, and waits until it has.
async fn look_again(sandbox: &Sandbox, name: &str) -> anyhow::Result<()> {
    let before = sandbox.reconciliations().await?;
    let touch = json!({ "metadata": { "annotations": { "touched": before.to_string() } } });
    sandbox.api::<KafkaSink>().patch(name, &PatchParams::default(), &Patch::Merge(touch)).await?;
    eventually(async || Ok((sandbox.reconciliations().await? > before).then_some(()))).await
}

#[tokio::test]
async fn names_a_kafka_property_that_is_none() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let kafka = json!({ "properties": { "fetch.wait.max.ms": "soon" } });
    sandbox.apply_sink("property", json!({ "kafka": kafka })).await?;
    sandbox.until_says("property", "Stalled=True InvalidSpec", &["fetch.wait.max.ms", "soon"]).await?;
    sandbox.finish().await
}
