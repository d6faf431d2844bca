//! IO: Kubernetes. Says on a resource that cannot be read why it cannot: it was stored before the schema forbade it.
//! One that is being deleted is let go.

use jiff::Timestamp;
use kafkasink_crds::resource::{KafkaSink, KafkaSinkStatus, Reason};
use kube::api::{ApiResource, DynamicObject};
use kube::core::error_boundary::InvalidObject;
use kube::{Api, Client};

use crate::apply::write_status;
use crate::kubernetes::{KubernetesError, call};
use crate::model::Problem;
use crate::requeue::Next;
use crate::{finalizer, status};

/// Writes a status that names what cannot be read; keeps nothing from being deleted.
///
/// # Errors
/// The Kubernetes API does not answer or refuses us.
pub(crate) async fn report(
    client: &Client,
    error: &InvalidObject,
    now: Timestamp,
) -> Result<Next, KubernetesError> {
    let name = error.metadata.name.clone().unwrap_or_default();
    let namespace = error.metadata.namespace.clone().unwrap_or_default();
    if error.metadata.deletion_timestamp.is_some() {
        tracing::warn!(namespace, sink = name, "lets a resource go that cannot be read, its topics stay");
        finalizer::release(client, &error.metadata).await?;
        return Ok(Next::Healthy);
    }
    let problem = Problem::new(
        Reason::InvalidSpec,
        format!("the resource cannot be read: {}; correct the field", error.error),
    );
    let previous = previous(client, &namespace, &name).await?;
    let status = status::unreadable(&error.metadata, previous.clone().unwrap_or_default(), &problem, now);
    if previous != Some(status.clone()) {
        write_status(client, &error.metadata, &status).await?;
    }
    Ok(Next::Refused)
}

/// The status alone, which can be read even where the rest cannot.
async fn previous(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<KafkaSinkStatus>, KubernetesError> {
    let sinks: Api<DynamicObject> =
        Api::namespaced_with(client.clone(), namespace, &ApiResource::erase::<KafkaSink>(&()));
    let found = call(format!("read the status of {name}"), sinks.get_opt(name)).await?;
    Ok(found.and_then(|found| serde_json::from_value(found.data.get("status")?.clone()).ok()))
}
