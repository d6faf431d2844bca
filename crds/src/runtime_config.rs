//! Pure. `RuntimeConfig`: the one shape in which data crosses from the operator to the runtime.
//!
//! The operator resolves every default of a `KafkaSink` and writes the result as YAML into a `ConfigMap`; the
//! runtime reads it from a file and knows nothing of Kubernetes. Unknown fields are refused and the
//! version is checked, so that two programs of different age never misunderstand each other silently.
//! The number of members is not in here: it changes while pods run and must not roll them. It lies in a file of
//! its own, see [`parse_members`].

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The `schemaVersion` that this build writes and reads.
pub const SCHEMA_VERSION: u32 = 1;

/// Everything one member of a sink needs to know, with every default resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RuntimeConfig {
    /// Version of this shape, [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Which `KafkaSink` this is.
    pub sink: SinkIdentity,
    /// The Kafka cluster and the group.
    pub kafka: KafkaConfig,
    /// The topics that are consumed, 1 to 32, each once.
    pub topics: Vec<TopicConfig>,
    /// The store and the bucket.
    pub reduct_store: ReductStoreConfig,
    /// How a message becomes a record.
    pub mapping: MappingConfig,
    /// How records travel.
    pub delivery: DeliveryConfig,
    /// The least severe log line that is written.
    pub log_level: LogLevel,
}

/// The identity of the `KafkaSink` a member works for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SinkIdentity {
    /// Namespace of the resource; free text where there is no Kubernetes.
    pub namespace: String,
    /// Name of the resource.
    pub name: String,
    /// UID of the resource: it tells a re-created sink from its predecessor.
    pub uid: String,
}

/// The Kafka cluster and the consumer group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KafkaConfig {
    /// `host:port` of one or more brokers.
    pub bootstrap_servers: Vec<String>,
    /// The consumer group that all members share.
    pub group_id: String,
    /// Where a group without any offset begins.
    pub start_from: StartFrom,
    /// Further librdkafka settings, none of which the sink owns.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
    /// TLS to the brokers; absent: none. An empty value trusts the authorities of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<KafkaTlsConfig>,
    /// How the member authenticates by SASL; absent: it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<AuthenticationConfig>,
}

/// TLS to the brokers. All files are PEM and read again when they change, without a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KafkaTlsConfig {
    /// File with the authorities that sign the brokers' certificates, and no others are trusted; absent: those of the
    /// system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// File with the certificate, and what links it to its authority, by which the member authenticates (mutual TLS).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_file: Option<PathBuf>,
    /// File with the certificate's private key, not encrypted; set if and only if `certificateFile` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key_file: Option<PathBuf>,
}

/// How the member authenticates by SASL. The files are read again when they change, without a restart; a trailing
/// newline is ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthenticationConfig {
    /// The SASL mechanism.
    pub mechanism: SaslMechanism,
    /// Name of the user. Exactly one of `username` and `usernameFile` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// File that holds the name of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username_file: Option<PathBuf>,
    /// File that holds the password: the password itself never stands in this configuration.
    pub password_file: PathBuf,
}

/// A SASL mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema), schemars(description = ""))]
pub enum SaslMechanism {
    /// User and password as they are; only sensible over TLS.
    #[serde(rename = "PLAIN")]
    Plain,
    /// Salted challenge and response with SHA-256.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// Salted challenge and response with SHA-512.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

impl SaslMechanism {
    /// Returns the name that Kafka gives it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// Where a group without any offset begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema), schemars(description = ""))]
pub enum StartFrom {
    /// At the oldest message that the topic still holds.
    Earliest,
    /// After the newest message at the time of the first assignment.
    Latest,
}

/// One topic that is consumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TopicConfig {
    /// Name of the topic.
    pub name: String,
}

/// The store and the bucket that records go to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReductStoreConfig {
    /// Base URL, `http://host:port[/prefix]` or `https://host:port[/prefix]`.
    pub url: String,
    /// Name of an existing bucket.
    pub bucket: String,
    /// File that holds a token with write and read permission on the bucket; absent: no authentication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// Age in milliseconds at which the store's lifecycle policy deletes records of the bucket; absent: there is no such
    /// policy. A record that is gone and older is not written again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_ms: Option<u64>,
    /// TLS to the store, for a `https://` url; absent: the authorities of the system are trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ReductStoreTlsConfig>,
}

/// TLS to the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReductStoreTlsConfig {
    /// PEM file with authorities that are trusted to sign the store's certificate, besides those of the system. It is
    /// read again when it changes, without a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

