//! Pure. The values of a configuration, checked field by field; the first problem is reported.

use std::collections::HashSet;

use kafkasink_crds::bucket_name::BucketName;
use kafkasink_crds::kafka_properties::is_owned_property;
use kafkasink_crds::runtime_config::{
    AuthenticationConfig, DeliveryConfig, KafkaConfig, KafkaTlsConfig, OnRejected, ReductStoreConfig,
    RuntimeConfig, SCHEMA_VERSION, TopicConfig,
};
use kafkasink_crds::topic_name::TopicName;

use super::error::{Problem, expect};
use super::mapping::check_mapping;
use crate::reduct::is_url;

/// Most topics of one sink.
const TOPICS_MAX: usize = 32;

/// Most records in one request: the store's default limit of request headers ends at 85.
const BATCH_RECORDS_MAX: u32 = 80;

/// Largest batch in bytes.
const BATCH_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Longest delay of a batch or a commit, in milliseconds.
const DELAY_MS_MAX: u64 = 60_000;

/// Checks all values.
pub(super) fn check(config: &RuntimeConfig) -> Result<(), Problem> {
    let version = config.schema_version;
    expect(version == SCHEMA_VERSION, "schemaVersion", || format!("must be {SCHEMA_VERSION}, is {version}"))?;
    check_kafka(&config.kafka)?;
    check_topics(&config.topics)?;
    check_store(&config.reduct_store)?;
    check_mapping(&config.mapping, &config.topics)?;
    check_delivery(&config.delivery, &config.topics)
}

fn check_kafka(kafka: &KafkaConfig) -> Result<(), Problem> {
    let servers = &kafka.bootstrap_servers;
    expect(!servers.is_empty(), "kafka.bootstrapServers", || "must name at least one broker".to_owned())?;
    for (index, server) in servers.iter().enumerate() {
        let port = server.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
        let is_address = port.is_some_and(|(host, port)| !host.is_empty() && port > 0);
        let field = format!("kafka.bootstrapServers[{index}]");
        expect(is_address, field, || format!("must be host:port, is {server:?}"))?;
    }
    expect(!kafka.group_id.is_empty(), "kafka.groupId", || "must not be empty".to_owned())?;
    kafka.tls.as_ref().map_or(Ok(()), check_tls)?;
    kafka.authentication.as_ref().map_or(Ok(()), check_authentication)?;
    match kafka.properties.keys().find(|name| is_owned_property(name)) {
        Some(name) => Err(Problem::new("kafka.properties", format!("the sink sets {name} itself"))),
        None => Ok(()),
    }
}

fn check_tls(tls: &KafkaTlsConfig) -> Result<(), Problem> {
    match (&tls.certificate_file, &tls.private_key_file) {
        (Some(_), None) => {
            Err(Problem::new("kafka.tls.privateKeyFile", "must be set where certificateFile is"))
        }
        (None, Some(_)) => {
            Err(Problem::new("kafka.tls.certificateFile", "must be set where privateKeyFile is"))
        }
        (Some(_), Some(_)) | (None, None) => Ok(()),
    }
}

fn check_authentication(authentication: &AuthenticationConfig) -> Result<(), Problem> {
    let AuthenticationConfig { username, username_file, .. } = authentication;
    let field = "kafka.authentication.username";
    expect(username.is_some() != username_file.is_some(), field, || {
        "exactly one of username and usernameFile must be set".to_owned()
    })?;
    let is_empty = username.as_ref().is_some_and(String::is_empty);
    expect(!is_empty, field, || "must not be empty".to_owned())
}

fn check_topics(topics: &[TopicConfig]) -> Result<(), Problem> {
    let count = topics.len();
    expect((1..=TOPICS_MAX).contains(&count), "topics", || {
        format!("must be 1 to {TOPICS_MAX}, are {count}")
    })?;
    let mut names = HashSet::new();
    for (index, TopicConfig { name }) in topics.iter().enumerate() {
        let field = format!("topics[{index}].name");
        TopicName::parse(name).map_err(|reason| Problem::new(&field, reason.to_string()))?;
        expect(names.insert(name), field, || format!("must be unique, {name:?} occurs twice"))?;
    }
    Ok(())
}

fn check_store(store: &ReductStoreConfig) -> Result<(), Problem> {
    let url = &store.url;
    expect(is_url(url), "reductStore.url", || {
        format!("must be http://host:port or https://host:port, is {url:?}")
    })?;
    let is_secure = url.starts_with("https://");
    expect(store.tls.is_none() || is_secure, "reductStore.tls", || {
        format!("only works where reductStore.url begins with https://, is {url:?}")
    })?;
    BucketName::parse(&store.bucket)
        .map(drop)
        .map_err(|reason| Problem::new("reductStore.bucket", reason.to_string()))
}

fn check_delivery(delivery: &DeliveryConfig, topics: &[TopicConfig]) -> Result<(), Problem> {
    check_range("batchRecordsMax", u64::from(delivery.batch_records_max), 1, u64::from(BATCH_RECORDS_MAX))?;
    check_range("batchBytesMax", delivery.batch_bytes_max, 1, BATCH_BYTES_MAX)?;
    check_range("batchDelayMs", delivery.batch_delay_ms, 0, DELAY_MS_MAX)?;
    check_range("commitDelayMs", delivery.commit_delay_ms, 0, DELAY_MS_MAX)?;
    let field = "delivery.deadLetterTopic";
    match (&delivery.dead_letter_topic, delivery.on_rejected) {
        (None, OnRejected::DeadLetter) => {
            Err(Problem::new(field, "must be set where onRejected is DeadLetter"))
        }
        (None, OnRejected::Block) => Ok(()),
        (Some(topic), OnRejected::DeadLetter | OnRejected::Block) => {
            TopicName::parse(topic).map_err(|reason| Problem::new(field, reason.to_string()))?;
            let is_source = topics.iter().any(|source| source.name == *topic);
            expect(!is_source, field, || format!("must not be a topic of the sink, {topic:?} is one"))
        }
    }
}

fn check_range(field: &str, value: u64, least: u64, most: u64) -> Result<(), Problem> {
    let field = format!("delivery.{field}");
    expect((least..=most).contains(&value), field, || format!("must be {least} to {most}, is {value}"))
}
