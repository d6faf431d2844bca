//! Pure. Labels, selectors and owner references of everything that belongs to a sink.
//!
//! Nothing of the resource's own labels and annotations is passed on: GitOps tools change theirs at will, and pods
//! would restart with them.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kafkasink_crds::resource::KafkaSink;
use kube::Resource;

use crate::model::ValidatedSink;

/// The label that every object of a sink carries, with the sink's name.
pub(crate) const SINK_LABEL: &str = "kafkasink.dev/sink";

/// The label of `ConfigMap`s that hold a runtime configuration, with its hash.
pub(crate) const CONFIG_LABEL: &str = "kafkasink.dev/config";

/// The label that says whose objects these are.
pub(crate) const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "kafkasink-operator");

/// Returns the label selector of a sink's pods.
pub(crate) fn selector(sink: &str) -> String {
    format!("{SINK_LABEL}={sink}")
}

/// The labels that pods are selected by; they never change.
pub(super) fn selector_labels(sink: &ValidatedSink) -> BTreeMap<String, String> {
    [(SINK_LABEL.to_owned(), sink.names.sink().to_owned())].into()
}

/// The labels of every object.
pub(super) fn labels(sink: &ValidatedSink) -> BTreeMap<String, String> {
    let pairs = [
        ("app.kubernetes.io/name", "kafkasink-runtime"),
        ("app.kubernetes.io/instance", sink.names.sink()),
        ("app.kubernetes.io/component", "sink"),
        MANAGED_BY,
        (SINK_LABEL, sink.names.sink()),
    ];
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

/// The metadata of an object of the sink.
pub(super) fn metadata(sink: &ValidatedSink, name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(sink.identity.namespace.clone()),
        labels: Some(labels(sink)),
        owner_references: Some(vec![owner(sink)]),
        ..ObjectMeta::default()
    }
}

fn owner(sink: &ValidatedSink) -> OwnerReference {
    OwnerReference {
        api_version: KafkaSink::api_version(&()).into_owned(),
        kind: KafkaSink::kind(&()).into_owned(),
        name: sink.identity.name.clone(),
        uid: sink.identity.uid.clone(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}
