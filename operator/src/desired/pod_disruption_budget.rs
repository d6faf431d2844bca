//! Pure. One pod at a time: draining a node must not stop a sink.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::labels::{metadata, selector_labels};
use crate::model::ValidatedSink;

/// Returns the `PodDisruptionBudget`.
pub(super) fn pod_disruption_budget(sink: &ValidatedSink) -> PodDisruptionBudget {
    PodDisruptionBudget {
        metadata: metadata(sink, sink.names.base()),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(LabelSelector {
                match_labels: Some(selector_labels(sink)),
                match_expressions: None,
            }),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    }
}
