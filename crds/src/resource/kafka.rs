//! Pure. `spec.kafka`: how the sink reaches the Kafka cluster, and its consumer group.

use std::collections::BTreeMap;

use kube::KubeSchema;
use kube::core::Rule;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::secret_ref::{CaSource, KeyRef, SecretSource};
use super::text_schema::{text, text_map};
use crate::kafka_properties::{OWNED_PREFIXES, OWNED_PROPERTIES};
use crate::runtime_config::{SaslMechanism, StartFrom};

/// The Kafka cluster and the consumer group. They change only while `paused`. Where another cluster answers at the same
/// addresses, nothing is touched there before the annotation `kafkasink.dev/accept-kafka-cluster` names its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaSpec {
    /// Addresses of one or more brokers as `host:port`, 1 to 16. Example: `["kafka-0.kafka:9092"]`.
    #[schemars(schema_with = "bootstrap_servers")]
    pub bootstrap_servers: Vec<String>,
    /// TLS to the brokers. `{}` trusts the system's authorities; absent: plaintext.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<KafkaTlsSpec>,
    /// How the sink authenticates by SASL; absent: it does not. A Secret of Strimzi's `KafkaUser` fits as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication: Option<AuthenticationSpec>,
    /// The consumer group of all members, printable ASCII. Default: `<namespace>.<name>` of the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255), regex(pattern = r"^[!-~]([ -~]*[!-~])?$"))]
    pub group_id: Option<String>,
    /// Where a group without any offset begins: `Earliest`, at the oldest message that a topic still holds, or `Latest`,
    /// with messages produced from now on. Partitions that are added later, or cannot be read in the group's first minute, begin
    /// at the earliest. Default: `Earliest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_from: Option<StartFrom>,
    /// Further settings of librdkafka, by their own names, at most 64. Example: `fetch.wait.max.ms: "50"`. Settings that
    /// the sink owns, such as `group.id`, are refused.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "properties")]
    #[x_kube(validation = owned_properties_rule())]
    pub properties: BTreeMap<String, String>,
}

/// TLS to the brokers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaTlsSpec {
    /// Authorities that sign the brokers' certificates. Default: those of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_from: Option<CaSource>,
    /// Certificate by which the sink authenticates (mutual TLS).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<ClientCertificateSpec>,
}

/// A certificate and its private key in one Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientCertificateSpec {
    /// Name of the Secret.
    #[schemars(length(max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub secret_name: String,
    /// Key of the certificate chain in PEM. Default: `tls.crt`; Strimzi's `KafkaUser` writes `user.crt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253), regex(pattern = r"^[-._a-zA-Z0-9]+$"))]
    pub certificate_key: Option<String>,
    /// Key of the private key in PEM. Default: `tls.key`; Strimzi's `KafkaUser` writes `user.key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253), regex(pattern = r"^[-._a-zA-Z0-9]+$"))]
    pub private_key_key: Option<String>,
}

impl ClientCertificateSpec {
    /// Where `certificateKey` is absent: the name that Kubernetes gives it.
    pub const CERTIFICATE_KEY_DEFAULT: &str = "tls.crt";
    /// Where `privateKeyKey` is absent: the name that Kubernetes gives it.
    pub const PRIVATE_KEY_KEY_DEFAULT: &str = "tls.key";

    /// Returns where the certificate and its private key stand.
    #[must_use]
    pub fn keys(&self) -> (KeyRef, KeyRef) {
        let in_secret = |key: &Option<String>, default: &str| KeyRef {
            name: self.secret_name.clone(),
            key: key.clone().unwrap_or_else(|| default.to_owned()),
        };
        (
            in_secret(&self.certificate_key, Self::CERTIFICATE_KEY_DEFAULT),
            in_secret(&self.private_key_key, Self::PRIVATE_KEY_KEY_DEFAULT),
        )
    }
}

/// How the sink authenticates to the brokers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.username) != has(self.usernameFrom)")
        .message("exactly one of username and usernameFrom must be set")
)]
pub struct AuthenticationSpec {
    /// The SASL mechanism: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub mechanism: SaslMechanism,
    /// Name of the user. Exactly one of `username` and `usernameFrom` is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub username: Option<String>,
    /// Secret that holds the name of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username_from: Option<SecretSource>,
    /// Secret that holds the password.
    pub password_from: SecretSource,
}

fn bootstrap_servers(_: &mut SchemaGenerator) -> Schema {
    let address = text(
        260,
        r"^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[1-9][0-9]{0,4}$",
        "",
        "must be host:port, like kafka:9092, with an IPv6 address in brackets and without a protocol",
    );
    json_schema!({ "type": "array", "minItems": 1, "maxItems": 16, "items": address })
}

fn properties(_: &mut SchemaGenerator) -> Schema {
    text_map(64, 1024)
}

/// Refuses every owned setting. The message lists them all: naming the one that was found costs more than the API server
/// grants a rule.
fn owned_properties_rule() -> Rule {
    let names = OWNED_PROPERTIES.map(|name| format!("'{name}'")).join(", ");
    let prefixes = OWNED_PREFIXES.map(|prefix| format!("k.startsWith('{prefix}')")).join(" || ");
    let all = [OWNED_PROPERTIES.join(", "), OWNED_PREFIXES.join("*, ")].join(", ");
    Rule::new(format!("!self.exists(k, k in [{names}] || {prefixes})"))
        .message(format!("properties must not hold what the sink owns: {all}*").as_str())
}
