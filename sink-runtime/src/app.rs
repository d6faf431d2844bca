//! Joins the parts into one running member. IO: everything.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use kafkasink_crds::runtime_config::{DeliveryConfig, OnRejected, RuntimeConfig};
use prometheus_client::registry::Registry;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::admin::{Admin, AdminError};
use crate::args::Args;
use crate::batch::{BatchLimits, HEADER_BYTES_MAX};
use crate::budget::{BUDGET_BYTES, Budget};
use crate::identity::{self, IdentityError};
use crate::kafka::{
    KafkaDeadLetters, KafkaDeadLettersError, KafkaSource, KafkaSourceError, Membership, Signature,
};
use crate::lease::Lease;
use crate::map::{Mapper, MapperError, fingerprint};
use crate::metrics::Metrics;
use crate::pipeline::{Health, Pipeline, PipelineError, PipelineSettings, StateSettings};
use crate::reduct::{REQUEST_TIMEOUT, ReductWriter, ReductWriterError, StoreSettings};
use crate::registry::Sink;
use crate::shutdown::{ShutdownError, Signals};
use crate::telemetry::LogLevelHandle;
use crate::watch_config::ConfigWatch;

/// Longest time from the signal to stop until the end.
const DRAIN_DEADLINE: Duration = Duration::from_secs(25);

/// Part of it that is left for the last commit and for closing the consumer.
const CLOSE_RESERVE: Duration = Duration::from_secs(5);

/// Why a member cannot run, or ended.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// It has no name.
    #[error(transparent)]
    Identity(IdentityError),
    /// The mapping is wrong.
    #[error("mapping.entry")]
    Mapper(#[source] MapperError),
    /// The store's address is wrong.
    #[error("reductStore.url")]
    Writer(#[source] ReductWriterError),
    /// The consumer cannot begin.
    #[error("kafka")]
    Source(#[source] KafkaSourceError),
    /// The producer of dead letters cannot begin.
    #[error("delivery.deadLetterTopic")]
    DeadLetters(#[source] KafkaDeadLettersError),
    /// Signals cannot be received.
    #[error("cannot be told to stop")]
    Signals(#[source] ShutdownError),
    /// The endpoints are not served.
    #[error("--admin-address")]
    Admin(#[source] AdminError),
    /// The pipeline ended.
    #[error("the pipeline ended")]
    Pipeline(#[source] PipelineError),
    /// Stopping took too long.
    #[error("stopping took longer than {DRAIN_DEADLINE:?}")]
    Late,
}

/// Runs a member until it is told to stop.
///
/// # Errors
/// It cannot begin, fails for good, or is not done in time.
pub async fn run(args: Args, config: RuntimeConfig, log_level: LogLevelHandle) -> Result<(), AppError> {
    let membership = identity::membership(&args).map_err(AppError::Identity)?;
    info!(
        version = env!("CARGO_PKG_VERSION"),
        namespace = config.sink.namespace,
        name = config.sink.name,
        instance_id = membership.instance_id,
        group_id = config.kafka.group_id,
        "a member of the sink begins"
    );
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let pipeline = build(&config, &membership, metrics)?;
    let admin = Admin {
        health: Arc::clone(&pipeline.health),
        pulse: pipeline.source.pulse(),
        registry: Arc::new(registry),
    };
    let stop = CancellationToken::new();
    let signals = Signals::register().map_err(AppError::Signals)?;
    tokio::spawn(signals.stop_then_abort(stop.clone()));
    tokio::spawn(ConfigWatch { file: args.config.clone(), log_level, config }.run());
    let leaves = || !identity::is_wanted(&membership.instance_id, args.members_file.as_deref());
    let admin_stop = CancellationToken::new();
    let serving = admin.serve(args.admin_address, admin_stop.clone());
    let working = pipeline.run(stop.clone(), leaves);
    tokio::pin!(serving, working);
    let ended = tokio::select! {
        served = &mut serving => return served.map_err(AppError::Admin),
        ended = in_time(&mut working, stop) => ended,
    };
    admin_stop.cancel();
    ended
}

/// Waits for the pipeline, and no longer than the deadline after it was told to stop.
async fn in_time(
    working: impl Future<Output = Result<(), PipelineError>>,
    stop: CancellationToken,
) -> Result<(), AppError> {
    tokio::pin!(working);
    let ended = tokio::select! {
        ended = &mut working => ended,
        () = stop.cancelled() => match timeout(DRAIN_DEADLINE, &mut working).await {
            Ok(ended) => ended,
            Err(_elapsed) => return Err(AppError::Late),
        },
    };
    ended.map_err(AppError::Pipeline)
}

fn build(
    config: &RuntimeConfig,
    membership: &Membership,
    metrics: Metrics,
) -> Result<Pipeline<KafkaSource, ReductWriter, KafkaDeadLetters>, AppError> {
    let budget = Budget::new(BUDGET_BYTES);
    let topics: Vec<String> = config.topics.iter().map(|topic| topic.name.clone()).collect();
    let mapper = Mapper::new(&config.mapping, topics.len()).map_err(AppError::Mapper)?;
    let store = StoreSettings {
        url: config.reduct_store.url.clone(),
        bucket: config.reduct_store.bucket.clone(),
        token_file: config.reduct_store.token_file.clone(),
        retention: config.reduct_store.retention_ms.map(Duration::from_millis),
    };
    let writer = ReductWriter::new(store).map_err(AppError::Writer)?;
    let topic = config.delivery.dead_letter_topic.as_deref();
    let letters = KafkaDeadLetters::new(&config.kafka, topic).map_err(AppError::DeadLetters)?;
    let signature = Signature {
        writer_id: membership.writer_id.clone(),
        sink_uid: config.sink.uid.clone(),
        mapping: fingerprint(&config.mapping),
    };
    let lease = Arc::new(Lease::default());
    let source = KafkaSource::start(
        &config.kafka,
        &topics,
        (membership, signature),
        Arc::clone(&budget),
        Arc::clone(&lease),
    );
    Ok(Pipeline {
        source: source.map_err(AppError::Source)?,
        writer: Arc::new(writer),
        letters: Arc::new(letters),
        sink: Sink {
            namespace: config.sink.namespace.clone(),
            name: config.sink.name.clone(),
            uid: config.sink.uid.clone(),
            group_id: config.kafka.group_id.clone(),
            entry: config.mapping.entry.clone(),
        },
        mapper,
        metrics,
        health: Arc::new(Health::default()),
        budget,
        lease,
        settings: settings(&config.delivery),
    })
}

fn settings(delivery: &DeliveryConfig) -> PipelineSettings {
    let limits = BatchLimits {
        records: usize::try_from(delivery.batch_records_max).unwrap_or(usize::MAX),
        bytes: usize::try_from(delivery.batch_bytes_max).unwrap_or(usize::MAX),
        header_bytes: HEADER_BYTES_MAX,
        age: Duration::from_millis(delivery.batch_delay_ms),
    };
    let commit_delay = Duration::from_millis(delivery.commit_delay_ms);
    PipelineSettings {
        state: StateSettings {
            limits,
            has_dead_letters: delivery.on_rejected == OnRejected::DeadLetter,
            commit_delay,
            span_max: usize::MAX,
        },
        commit_delay,
        fencing_wait: REQUEST_TIMEOUT + Duration::from_secs(2),
        drain_deadline: DRAIN_DEADLINE.saturating_sub(CLOSE_RESERVE),
    }
}
