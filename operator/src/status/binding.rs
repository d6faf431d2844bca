//! Pure. What the status says the sink's offsets and records belong to.

use kafkasink_crds::resource::BindingStatus;

use super::findings::Findings;

/// Returns the binding once there are pods, or were: before, nothing was read or written, and mistakes may be mended. A
/// cluster that was not seen, or not recognised, binds nothing.
pub(super) fn binding(findings: &Findings<'_>, previous: Option<BindingStatus>) -> Option<BindingStatus> {
    let sink = findings.sink;
    let pods = findings.workload.unwrap_or(findings.before);
    if previous.is_none() && pods.is_none() {
        return None;
    }
    let previous = previous.unwrap_or_default();
    let (bootstrap_servers, kafka_cluster_id) = match &findings.externals.kafka {
        Ok(kafka) => (sink.kafka.bootstrap_servers.clone(), Some(kafka.cluster_id.clone())),
        Err(_) => (previous.bootstrap_servers, previous.kafka_cluster_id),
    };
    Some(BindingStatus {
        group_id: sink.kafka.group_id.clone(),
        url: sink.store.url.clone(),
        bucket: sink.bucket.name.as_str().to_owned(),
        bootstrap_servers,
        kafka_cluster_id: kafka_cluster_id.filter(|id| !id.is_empty()),
    })
}
