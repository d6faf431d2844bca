//! The API types of `KafkaSink` and the contract between operator and runtime. Pure: no IO, no clock.
//!
//! ```text
//!   manifest ──► resource ──► (operator) ──► runtime_config ──► (runtime)
//!                   │                             │
//!                   └──────────┬──────────────────┘
//!        names and texts that cannot be wrong once they are parsed:
//!        topic_name  bucket_name  entry_name  entry_template  entry_shapes
//!        duration_text  byte_size  kafka_properties
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | `resource` | `KafkaSink` with its schema, rules and status (feature `crd`, on by default) |
//! | `admission` | what the API server says of a manifest, without a cluster (feature `admission`) |
//! | [`runtime_config`] | [`RuntimeConfig`](runtime_config::RuntimeConfig), the file that the runtime reads |
//! | [`topic_name`], [`bucket_name`], [`entry_name`] | names, checked by the rules of those who own them |
//! | [`entry_template`] | how the name of an entry is made from a message |
//! | [`entry_shapes`] | which entries a sink may write, and whether two sinks could meet in one |
//! | [`duration_text`], [`byte_size`] | times and sizes as people write them |
//! | [`kafka_properties`] | which librdkafka settings belong to the sink |

#[cfg(feature = "admission")]
pub mod admission;
pub mod bucket_name;
pub mod byte_size;
pub mod duration_text;
pub mod entry_name;
pub mod entry_shapes;
pub mod entry_template;
pub mod kafka_properties;
#[cfg(feature = "crd")]
pub mod resource;
pub mod runtime_config;
pub mod topic_name;

mod text_type;
