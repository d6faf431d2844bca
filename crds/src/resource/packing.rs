//! Pure. `spec.packing`: many small messages in one record.

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::text_schema::text_list;
use crate::byte_size::ByteSize;
use crate::duration_text::Delay;

/// Many messages in one record: far cheaper for small messages, at the price of granularity and some latency. It does
/// not work in this version: a sink that sets it is `Stalled` with reason `NotImplementedYet`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("(self.format == 'CSV') == (has(self.columns) && self.columns.size() > 0)")
        .message("packing.columns must be set where format is CSV, and only there"),
    validation = Rule::new("self.format == 'JsonLines' || !has(self.envelope) || !self.envelope")
        .message("packing.envelope must be true only where format is JsonLines")
)]
pub struct PackingSpec {
    /// `JsonLines`, one JSON document per line (content type `application/x-ndjson`), or `CSV`, a header row and one row
    /// per message (content type `text/csv; header=present`).
    pub format: PackingFormat,
    /// Most messages in one record. Default: `100`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub max_messages: Option<u32>,
    /// Most bytes in one record. A message larger than that alone is rejected. Default: `1Mi`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<ByteSize>,
    /// Longest time that a message waits for others, at most `60s`. Default: `1s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_delay: Option<Delay>,
    /// Wraps each JSON line with offset, timestamp, key and headers, where `format` is `JsonLines`. Default: `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envelope: Option<bool>,
    /// The columns, where `format` is `CSV`; 1 to 128.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub columns: Vec<ColumnSpec>,
    /// Names of headers that become labels of the record, at most 8: a change of one of them closes a record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "group_by")]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub group_by: Vec<String>,
}

impl PackingSpec {
    /// Where `maxMessages` is absent: a hundred messages make the store's cost per record disappear.
    pub const MAX_MESSAGES_DEFAULT: u32 = 100;
    /// Where `maxBytes` is absent.
    pub const MAX_BYTES_DEFAULT: ByteSize = ByteSize::from_mebibytes(1);
    /// Where `maxDelay` is absent.
    pub const MAX_DELAY_DEFAULT: Delay = Delay::from_millis(1_000);
}

/// The form of a record that holds many messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(description = "")]
pub enum PackingFormat {
    /// One JSON document per line.
    JsonLines,
    /// A header row, and a row per message by RFC 4180.
    #[serde(rename = "CSV")]
    Csv,
}

/// A column of a packed CSV record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.path) != has(self.from)")
        .message("exactly one of path and from must be set for a column"),
    validation = Rule::new("(has(self.from) && self.from == 'Header') == has(self.header)")
        .message("header must be set for a column where from is Header, and only there")
)]
pub struct ColumnSpec {
    /// Name of the column in the header row. Example: `temperature`.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// Where the value stands in a message's JSON: the name of a top-level field, or a JSON pointer beginning with `/`.
    /// Example: `/data/temperature`. Exactly one of `path` and `from` is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub path: Option<String>,
    /// What stands in the column instead: the message's `Offset`, `Timestamp`, `Key`, or a `Header`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<ColumnFrom>,
    /// Name of the header; set where `from` is `Header`, and only there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub header: Option<String>,
    /// What happens to a message that lacks the value: `Reject` rejects it, `Empty` leaves the field empty. Default:
    /// `Reject`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_missing: Option<OnMissingValue>,
}

/// What stands in a column, other than a part of the message's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(description = "")]
pub enum ColumnFrom {
    /// The message's offset.
    Offset,
    /// The message's timestamp.
    Timestamp,
    /// The message's key.
    Key,
    /// A header of the message.
    Header,
}

/// What happens to a message that lacks the value of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(description = "")]
pub enum OnMissingValue {
    /// The message is rejected.
    Reject,
    /// The field is empty.
    Empty,
}

fn group_by(_: &mut SchemaGenerator) -> Schema {
    text_list(8, 255)
}
