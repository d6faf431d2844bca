//! Pure. The headless `Service`: a name for each pod, so that metrics can be scraped.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::labels::{metadata, selector_labels};
use super::stateful_set::{ADMIN_PORT, ADMIN_PORT_NAME};
use crate::model::ValidatedSink;

/// Returns the `Service`.
pub(super) fn service(sink: &ValidatedSink) -> Service {
    let port = ServicePort {
        name: Some(ADMIN_PORT_NAME.to_owned()),
        port: ADMIN_PORT,
        target_port: Some(IntOrString::String(ADMIN_PORT_NAME.to_owned())),
        protocol: Some("TCP".to_owned()),
        ..ServicePort::default()
    };
    Service {
        metadata: metadata(sink, sink.names.base()),
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".to_owned()),
            // A pod that is not ready is the one whose metrics are wanted.
            publish_not_ready_addresses: Some(true),
            selector: Some(selector_labels(sink)),
            ports: Some(vec![port]),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}
