//! Pure. The cluster and the group, with what admission cannot see or may have let through earlier.

use kafkasink_crds::kafka_properties::is_owned_property;
use kafkasink_crds::resource::KafkaSpec;
use kafkasink_crds::runtime_config::{KafkaConfig, SinkIdentity, StartFrom};

use super::credentials::{authentication_config, tls_config};
use crate::model::Problem;

/// Returns how the cluster is reached and which group reads.
///
/// # Errors
/// A port that is none, or a property that belongs to the sink.
pub(super) fn kafka(spec: &KafkaSpec, identity: &SinkIdentity) -> Result<KafkaConfig, Problem> {
    if let Some(server) = spec.bootstrap_servers.iter().find(|server| !has_port(server)) {
        return Err(Problem::invalid(format!(
            "kafka.bootstrapServers: {server:?} has no port between 1 and 65535; correct it"
        )));
    }
    if let Some(name) = spec.properties.keys().find(|name| is_owned_property(name)) {
        return Err(Problem::invalid(format!(
            "kafka.properties must not set {name}, which belongs to the sink; remove it"
        )));
    }
    let group_id = || format!("{}.{}", identity.namespace, identity.name);
    Ok(KafkaConfig {
        bootstrap_servers: spec.bootstrap_servers.clone(),
        group_id: spec.group_id.clone().unwrap_or_else(group_id),
        start_from: spec.start_from.unwrap_or(StartFrom::Earliest),
        properties: spec.properties.clone(),
        tls: tls_config(spec),
        authentication: authentication_config(spec),
    })
}

fn has_port(server: &str) -> bool {
    let port = server.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
    port.is_some_and(|port| port.is_ok_and(|port| port > 0))
}
