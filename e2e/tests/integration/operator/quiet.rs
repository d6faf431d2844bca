//! What an operator asks the API server to write where nothing has changed: nothing at all. IO: processes, Kubernetes.

use anyhow::ensure;
use k8s_openapi::api::apps::v1::StatefulSet;
use kafkasink_crds::resource::KafkaSink;
use kafkasink_e2e::lab::control_plane::audit::{AuditLog, Mark, Write};
use kafkasink_e2e::lab::ensure::apiserver;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::operator::is_ready;
use crate::operator::sandbox::{Sandbox, eventually};

/// How the operator calls itself.
const CLIENT: &str = "kafkasink-operator";

/// How often it looks at a resource in which nothing has changed.
const LOOKS: u64 = 2;

/// What the operator has been asked to write in the sandbox since, refused and fruitless requests among them.
async fn writes(sandbox: &Sandbox, mark: Mark) -> anyhow::Result<Vec<String>> {
    let writes = AuditLog::of(&apiserver().await?)?.writes_in(&sandbox.namespace, mark, CLIENT)?;
    Ok(writes.iter().map(Write::in_words).collect())
}

/// The number of reconciliations that have ended, once none is under way and none waits.
async fn reconciliations_at_rest(sandbox: &Sandbox) -> anyhow::Result<u64> {
    eventually(async || {
        let metrics = sandbox.metrics().await?;
        let values = |name: &str| {
            let samples = metrics.lines().filter(|line| line.starts_with(name));
            samples.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum::<u64>()
        };
        let is_at_rest = values("controller_runtime_active_workers{") + values("workqueue_depth{") == 0;
        Ok(is_at_rest.then(|| values("controller_runtime_reconcile_total{")))
    })
    .await
}

#[tokio::test]
async fn a_look_at_what_has_not_changed_asks_for_no_write() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let log = AuditLog::of(&apiserver().await?)?;
    sandbox.apply_sink("idle", json!({})).await?;
    sandbox.until_exists::<StatefulSet>("idle-sink").await?;
    sandbox.play_pods("idle-sink").await?;
    sandbox.until("idle", "ready", is_ready).await?;
    ensure!(
        writes(&sandbox, Mark::default()).await?.contains(&"patch kafkasinks/status".to_owned()),
        "the log does not show what the operator writes"
    );

    let sinks = sandbox.api::<KafkaSink>();
    for look in 1..=LOOKS {
        let before = reconciliations_at_rest(&sandbox).await?;
        let mark = log.mark()?;
        // A touch of the metadata starts a reconciliation without asking for anything.
        let touch = json!({ "metadata": { "annotations": { "touched": look.to_string() } } });
        let touched = sinks.patch("idle", &PatchParams::default(), &Patch::Merge(touch)).await?;
        eventually(async || Ok((reconciliations_at_rest(&sandbox).await? > before).then_some(()))).await?;
        let asked = writes(&sandbox, mark).await?;
        ensure!(asked.is_empty(), "look {look} asks for {asked:?}");
        ensure!(sinks.get("idle").await?.metadata.resource_version == touched.metadata.resource_version);
    }
    sandbox.finish().await
}
