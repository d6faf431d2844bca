//! Pure. The file that the runtime reads with `--config`.

use kafkasink_crds::runtime_config::{
    ReductStoreConfig, ReductStoreTlsConfig, RuntimeConfig, SCHEMA_VERSION, TopicConfig,
};

use crate::model::{MountedKey, ValidatedSink};
use kafkasink_crds::duration_text::RetentionTime;

/// Returns the file's content.
///
/// # Errors
/// None that is known: every value has a form in YAML.
pub(crate) fn runtime_config_yaml(sink: &ValidatedSink) -> Result<String, serde_saphyr::ser::Error> {
    serde_saphyr::to_string(&runtime_config(sink))
}

fn runtime_config(sink: &ValidatedSink) -> RuntimeConfig {
    let mounted = |file: &str| {
        let is_mounted = sink.workload.mounted.iter().any(|key| key.file == file);
        is_mounted.then(|| MountedKey::path(file))
    };
    let store_ca = mounted(MountedKey::STORE_CA);
    let topic = |name: &str| TopicConfig { name: name.to_owned() };
    RuntimeConfig {
        schema_version: SCHEMA_VERSION,
        sink: sink.identity.clone(),
        kafka: sink.kafka.clone(),
        topics: sink.topics.iter().map(|declared| topic(declared.name.as_str())).collect(),
        reduct_store: ReductStoreConfig {
            url: sink.store.url.clone(),
            bucket: sink.bucket.name.as_str().to_owned(),
            retention_ms: sink.bucket.retention.and_then(milliseconds),
            token_file: mounted(MountedKey::STORE_TOKEN),
            tls: store_ca.map(|file| ReductStoreTlsConfig { ca_file: Some(file) }),
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
