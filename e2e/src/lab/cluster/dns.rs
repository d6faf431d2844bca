//! `CoreDNS` in the cluster. IO: the API server.

use std::time::Duration;

use kube::Client;

use crate::lab::manifests;

const MANIFEST: &str = include_str!("../../../manifests/coredns.yaml");
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// Applies `CoreDNS`, whose image is imported already, and waits until it is ready.
///
/// # Errors
/// The API server refuses it, or it is not ready in time.
pub(super) async fn start(client: &Client) -> anyhow::Result<()> {
    manifests::apply(client, MANIFEST).await?;
    manifests::wait_for_pods(client, "kube-system", "k8s-app=kube-dns", START_TIMEOUT).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::MANIFEST;
    use crate::lab::versions;

    #[test]
    fn manifest_names_the_image_that_is_built() {
        assert!(MANIFEST.contains(&format!("image: localhost/coredns:{}\n", versions::COREDNS)));
    }
}
