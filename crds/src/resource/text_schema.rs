//! Pure. How checked texts look in the schema of the resource: bounded, with a pattern for tools and a rule that says in
//! words what the text must be.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::bucket_name::{BUCKET_NAME_BYTES_MAX, BucketName};
use crate::byte_size::ByteSize;
use crate::duration_text::{Delay, RetentionTime};
use crate::topic_name::{TOPIC_NAME_BYTES_MAX, TopicName};

/// Longest text that is still told what a time or a size must be; the patterns end long before.
const TIME_OR_SIZE_LENGTH_MAX: usize = 32;

macro_rules! text_schema {
    ($type:ident, $length_max:expr, $message:expr $(, $more:literal)?) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let more = concat!("" $(, " && ", $more)?);
                text($length_max, $type::PATTERN, more, $message)
            }
        }
    };
}

text_schema!(BucketName, BUCKET_NAME_BYTES_MAX, "must be 1 to 255 letters, digits, '_' and '-'");
text_schema!(
    ByteSize,
    TIME_OR_SIZE_LENGTH_MAX,
    "must be a whole number of bytes, or one with Ki, Mi, Gi, Ti, k, M, G or T, like 10Gi"
);
text_schema!(
    Delay,
    TIME_OR_SIZE_LENGTH_MAX,
    "must be a whole number with ms, s or m, like 100ms, and at most 60s",
    "duration(self) <= duration('60s')"
);
text_schema!(
    RetentionTime,
    TIME_OR_SIZE_LENGTH_MAX,
    "must be a whole number with h, m or s, like 168h, or Unlimited"
);
text_schema!(
    TopicName,
    TOPIC_NAME_BYTES_MAX,
    "must be 1 to 249 letters, digits, '.', '_' and '-', and neither . nor ..",
    "self != '.' && self != '..'"
);

/// Returns the schema of a bounded text. `more` is what the rule asks beyond the pattern; the message says what must hold.
pub(crate) fn text(length_max: usize, pattern: &str, more: &str, message: &str) -> Schema {
    let rule = format!("self.matches(r'{pattern}'){more}");
    json_schema!({
        "type": "string",
        "maxLength": length_max,
        "pattern": pattern,
        "x-kubernetes-validations": [{ "rule": rule, "message": message }],
    })
}

/// Returns the schema of a map from bounded text to bounded text, so that rules over it have a bounded cost.
pub(crate) fn text_map(values_max: u32, value_length_max: u32) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": values_max,
        "additionalProperties": { "type": "string", "maxLength": value_length_max },
    })
}

/// Returns the schema of a list of bounded texts.
pub(crate) fn text_list(items_max: u32, length_max: u32) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": items_max,
        "items": { "type": "string", "minLength": 1, "maxLength": length_max },
    })
}
