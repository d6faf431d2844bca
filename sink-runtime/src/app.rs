//! Joins the parts into one running member. IO: everything.

mod error;
mod generations;
mod renewal;
mod shares;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use kafkasink_crds::runtime_config::{DeliveryConfig, OnRejected, RuntimeConfig};
use prometheus_client::registry::Registry;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::admin::Admin;
use crate::args::Args;
use crate::batch::{BatchLimits, HEADER_BYTES_MAX};
use crate::budget::Budget;
use crate::identity;
use crate::kafka::{
    Connection, KafkaCredentials, KafkaDeadLetters, KafkaSource, Membership, Signature, Vitals,
};
use crate::lease::Lease;
use crate::map::{Mapper, fingerprint};
use crate::memory::MemoryPlan;
use crate::metrics::Metrics;
use crate::pipeline::{Health, Pipeline, PipelineSettings, REACH_WINDOW, StateSettings};
use crate::reduct::{REQUEST_TIMEOUT, ReductWriter, StoreSettings};
use crate::registry::Sink;
use crate::shutdown::Signals;
use crate::telemetry::LogLevelHandle;
use crate::watch_config::ConfigWatch;
pub use error::AppError;
use generations::Generations;
use renewal::Renewal;
use shares::share_out;

/// Longest time from the signal to stop until the end.
const DRAIN_DEADLINE: Duration = Duration::from_secs(25);

/// Part of it that is left for the last commit, of which the answer is waited for 5 s, and for closing the consumer.
const CLOSE_RESERVE: Duration = Duration::from_secs(6);

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
    let parts = Parts {
        writer: Arc::new(ReductWriter::new(store_settings(&config)).map_err(AppError::Writer)?),
        health: Arc::new(Health::default()),
        vitals: Vitals { reminders: metrics.reminders(), ..Vitals::default() },
        metrics,
        config: config.clone(),
    };
    let admin = Admin {
        health: Arc::clone(&parts.health),
        vitals: parts.vitals.clone(),
        registry: Arc::new(registry),
    };
    let stop = CancellationToken::new();
    let signals = Signals::register().map_err(AppError::Signals)?;
    tokio::spawn(signals.stop_then_abort(stop.clone()));
    tokio::spawn(ConfigWatch { file: args.config.clone(), log_level, config: config.clone() }.run());
    let leaves = || !identity::is_wanted(&membership.instance_id, args.members_file.as_deref());
    let admin_stop = CancellationToken::new();
    let serving = admin.serve(args.admin_address, admin_stop.clone());
    let generations = Generations {
        health: Arc::clone(&parts.health),
        renewal: Renewal::new(&config),
        build: async |shown: &KafkaCredentials, member: &Membership| build(&parts, shown, member).await,
    };
    let credentials = KafkaCredentials::read(&config.kafka).map_err(AppError::Credentials)?;
    let working = generations.run((credentials, membership.clone()), stop.clone(), leaves);
    tokio::pin!(serving, working);
    let ended = tokio::select! {
        served = &mut serving => return served.map_err(AppError::Admin),
        ended = in_time(&mut working, stop) => ended,
    };
    admin_stop.cancel();
    ended
}

/// Waits for the work, and no longer than the deadline after it was told to stop.
async fn in_time(
    working: impl Future<Output = Result<(), AppError>>,
    stop: CancellationToken,
) -> Result<(), AppError> {
    tokio::pin!(working);
    tokio::select! {
        ended = &mut working => ended,
        () = stop.cancelled() => match timeout(DRAIN_DEADLINE, &mut working).await {
            Ok(ended) => ended,
            Err(_elapsed) => Err(AppError::Late(DRAIN_DEADLINE)),
        },
    }
}

/// What outlives a consumer.
struct Parts {
    config: RuntimeConfig,
    writer: Arc<ReductWriter>,
    metrics: Metrics,
    health: Arc<Health>,
    vitals: Vitals,
}

/// Makes a pipeline, with the memory shared out anew; waits for brokers for ever.
async fn build(
    parts: &Parts,
    credentials: &KafkaCredentials,
    membership: &Membership,
) -> Result<Pipeline<KafkaSource, ReductWriter, KafkaDeadLetters>, AppError> {
    let config = &parts.config;
    let connection = Connection { config: &config.kafka, credentials };
    let topics: Vec<String> = config.topics.iter().map(|topic| topic.name.clone()).collect();
    let mapper = Mapper::new(&config.mapping, topics.len()).map_err(AppError::Mapper)?;
    let topic = config.delivery.dead_letter_topic.as_deref();
    let letters = KafkaDeadLetters::new(connection, topic, parts.vitals.reminders.clone())
        .map_err(AppError::DeadLetters)?;
    let budget = Budget::new(share_out(connection, (&topics, topic), &parts.vitals.access).await?);
    let signature = Signature {
        writer_id: membership.writer_id.clone(),
        sink_uid: config.sink.uid.clone(),
        mapping: fingerprint(&config.mapping),
    };
    let lease = Arc::new(Lease::default());
    let vitals = (&parts.vitals, Arc::clone(&lease));
    let source =
        KafkaSource::start(connection, &topics, (membership, signature), Arc::clone(&budget), vitals);
    Ok(Pipeline {
        source: source.map_err(AppError::Source)?,
        writer: Arc::clone(&parts.writer),
        letters: Arc::new(letters),
        sink: Sink {
            namespace: config.sink.namespace.clone(),
            name: config.sink.name.clone(),
            uid: config.sink.uid.clone(),
            group_id: config.kafka.group_id.clone(),
            entry: config.mapping.entry.clone(),
        },
        mapper,
        metrics: parts.metrics.clone(),
        health: Arc::clone(&parts.health),
        settings: settings(&config.delivery, budget.plan()),
        budget,
        lease,
    })
}

fn store_settings(config: &RuntimeConfig) -> StoreSettings {
    let store = &config.reduct_store;
    StoreSettings {
        url: store.url.clone(),
        bucket: store.bucket.clone(),
        token_file: store.token_file.clone(),
        retention: store.retention_ms.map(Duration::from_millis),
        ca_file: store.tls.as_ref().and_then(|tls| tls.ca_file.clone()),
    }
}

fn settings(delivery: &DeliveryConfig, plan: &MemoryPlan) -> PipelineSettings {
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
            span_max: usize::try_from(plan.unproven_messages).unwrap_or(usize::MAX),
            entry_bytes: usize::try_from(plan.entry_bytes).unwrap_or(usize::MAX),
            reach_window: REACH_WINDOW,
        },
        commit_delay,
        fencing_wait: REQUEST_TIMEOUT + Duration::from_secs(2),
        drain_deadline: DRAIN_DEADLINE.saturating_sub(CLOSE_RESERVE),
    }
}
