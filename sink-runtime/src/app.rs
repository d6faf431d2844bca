//! Joins the parts into one running member. IO: everything.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kafkasink_crds::runtime_config::{DeliveryConfig, KafkaConfig, OnRejected, RuntimeConfig};
use prometheus_client::registry::Registry;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::admin::{Admin, AdminError};
use crate::args::Args;
use crate::batch::{BatchLimits, HEADER_BYTES_MAX};
use crate::budget::Budget;
use crate::identity::{self, IdentityError};
use crate::kafka::{
    KafkaDeadLetters, KafkaDeadLettersError, KafkaSource, KafkaSourceError, Membership, SurveyError, survey,
};
use crate::map::{Mapper, MapperError};
use crate::memory::{LimitError, MemoryLimit, MemoryPlan, PlanError};
use crate::metrics::Metrics;
use crate::pipeline::{Health, Pipeline, PipelineError, PipelineSettings, StateSettings};
use crate::pulse::Pulse;
use crate::reduct::{REQUEST_TIMEOUT, ReductWriter, ReductWriterError, StoreSettings};
use crate::shutdown::{ShutdownError, Signals};
use crate::telemetry::LogLevelHandle;
use crate::watch_config::ConfigWatch;
use crate::writer::Writer;

/// Longest time from the signal to stop until the end.
const DRAIN_DEADLINE: Duration = Duration::from_secs(25);

/// Part of it that is left for the last commit and for closing the consumer.
const CLOSE_RESERVE: Duration = Duration::from_secs(5);

