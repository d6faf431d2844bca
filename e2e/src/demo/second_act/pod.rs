//! A sink pod is deleted while it works. IO: processes.

use anyhow::{Context, Result, ensure};

use super::Act;
use crate::demo::patience::until;
use crate::demo::{console, pods};
use crate::lab::in_cluster::NAMESPACE;

/// Deletes a pod and waits until the one in its place works and what was produced meanwhile is stored.
pub(super) async fn delete(act: &Act<'_>, name: &str) -> Result<()> {
    let kubectl = &act.stage.kubectl;
    let before = find(act, name).await?;
    console::say(
        "\nA pod is deleted. It commits what is proven and ends; the next one of its name takes its partitions over.",
    )?;
    kubectl.show(&["delete", "pod", name, "--namespace", NAMESPACE, "--timeout=3m"]).await?;
    let step = act.progress.step("waits until another pod of this name is ready");
    until("another pod of this name is ready", async || {
        let pod = find(act, name).await?;
        ensure!(pod.uid != before.uid && pod.is_ready, "{pod:?} came after {}", before.uid);
        Ok(())
    })
    .await?;
    step.done();
    act.catch_up().await
}

async fn find(act: &Act<'_>, name: &str) -> Result<pods::Pod> {
    let pods = pods::selected(&act.stage.kubectl, NAMESPACE, "").await?;
    pods.into_iter().find(|pod| pod.name == name).with_context(|| format!("find pod {name}"))
}
