//! Pure. `spec.mapping`: how a message becomes a record.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::text_schema::{text_list, text_map};
use crate::runtime_config::{KeyEncoding, OnMissing, TimestampUnit};

/// How a message becomes a record. Records already stored stay as they are; a change takes effect once they are safe,
/// after about three minutes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct MappingSpec {
    /// Template of the entry name: segments joined by `/`, of letters, digits, `_`, `-` and the placeholders `{topic}`,
    /// `{partition}`, `{key}`, `{header:NAME}` and `{date}` (UTC day). `{partition}`, and `{topic}` where there is more
    /// than one topic, must stand as whole segments; `{key}` and `{header:NAME}` stand alone in theirs. A `.` in a
    /// topic's name becomes `/`. An entry must belong to one sink only: the pods of a second one hold their partitions.
    /// Example: `plant/{topic}/{partition}/{date}`. Default: `{topic}/{partition}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(
        validation = Rule::new(entry_grammar()).message(
            "entry must be segments joined by '/', each of letters, digits, '_', '-', {topic}, {partition} and {date}, or only {key} or {header:NAME}"
        ),
        validation = Rule::new("self.matches('(^|/)[{]partition[}](/|$)')")
            .message("entry must contain {partition} as a whole segment"),
        validation = Rule::new("!self.matches('(^|/)(batch|q|rename)$')")
            .message("entry must not end in batch, q or rename, which the store keeps for itself")
    )]
    pub entry: Option<String>,
    /// Where a record's time comes from. Absent: the message's own timestamp.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<TimestampSpec>,
    /// Which labels a record gets besides `kafka_offset`. Absent: all headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<LabelsSpec>,
    /// Where a record's content type comes from. Absent: `application/octet-stream` for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentTypeSpec>,
}

/// Where a record's time comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("(self.from == 'Header') == has(self.header)")
        .message("timestamp.header must be set where from is Header, and only there")
)]
pub struct TimestampSpec {
    /// `Message`, the message's own timestamp, or `Header`, a header of the message. Default where the whole object is
    /// absent: `Message`.
    pub from: TimestampFrom,
    /// The header; set where `from` is `Header`, and only there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<TimestampHeaderSpec>,
}

/// Where a record's time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(description = "")]
pub enum TimestampFrom {
    /// The message's own timestamp.
    Message,
    /// A header of the message.
    Header,
}

/// The header that holds a record's time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimestampHeaderSpec {
    /// Name of the header. Example: `stamp`.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// What its text counts since 1970-01-01 UTC, in decimal digits: `Milliseconds`, `Microseconds` or `Nanoseconds`; or
    /// its format: `RFC3339`.
    pub unit: TimestampUnit,
    /// What happens to a message whose header is absent or unreadable: `UseMessage` takes the message's own timestamp,
    /// `Reject` rejects the message. Default: `UseMessage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_missing: Option<OnMissing>,
}

impl TimestampHeaderSpec {
    /// Where `onMissing` is absent: a message with an imprecise time is worth more than none.
    pub const ON_MISSING_DEFAULT: OnMissing = OnMissing::UseMessage;
}

/// Which labels a record gets besides `kafka_offset`. Names beginning with `kafka_` belong to the sink.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.key) || !has(self.key.label) || !has(self.static) || !(self.key.label in self.static)")
        .message("labels.key.label must not be one of the static labels"),
    validation = Rule::new("!has(self.key) || !has(self.key.label) || !has(self.headers) || !has(self.headers.items) || !self.headers.items.exists(i, i.label == self.key.label)")
        .message("labels.key.label must not be a label of headers.items"),
    validation = Rule::new("!has(self.headers) || !has(self.headers.items) || !has(self.static) || !self.headers.items.exists(i, i.label in self.static)")
        .message("a label of headers.items must not be one of the static labels")
)]
pub struct LabelsSpec {
    /// Which headers of a message become labels. Absent: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<HeaderLabelsSpec>,
    /// The label that keeps the message key; `{}` keeps it by the defaults. Absent: the key is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyLabelSpec>,
    /// Labels that every record gets, at most 32. Names consist of lower-case letters, digits, `_`, `.` and `-`; values
    /// are printable ASCII without comma, quotation mark and percent sign. Example: `site: north`.
    #[serde(default, rename = "static", skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "static_labels")]
    #[x_kube(
        validation = Rule::new("!self.exists(k, k.startsWith('kafka_'))")
            .message("static labels must not begin with kafka_, which belongs to the sink"),
        validation = Rule::new("self.all(k, k.size() <= 64 && k.matches('^[a-z0-9_.-]*[a-z_.-][a-z0-9_.-]*$'))")
            .message("names of static labels must be 1 to 64 lower-case letters, digits, '_', '.' and '-', not only digits"),
        validation = Rule::new(r"self.all(k, self[k].matches(r'^[!#$&-+\--~]([ !#$&-+\--~]*[!#$&-+\--~])?$'))")
            .message("values of static labels must be printable ASCII without ',', '\"' and '%', not empty, and must not begin or end with a space")
    )]
    pub fixed: BTreeMap<String, String>,
}