/// How often the store is asked whether it is there.
const PROBE_EVERY: Duration = Duration::from_secs(5);

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
    /// The topics cannot be looked up.
    #[error("kafka")]
    Survey(#[source] SurveyError),
    /// How much memory there is is not known.
    #[error("cannot find the memory limit")]
    Limit(#[source] LimitError),
    /// There is too little memory.
    #[error(transparent)]
    Memory(PlanError),
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
    let (health, pulse) = (Arc::new(Health::default()), Arc::new(Pulse::default()));
    let admin =
        Admin { health: Arc::clone(&health), pulse: Arc::clone(&pulse), registry: Arc::new(registry) };
    let stop = CancellationToken::new();
    let signals = Signals::register().map_err(AppError::Signals)?;
    tokio::spawn(signals.stop_then_abort(stop.clone()));
    tokio::spawn(ConfigWatch { file: args.config.clone(), log_level, config: config.clone() }.run());
    let admin_stop = CancellationToken::new();
    let serving = admin.serve(args.admin_address, admin_stop.clone());
    let parts = Parts { membership, metrics, health, pulse };
    let working = work(config, parts, args.members_file, stop.clone());
    tokio::pin!(serving, working);
    let ended = tokio::select! {
        served = &mut serving => return served.map_err(AppError::Admin),
        ended = in_time(&mut working, stop) => ended,
    };
    admin_stop.cancel();
    ended
}

/// What a member has before it knows its topics.
struct Parts {
    membership: Membership,
    metrics: Metrics,
    health: Arc<Health>,
    pulse: Arc<Pulse>,
}

/// Looks the topics up, shares out the memory, and works until `stop`.
async fn work(
    config: RuntimeConfig,
    parts: Parts,
    members_file: Option<PathBuf>,
    stop: CancellationToken,
) -> Result<(), AppError> {
    let instance_id = parts.membership.instance_id.clone();
    let leaves = || !identity::is_wanted(&instance_id, members_file.as_deref());
    let pipeline = tokio::select! {
        pipeline = build(&config, parts) => pipeline?,
        () = stop.cancelled() => return Ok(()),
    };
    tokio::spawn(watch_store(Arc::clone(&pipeline.writer), Arc::clone(&pipeline.health)));
    pipeline.run(stop, leaves).await.map_err(AppError::Pipeline)
}

/// Waits for the pipeline, and no longer than the deadline after it was told to stop.
async fn in_time(
    working: impl Future<Output = Result<(), AppError>>,
    stop: CancellationToken,
) -> Result<(), AppError> {
    tokio::pin!(working);
    tokio::select! {
        ended = &mut working => ended,
        () = stop.cancelled() => match timeout(DRAIN_DEADLINE, &mut working).await {
            Ok(ended) => ended,
            Err(_elapsed) => Err(AppError::Late),
        },
    }
}

async fn build(
    config: &RuntimeConfig,
    parts: Parts,
) -> Result<Pipeline<KafkaSource, ReductWriter, KafkaDeadLetters>, AppError> {
    let Parts { membership, metrics, health, pulse } = parts;
    let topics: Vec<String> = config.topics.iter().map(|topic| topic.name.clone()).collect();
    let mapper = Mapper::new(&config.mapping, topics.len()).map_err(AppError::Mapper)?;
    let store = StoreSettings {
        url: config.reduct_store.url.clone(),
        bucket: config.reduct_store.bucket.clone(),
        token_file: config.reduct_store.token_file.clone(),
    };
    let writer = ReductWriter::new(store).map_err(AppError::Writer)?;
    let topic = config.delivery.dead_letter_topic.as_deref();
    let letters = KafkaDeadLetters::new(&config.kafka, topic).map_err(AppError::DeadLetters)?;
    let budget = Budget::new(share_out(&config.kafka, &topics).await?);
    let source = KafkaSource::start(&config.kafka, &topics, &membership, Arc::clone(&budget), pulse)
        .map_err(AppError::Source)?;
    Ok(Pipeline {
        source,
        writer: Arc::new(writer),
        letters: Arc::new(letters),
        mapper,
        metrics,
        health,
        budget,
        settings: settings(&config.delivery),
    })
}

/// Shares the memory out between what the topics may ask of this member.
async fn share_out(kafka: &KafkaConfig, topics: &[String]) -> Result<MemoryPlan, AppError> {
    let limit = MemoryLimit::find().map_err(AppError::Limit)?;
    let demand = survey(kafka, topics).await.map_err(AppError::Survey)?;
    let plan = MemoryPlan::new(limit.bytes, demand).map_err(AppError::Memory)?;
    let file = limit.file.as_deref().map_or("none, a quarter of the machine".into(), Path::to_string_lossy);
    info!(
        limit_bytes = limit.bytes,
        limit_file = %file,
        brokers = demand.brokers,
        partitions = demand.partitions,
        partitions_max = plan.partitions_max,
        message_bytes = demand.message_bytes,
        share_bytes = plan.share_bytes(demand.partitions),
        "memory is shared out"
    );
    Ok(plan)
}

fn settings(delivery: &DeliveryConfig) -> PipelineSettings {
    let limits = BatchLimits {
        records: usize::try_from(delivery.batch_records_max).unwrap_or(usize::MAX),
        bytes: usize::try_from(delivery.batch_bytes_max).unwrap_or(usize::MAX),
        header_bytes: HEADER_BYTES_MAX,
        age: Duration::from_millis(delivery.batch_delay_ms),
    };
    PipelineSettings {
        state: StateSettings { limits, has_dead_letters: delivery.on_rejected == OnRejected::DeadLetter },
        commit_delay: Duration::from_millis(delivery.commit_delay_ms),
        fencing_wait: REQUEST_TIMEOUT + Duration::from_secs(2),
        drain_deadline: DRAIN_DEADLINE.saturating_sub(CLOSE_RESERVE),
    }
}

/// Asks the store again and again whether it is there, for `/readyz`.
async fn watch_store(writer: Arc<ReductWriter>, health: Arc<Health>) {
    let mut ticks = interval(PROBE_EVERY);
    let mut was_reachable = None;
    loop {
        ticks.tick().await;
        let answer = writer.probe().await;
        let is_reachable = answer.is_ok();
        health.set_store_reachable(is_reachable);
        if was_reachable.replace(is_reachable) == Some(is_reachable) {
            continue;
        }
        match answer {
            Ok(()) => debug!("the store is reachable"),
            Err(error) => warn!(%error, "the store is not ready, it is waited for"),
        }
    }
}
