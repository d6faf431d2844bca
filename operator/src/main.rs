//! The operator: reconciles `KafkaSink` resources. IO: starts everything and ends it.
//!
//! ```text
//! main ─► operation ─► controller ─► reconcile ─► fetch ─► validate ─► desired ─► apply ─► status
//!    └──► admin └─► leadership                       │                                │
//!                                            kafka, reduct, kubernetes: the only doors to the outside
//! ```

mod admin;
mod age_memory;
mod apply;
mod args;
mod birthmark;
mod certificate;
mod clock;
mod context;
mod controller;
mod deletion;
mod desired;
mod events;
mod fetch;
mod finalizer;
mod input;
mod kafka;
mod kubernetes;
mod lag_pace;
mod leadership;
mod malformed;
mod manifests;
mod member_memory;
mod memory;
mod metrics;
mod model;
mod names;
mod neighbours;
mod operation;
mod ownership;
mod permissions;
mod probe;
mod publish;
mod reconcile;
mod reduct;
mod references;
mod render;
mod requeue;
mod status;
mod telemetry;
mod validate;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use http::HeaderValue;
use http::header::USER_AGENT;
use kube::Client;
use kube::client::ClientBuilder;
use kube::runtime::events::{Recorder, Reporter};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::args::{Args, Command, ElectionArgs, RunArgs, ValidateArgs};
use crate::clock::since_boot;
use crate::context::Context;
use crate::controller::Watch;
use crate::leadership::{Campaign, LeaseObject, Pace, Term};
use crate::metrics::Metrics;

/// Longest connection attempt to the Kubernetes API.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What the Kubernetes API knows us by: it stands beside every request in its audit log.
const CLIENT_NAME: &str = concat!("kafkasink-operator/", env!("CARGO_PKG_VERSION"));

/// Threads that work on resources; what blocks has others.
const WORKER_THREADS: usize = 2;

fn main() -> anyhow::Result<()> {
    match Args::parse().command() {
        Command::Run(args) => {
            let mut threads = tokio::runtime::Builder::new_multi_thread();
            let runtime = threads.worker_threads(WORKER_THREADS).enable_all().build();
            let runtime = runtime.context("failed to start the threads")?;
            let outcome = runtime.block_on(run(args));
            // One that leads no more must not wait for what still blocks.
            runtime.shutdown_background();
            outcome
        }
        Command::Crd => {
            print(&kafkasink_crds::resource::crd_yaml().context("failed to write the definition")?)
        }
        Command::Render(args) => print(&render::render(&args)?),
        Command::Validate(args) => check(&args),
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    std::io::stdout().write_all(text.as_bytes()).context("failed to write to the standard output")
}

fn check(args: &ValidateArgs) -> anyhow::Result<()> {
    let found = manifests::check(args)?;
    print(&found.report)?;
    anyhow::ensure!(found.refused == 0, "{} refused, {} looked at", found.refused, found.looked_at);
    Ok(())
}

async fn run(args: RunArgs) -> anyhow::Result<()> {
    telemetry::start(args.log_level).context("failed to start the log")?;
    let listener = TcpListener::bind(args.admin_address)
        .await
        .with_context(|| format!("failed to listen on {}", args.admin_address))?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), address = %args.admin_address, "starts");

    let config = kube_config().await?;
    let campaign = args.election.leader_elect.then(|| campaign(&config, args.election)).transpose()?;
    let term = campaign.as_ref().map_or_else(|| Term::endless(since_boot), Campaign::term);
    let metrics = Arc::new(Metrics::new());
    let context = Arc::new(context(config, term, Arc::clone(&metrics), args.runtime_image)?);
    let (awaiting, awaited) = watch::channel(Some("the Kubernetes API"));
    let stop = CancellationToken::new();
    let admin = tokio::spawn(admin::serve(listener, metrics, awaited, stop.clone()));
    tokio::spawn(stop_on_signal(stop.clone()));

    let watch = Watch::new(args.watch_namespaces, args.concurrency);
    operation::run(context, &watch, campaign, awaiting, stop.clone()).await.context("ends at once")?;
    let asked = stop.is_cancelled();
    stop.cancel();
    admin.await.context("failed to end /livez")?.context("failed to serve /livez")?;
    anyhow::ensure!(asked, "the controller ended by itself");
    tracing::info!("stopped");
    Ok(())
}

async fn kube_config() -> anyhow::Result<kube::Config> {
    let mut config = kube::Config::infer().await.context("failed to find the Kubernetes API")?;
    // The default tries again for minutes; a reconciliation tries again by itself.
    config.default_retry = false;
    config.headers.push((USER_AGENT, HeaderValue::from_static(CLIENT_NAME)));
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    Ok(config)
}

/// A campaign has a client, hence connections, of its own: it must not wait behind the work.
fn campaign(config: &kube::Config, args: ElectionArgs) -> anyhow::Result<Campaign> {
    let client = Client::try_from(config.clone()).context("failed to prepare a client for the Lease")?;
    let namespace = args.lease_namespace.unwrap_or_else(|| client.default_namespace().to_owned());
    let me = format!("{}_{}", args.identity, uuid::Uuid::new_v4());
    let lease = LeaseObject::new(client, &namespace, args.lease_name);
    Ok(Campaign::new(me, lease, Pace::of(Duration::from_secs(args.lease_seconds.into())), since_boot))
}

fn context(
    config: kube::Config,
    term: Term,
    metrics: Arc<Metrics>,
    runtime_image: String,
) -> anyhow::Result<Context> {
    let builder =
        ClientBuilder::try_from(config).context("failed to prepare a client of the Kubernetes API")?;
    let client = builder.with_layer(&leadership::fence(term.clone())).build();
    let reporter = Reporter { controller: "kafkasink-operator".to_owned(), instance: None };
    Ok(Context {
        recorder: Recorder::new(client.clone(), reporter),
        client,
        term,
        connections: kafka::Connections::default(),
        stores: reduct::Stores::default(),
        http: reqwest::Client::new(),
        metrics,
        neighbours: Arc::new(neighbours::Neighbours::default()),
        memory: memory::Memory::default(),
        age_memory: age_memory::AgeMemory::default(),
        member_memory: member_memory::MemberMemory::default(),
        requeue: requeue::Requeue::default(),
        lag_pace: lag_pace::LagPace::default(),
        runtime_image,
    })
}

/// The first signal ends the work in hand, then the program; a second one ends it at once.
async fn stop_on_signal(stop: CancellationToken) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for SIGINT")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("is told to stop");
    stop.cancel();
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::warn!("is told to stop again, ends at once");
    std::process::abort()
}
