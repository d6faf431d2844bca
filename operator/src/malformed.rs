//! IO: Kubernetes. Says on a resource that cannot be read why it cannot: it was stored before the schema forbade it.

use jiff::Timestamp;
use kafkasink_crds::resource::Reason;
use kube::Client;
use kube::core::error_boundary::InvalidObject;

use crate::apply::write_status;
use crate::kubernetes::KubernetesError;
use crate::model::Problem;
use crate::requeue::Next;
use crate::status;

/// Writes a status that names what cannot be read.
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
    let problem = Problem::new(
        Reason::InvalidSpec,
        format!("the resource cannot be read: {}; correct the field", error.error),
    );
    let status = status::unreadable(&error.metadata, &problem, now);
    write_status(client, &namespace, &name, &status).await?;
    Ok(Next::Refused)
}
