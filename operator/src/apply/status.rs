//! IO: Kubernetes. Writes the status, server-side, under a field manager of its own.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kafkasink_crds::resource::{KafkaSink, KafkaSinkStatus};
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::json;

use crate::kubernetes::{KubernetesError, STATUS_MANAGER, call};

/// Writes the status of a resource.
///
/// # Errors
/// The Kubernetes API does not answer or refuses the status.
pub(crate) async fn write_status(
    client: &Client,
    resource: &ObjectMeta,
    status: &KafkaSinkStatus,
) -> Result<(), KubernetesError> {
    let name = resource.name.as_deref().unwrap_or_default();
    let namespace = resource.namespace.as_deref().unwrap_or_default();
    // The answer holds the whole resource, which may be one that cannot be read.
    let kind = ApiResource::erase::<KafkaSink>(&());
    let sinks: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &kind);
    let patch = Patch::Apply(json!({
        "apiVersion": KafkaSink::api_version(&()),
        "kind": KafkaSink::kind(&()),
        "metadata": { "name": name },
        "status": status,
    }));
    let parameters = PatchParams::apply(STATUS_MANAGER).force();
    let answer =
        call(format!("write the status of {name}"), sinks.patch_status(name, &parameters, &patch)).await;
    answer.map(|written| tracing::debug!(sink = written.name_any(), "wrote the status"))
}
