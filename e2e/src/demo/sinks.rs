//! What the operator says of the sinks. IO: processes.

use anyhow::{Context, Result, ensure};
use kafkasink_crds::resource::{ConditionType, KafkaSink};
use kube::ResourceExt as _;
use serde::Deserialize;

use super::kubectl::Kubectl;
use crate::lab::in_cluster::NAMESPACE;

#[derive(Deserialize)]
struct List {
    items: Vec<KafkaSink>,
}

/// Fails, and says why, unless the condition `Ready` of every sink is as wanted, for example `False` for
/// `AuthenticationFailed`.
///
/// # Errors
/// That of one is not, or kubectl fails.
pub async fn expect_ready(kubectl: &Kubectl, status: &str, reason: &str) -> Result<()> {
    let args = ["get", "ksink", "--namespace", NAMESPACE, "--output=json"];
    let list: List = serde_json::from_str(&kubectl.run(&args).await?).context("read the list of sinks")?;
    ensure!(!list.items.is_empty(), "there are no sinks");
    for sink in &list.items {
        let conditions = sink.status.iter().flat_map(|said| &said.conditions);
        let mut ready = conditions.filter(|condition| condition.type_ == ConditionType::Ready.as_str());
        let said = ready.next().with_context(|| format!("nothing is said of {} yet", sink.name_any()))?;
        ensure!(
            said.status == status && said.reason == reason,
            "Ready of {} is {} for {}: {}",
            sink.name_any(),
            said.status,
            said.reason,
            said.message
        );
    }
    Ok(())
}
