//! What the operator finds out before the first pod starts: one cause, one remedy, healed by itself. IO: processes, Kafka,
//! Kubernetes, store.

mod expiry;
mod permissions;
mod reach;
mod target;

use serde_json::json;

use crate::operator::sandbox::Sandbox;

#[tokio::test]
async fn names_a_kafka_property_that_is_none() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let kafka = json!({ "properties": { "fetch.wait.max.ms": "soon" } });
    sandbox.apply_sink("property", json!({ "kafka": kafka })).await?;
    sandbox.until_says("property", "Stalled=True InvalidSpec", &["fetch.wait.max.ms", "soon"]).await?;
    sandbox.finish().await
}
