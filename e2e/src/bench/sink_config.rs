//! Pure. The configuration of a sink with the operator's defaults.

use std::path::PathBuf;
use std::time::Duration;

use kafkasink_crds::entry_template::EntryTemplate;
use kafkasink_crds::resource::{BatchSpec, CommitSpec, ContentTypeSpec, WorkloadSpec};
use kafkasink_crds::runtime_config::{
    ContentTypeConfig, DeliveryConfig, HeaderLabels, KafkaConfig, LabelsConfig, MappingConfig, OnRejected,
    ReductStoreConfig, RuntimeConfig, SCHEMA_VERSION, SinkIdentity, StartFrom, TimestampConfig, TopicConfig,
};

/// What differs between the sinks of the benchmark.
#[derive(Clone, Debug)]
pub(super) struct Differences {
    /// `host:port` of the broker.
    pub(super) bootstrap: String,
    /// The topic; the group has its name too.
    pub(super) topic: String,
    /// URL of the store.
    pub(super) url: String,
    /// The bucket.
    pub(super) bucket: String,
    /// File with the store's token.
    pub(super) token_file: PathBuf,
    /// Name of the consumer group, new for each run.
    pub(super) group_id: String,
    /// Longest wait for a full batch; the default where absent.
    pub(super) batch_delay: Option<Duration>,
}

/// Returns the configuration that the operator would write for a resource that names only what it must.
pub(super) fn config(of: Differences) -> RuntimeConfig {
    let none = "bench".to_owned();
    RuntimeConfig {
        schema_version: SCHEMA_VERSION,
        sink: SinkIdentity { namespace: none.clone(), name: none.clone(), uid: none },
        kafka: KafkaConfig {
            bootstrap_servers: vec![of.bootstrap],
            group_id: of.group_id,
            start_from: StartFrom::Earliest,
            tls: None,
            authentication: None,
            properties: std::collections::BTreeMap::new(),
        },
        topics: vec![TopicConfig { name: of.topic }],
        reduct_store: ReductStoreConfig {
            url: of.url,
            bucket: of.bucket,
            token_file: Some(of.token_file),
            retention_ms: None,
            tls: None,
        },
        mapping: mapping(),
        delivery: delivery(of.batch_delay),
        log_level: WorkloadSpec::LOG_LEVEL_DEFAULT,
    }
}

fn mapping() -> MappingConfig {
    let labels = LabelsConfig {
        headers: HeaderLabels::All { exclude: Vec::new() },
        key: None,
        fixed: std::collections::BTreeMap::new(),
    };
    MappingConfig {
        entry: EntryTemplate::DEFAULT.to_owned(),
        timestamp: TimestampConfig::Message,
        labels,
        content_type: ContentTypeConfig { default: ContentTypeSpec::DEFAULT.to_owned(), header: None },
    }
}

fn delivery(batch_delay: Option<Duration>) -> DeliveryConfig {
    let milliseconds = |delay: Duration| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
    DeliveryConfig {
        batch_records_max: BatchSpec::MAX_RECORDS_DEFAULT,
        batch_bytes_max: BatchSpec::MAX_BYTES_DEFAULT.bytes(),
        batch_delay_ms: batch_delay.map_or(BatchSpec::MAX_DELAY_DEFAULT.as_millis(), milliseconds),
        commit_delay_ms: CommitSpec::DELAY_DEFAULT.as_millis(),
        on_rejected: OnRejected::Block,
        dead_letter_topic: None,
    }
}