/// How a message becomes a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MappingConfig {
    /// Template of the entry name, for example `{topic}/{partition}`.
    pub entry: String,
    /// Where a record's time comes from.
    pub timestamp: TimestampConfig,
    /// Which labels a record gets.
    pub labels: LabelsConfig,
    /// Where a record's content type comes from.
    pub content_type: ContentTypeConfig,
}

/// Where a record's time comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum TimestampConfig {
    /// The message's own timestamp (milliseconds).
    Message,
    /// A header of the message.
    Header {
        /// Name of the header.
        name: String,
        /// What the header's text counts.
        unit: TimestampUnit,
        /// What happens to a message whose header is absent or unreadable.
        on_missing: OnMissing,
    },
}

/// What the text of a timestamp header counts, or its format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema), schemars(description = ""))]
pub enum TimestampUnit {
    /// Milliseconds since 1970-01-01 UTC, decimal.
    Milliseconds,
    /// Microseconds since 1970-01-01 UTC, decimal.
    Microseconds,
    /// Nanoseconds since 1970-01-01 UTC, decimal.
    Nanoseconds,
    /// A date and time by RFC 3339.
    #[serde(rename = "RFC3339")]
    Rfc3339,
}

/// What happens to a message whose timestamp header is absent or unreadable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema), schemars(description = ""))]
pub enum OnMissing {
    /// The message's own timestamp is used.
    UseMessage,
    /// The message is rejected.
    Reject,
}

/// Which labels a record gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LabelsConfig {
    /// Which headers become labels.
    pub headers: HeaderLabels,
    /// The label that keeps the message key; absent: the key is not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyLabel>,
    /// Labels that every record gets as they are.
    #[serde(default, rename = "static", skip_serializing_if = "BTreeMap::is_empty")]
    pub fixed: BTreeMap<String, String>,
}

/// Which headers become labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "policy", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum HeaderLabels {
    /// Every header, by the naming rule, but for some.
    All {
        /// Names of headers that get no label.
        #[serde(default)]
        exclude: Vec<String>,
    },
    /// No header.
    None,
    /// The listed headers, each under its given label.
    Listed {
        /// The headers.
        items: Vec<HeaderLabel>,
    },
}

/// One header and the label that keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeaderLabel {
    /// Name of the header.
    pub name: String,
    /// Name of the label.
    pub label: String,
}

/// The label that keeps the message key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyLabel {
    /// Name of the label.
    pub label: String,
    /// How the key's bytes are written.
    pub encoding: KeyEncoding,
}

/// How the bytes of a message key are written into a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema), schemars(description = ""))]
pub enum KeyEncoding {
    /// Like header values: readable text stays, other bytes are percent-encoded.
    Percent,
    /// Lower-case hexadecimal digits.
    Hex,
    /// Base64 with padding (RFC 4648 §4).
    Base64,
}

/// Where a record's content type comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContentTypeConfig {
    /// The content type of records whose message names none.
    pub default: String,
    /// The header that names a message's content type; absent: the default holds for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
}

/// How records travel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeliveryConfig {
    /// Most records in one request, 1 to 80: the store's default limit of request headers ends at 85.
    pub batch_records_max: u32,
    /// Most payload bytes in one request. A larger message travels alone.
    pub batch_bytes_max: u64,
    /// Longest time, in milliseconds, that a record waits for others.
    pub batch_delay_ms: u64,
    /// Time in milliseconds between two commits of a partition's offset; less than 100 counts as 100.
    pub commit_delay_ms: u64,
    /// What happens to a message that can never be stored.
    pub on_rejected: OnRejected,
    /// Topic for rejected messages; required with [`OnRejected::DeadLetter`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter_topic: Option<String>,
}

/// What happens to a message that the mapping or the store can never accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema), schemars(description = ""))]
pub enum OnRejected {
    /// It is delivered to the dead-letter topic; then its partition goes on.
    DeadLetter,
    /// Its partition stands still until somebody decides.
    Block,
}

/// The least severe log line that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "crd", derive(schemars::JsonSchema), schemars(description = ""))]
pub enum LogLevel {
    /// Data lost, or a person must act.
    Error,
    /// Odd, but nothing is lost.
    Warn,
    /// Changes of state.
    Info,
    /// Steps inside the program.
    Debug,
    /// Single records.
    Trace,
}

/// Key of the members `ConfigMap` and name of the file: the number of members, decimal, in one line.
pub const MEMBERS_FILE: &str = "members";

/// Reads the content of the members file; `None` where it is no number.
///
/// The operator keeps this file current while pods run (`--members-file` of the runtime). A member whose ordinal
/// is not below the number leaves the group for good when it stops.
#[must_use]
pub fn parse_members(text: &str) -> Option<u32> {
    text.trim().parse().ok()
}
