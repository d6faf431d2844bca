//! Pure. How the checked text types look in the schema of the resource: strings with a pattern and a bound.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::bucket_name::{BUCKET_NAME_BYTES_MAX, BucketName};
use crate::byte_size::ByteSize;
use crate::duration_text::{Delay, RetentionTime};
use crate::topic_name::{TOPIC_NAME_BYTES_MAX, TopicName};

macro_rules! text_schema {
    ($type:ident, $length_max:expr) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "maxLength": $length_max, "pattern": $type::PATTERN })
            }
        }
    };
}

text_schema!(BucketName, BUCKET_NAME_BYTES_MAX);
text_schema!(ByteSize, 15);
text_schema!(Delay, 9);
text_schema!(RetentionTime, 9);
text_schema!(TopicName, TOPIC_NAME_BYTES_MAX);

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
