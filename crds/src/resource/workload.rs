//! Pure. `spec.workload`: the pods that do the work.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::runtime_config::LogLevel;

/// The pods that do the work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadSpec {
    /// Image of the runtime. It pins the version: an upgrade of the operator then leaves the pods alone. Default: the
    /// image that the operator was installed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512), regex(pattern = r"^[a-zA-Z0-9][a-zA-Z0-9._/:@-]*$"))]
    pub image: Option<String>,
    /// The least severe log line that is written: `Error`, `Warn`, `Info`, `Debug` or `Trace`. Default: `Info`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<LogLevel>,
    /// CPU and memory of a pod's container. Each part that is absent has its own default: a memory limit of `256Mi`, or the
    /// memory request if that is more; a memory request of the memory limit; a CPU request of `100m`, or the CPU limit if
    /// that is less; no CPU limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourcesSpec>,
    /// `Enabled` creates a `NetworkPolicy` that lets the pods reach only DNS, the brokers and the store. Default:
    /// `Disabled`. `Enabled` does not work in this version: such a sink is `Stalled` with reason `NotImplementedYet`, and
    /// no pod starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_policy: Option<NetworkPolicyMode>,
    /// Part of a pod template that is merged over the operator's own, last. The container is named `runtime`. Example:
    /// `{spec: {nodeSelector: {disk: ssd}, imagePullSecrets: [{name: registry}]}}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "pass_through")]
    pub pod_template: Option<Map<String, Value>>,
}

impl WorkloadSpec {
    /// Where `logLevel` is absent.
    pub const LOG_LEVEL_DEFAULT: LogLevel = LogLevel::Info;
    /// Where `networkPolicy` is absent: a wrong policy stops a sink that would work.
    pub const NETWORK_POLICY_DEFAULT: NetworkPolicyMode = NetworkPolicyMode::Disabled;
}

/// CPU and memory of a container, as in any pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourcesSpec {
    /// What a pod is granted. Example: `{cpu: 500m, memory: 256Mi}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "quantities")]
    pub requests: BTreeMap<String, Quantity>,
    /// What a pod must not exceed. A pod shares its memory limit out between all partitions of the topics, since it may be
    /// given all of them: with messages of up to 1 MiB it needs 64 MiB + 3 MiB × partitions, with larger ones 64 MiB +
    /// (1 MiB + 3.5 × the largest message, as the topics' `max.message.bytes` says) × partitions. With too little it refuses
    /// to start and says what it needs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "quantities")]
    pub limits: BTreeMap<String, Quantity>,
}

/// Whether the sink's pods get a `NetworkPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(description = "")]
pub enum NetworkPolicyMode {
    /// They do.
    Enabled,
    /// They do not.
    Disabled,
}

/// A pod template is too large to repeat here, and the API server checks it again when the pods are made.
fn pass_through(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}

fn quantities(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": {
            "x-kubernetes-int-or-string": true,
            "anyOf": [{ "type": "integer" }, { "type": "string" }],
            "minimum": 0,
            "maxLength": 32,
            "pattern": r"^(\+)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?[0-9]+))?$",
        },
    })
}
