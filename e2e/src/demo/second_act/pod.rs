//! A sink pod is deleted while it works. IO: processes.

use anyhow::{Result, ensure};

use super::Act;
use crate::demo::{console, pods};
use crate::lab::in_cluster::NAMESPACE;

/// Deletes a pod and waits until the one in its place works and what was produced meanwhile is stored.
pub(super) async fn delete(act: &Act<'_>, name: &str) -> Result<()> {
    let kubectl = &act.stage.kubectl;
    let before = pods::named(kubectl, name).await?;
    console::say(
        "\nA pod is deleted. It commits what is proven and ends; the next one of its name takes its partitions over.",
    )?;
    kubectl.show(&["delete", "pod", name, "--namespace", NAMESPACE, "--timeout=3m"]).await?;
    act.wait_until("another pod of this name is ready", async || {
        let pod = pods::named(kubectl, name).await?;
        ensure!(pod.uid != before.uid && pod.is_ready, "{pod:?} came after {}", before.uid);
        Ok(())
    })
    .await?;
    act.catch_up().await
}
