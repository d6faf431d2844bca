//! Resources that are deleted while they are worked on. IO: processes, Kafka, Kubernetes.

use anyhow::ensure;
use kafkasink_crds::resource::KafkaSink;
use kube::api::DeleteParams;
use serde_json::json;
use tokio::net::TcpListener;

use crate::operator::sandbox::{Sandbox, eventually};

#[tokio::test]
async fn a_resource_that_went_meanwhile_is_no_failure() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    // A broker that takes calls and never answers: the work on the sink lasts until the operator's patience ends.
    let silence = TcpListener::bind("127.0.0.1:0").await?;
    let kafka = json!({ "bootstrapServers": [silence.local_addr()?.to_string()] });
    sandbox.apply_sink("going", json!({ "kafka": kafka })).await?;
    let _caller = silence.accept().await?;
    let is_idle =
        |metrics: &str| metrics.contains("\ncontroller_runtime_active_workers{controller=\"kafkasink\"} 0\n");
    ensure!(!is_idle(&sandbox.metrics().await?), "nothing is worked on");
    sandbox.api::<KafkaSink>().delete("going", &DeleteParams::default()).await?;

    let metrics =
        eventually(async || Ok(Some(sandbox.metrics().await?).filter(|text| is_idle(text)))).await?;
    ensure!(metrics.contains("result=\"success\""), "nothing was finished: {metrics}");
    ensure!(!metrics.contains("result=\"error\""), "an error is counted: {metrics}");
    sandbox.finish().await
}
