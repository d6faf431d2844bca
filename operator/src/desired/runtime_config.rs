//! Pure. The file that the runtime reads with `--config`.

use std::path::PathBuf;

use kafkasink_crds::duration_text::RetentionTime;
use kafkasink_crds::runtime_config::{ReductStoreConfig, RuntimeConfig, SCHEMA_VERSION, TopicConfig};

use super::stateful_set::TOKEN_FILE;
use crate::model::ValidatedSink;

/// Returns the file's content.
///
/// # Errors
/// None that is known: every value has a form in YAML.
pub(crate) fn runtime_config_yaml(sink: &ValidatedSink) -> Result<String, serde_saphyr::ser::Error> {
    serde_saphyr::to_string(&runtime_config(sink))
}

fn runtime_config(sink: &ValidatedSink) -> RuntimeConfig {
    let topic = |name: &str| TopicConfig { name: name.to_owned() };
    RuntimeConfig {
        schema_version: SCHEMA_VERSION,
        sink: sink.identity.clone(),
        kafka: sink.kafka.clone(),
        topics: sink.topics.iter().map(|declared| topic(declared.name.as_str())).collect(),
        reduct_store: ReductStoreConfig {
            url: sink.store.url.clone(),
            bucket: sink.bucket.name.as_str().to_owned(),
            token_file: sink.workload.token.as_ref().map(|_| PathBuf::from(TOKEN_FILE)),
            retention_ms: sink.bucket.retention.and_then(milliseconds),
        },
        mapping: sink.mapping.clone(),
        delivery: sink.delivery.clone(),
        log_level: sink.workload.log_level,
    }
}

fn milliseconds(retention: RetentionTime) -> Option<u64> {
    match retention {
        RetentionTime::Unlimited => None,
        RetentionTime::For(time) => u64::try_from(time.as_millis()).ok(),
    }
}