/// Which headers of a message become labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.policy == 'All' || !has(self.exclude) || self.exclude.size() == 0")
        .message("headers.exclude must be set only where policy is All"),
    validation = Rule::new("(self.policy == 'Listed') == (has(self.items) && self.items.size() > 0)")
        .message("headers.items must be set where policy is Listed, and only there"),
    validation = Rule::new("!has(self.items) || self.items.all(i, self.items.exists_one(j, i.label == j.label))")
        .message("headers.items must not use a label twice")
)]
pub struct HeaderLabelsSpec {
    /// `All` headers, each under its own name in lower case; `None`; or those `Listed` in `items`. Default where the whole
    /// object is absent: `All`.
    pub policy: HeaderLabelsPolicy,
    /// Names of headers that get no label, where `policy` is `All`; at most 64. Example: `["traceparent"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "excluded_headers")]
    pub exclude: Vec<String>,
    /// The headers that get a label, where `policy` is `Listed`; 1 to 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub items: Vec<HeaderLabelSpec>,
}

/// Which headers of a message become labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(description = "")]
pub enum HeaderLabelsPolicy {
    /// All but the excluded.
    All,
    /// None.
    None,
    /// Those that are listed.
    Listed,
}

/// A header and the label that keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeaderLabelSpec {
    /// Name of the header.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// Name of the label.
    #[schemars(length(max = 64), regex(pattern = r"^[a-z0-9_.-]*[a-z_.-][a-z0-9_.-]*$"))]
    #[x_kube(
        validation = Rule::new("!self.startsWith('kafka_')")
            .message("a label of headers.items must not begin with kafka_, which belongs to the sink")
    )]
    pub label: String,
}

/// The label that keeps the message key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyLabelSpec {
    /// Name of the label. Default: `kafka_key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = r"^[a-z0-9_.-]*[a-z_.-][a-z0-9_.-]*$"))]
    #[x_kube(
        validation = Rule::new("self == 'kafka_key' || !self.startsWith('kafka_')")
            .message("labels.key.label must be kafka_key or a name that does not begin with kafka_")
    )]
    pub label: Option<String>,
    /// How the key's bytes are written: `Percent` keeps readable text and percent-encodes the rest, `Hex` and `Base64`
    /// write all bytes alike. Default: `Percent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<KeyEncoding>,
}

impl KeyLabelSpec {
    /// Where `label` is absent.
    pub const LABEL_DEFAULT: &str = "kafka_key";
    /// Where `encoding` is absent: most keys are readable text.
    pub const ENCODING_DEFAULT: KeyEncoding = KeyEncoding::Percent;
}

/// Where a record's content type comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContentTypeSpec {
    /// Content type of records whose message names none. Default: `application/octet-stream`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    #[x_kube(
        validation = Rule::new(r"self.matches(r'^[!#-+\--~]([ !#-+\--~]*[!#-+\--~])?$')")
            .message("contentType.default must be printable ASCII without ',' and '\"', like text/plain; charset=utf-8")
    )]
    pub default: Option<String>,
    /// Header that names a message's content type. Example: `content-type`. It is kept as a label too, unless `labels`
    /// excludes it; a value that the store cannot hold as a content type is always kept as a label, and the default is
    /// used. Absent: the default holds for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub header: Option<String>,
}

impl ContentTypeSpec {
    /// Where `default` is absent: what the store itself takes an unnamed type for.
    pub const DEFAULT: &str = "application/octet-stream";
}

/// The grammar of `EntryTemplate` as a rule; a test holds the two together.
fn entry_grammar() -> String {
    let alone = "[{]key[}]|[{]header:[^}]+[}]";
    let segment = format!("({alone}|([A-Za-z0-9_-]|[{{](topic|partition|date)[}}])+)");
    format!("self.matches('^{segment}(/{segment})*$')")
}

fn static_labels(_: &mut SchemaGenerator) -> Schema {
    text_map(32, 255)
}

fn excluded_headers(_: &mut SchemaGenerator) -> Schema {
    text_list(64, 255)
}
