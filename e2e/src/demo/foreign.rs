//! What is in the way in a cluster that the demo did not start. IO: the API server.

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};

use crate::lab::in_cluster::NAMESPACE;

/// Marks the namespace that the demo may remove.
const DEMO_LABEL: &str = "kafkasink.dev/demo";

/// Operators that a release other than the demo's has installed.
const OTHER_OPERATORS: &str =
    "app.kubernetes.io/name=kafkasink-operator,app.kubernetes.io/instance!=kafkasink-operator";

/// Makes sure that the demo spoils nothing: its namespace is not somebody else's, and nobody else's operator works there,
/// since two of them would both work on every sink.
///
/// # Errors
/// Something is in the way, with what to do about it; or the API server does not answer.
pub(super) async fn expect_free(client: &Client) -> Result<()> {
    let namespace = Api::<Namespace>::all(client.clone()).get_opt(NAMESPACE).await;
    let namespace = namespace.with_context(|| format!("look for namespace {NAMESPACE}"))?;
    ensure!(
        namespace.is_none_or(|found| found.labels().contains_key(DEMO_LABEL)),
        "namespace {NAMESPACE} is there and not from a demo: remove it by hand, or use another cluster"
    );
    let others =
        Api::<Deployment>::all(client.clone()).list(&ListParams::default().labels(OTHER_OPERATORS)).await;
    if let Some(other) = others.context("look for other operators")?.items.first() {
        let (place, name) = (other.namespace().unwrap_or_default(), other.name_any());
        bail!(
            "an operator of KafkaSink is there that no demo has installed, deployment {name} in namespace {place}: \
             uninstall it, or use another cluster"
        );
    }
    Ok(())
}
