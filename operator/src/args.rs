//! IO: the command line and the environment, nothing else reads them. `Args`: what the operator is told at start.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Image of the runtime where none is given: the one that is built beside this operator, as in the chart.
const RUNTIME_IMAGE_DEFAULT: &str = concat!("localhost/kafkasink-runtime:", env!("CARGO_PKG_VERSION"));

/// Reconciles `KafkaSink` resources: Kafka topics, ReductStore buckets and the pods between them.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
}

impl Args {
    /// Returns the command; `run` where none is named.
    pub(crate) fn command(self) -> Command {
        self.command.unwrap_or(Command::Run(self.run))
    }
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the controller until it is told to stop (default).
    Run(RunArgs),
    /// Prints the `CustomResourceDefinition` as YAML.
    Crd,
    /// Prints the objects that a manifest would lead to, without any cluster.
    Render(RenderArgs),
}

/// Settings of `run`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Address of /livez, /readyz and /metrics.
    #[arg(long, env = "KAFKASINK_ADMIN_ADDRESS", default_value = "0.0.0.0:8080")]
    pub(crate) admin_address: SocketAddr,
    /// Image of the runtime pods, unless a resource names its own in `workload.image`.
    #[arg(long, env = "KAFKASINK_RUNTIME_IMAGE", default_value = RUNTIME_IMAGE_DEFAULT)]
    pub(crate) runtime_image: String,
    /// The only namespace that is watched; without it all are.
    #[arg(long, env = "KAFKASINK_WATCH_NAMESPACE")]
    pub(crate) watch_namespace: Option<String>,
    /// The least severe log line that is written.
    #[arg(long, env = "KAFKASINK_LOG_LEVEL", default_value = "info")]
    pub(crate) log_level: LogLevel,
    /// How many resources are reconciled at the same time.
    #[arg(long, env = "KAFKASINK_CONCURRENCY", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) concurrency: u16,
}

/// Settings of `render`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RenderArgs {
    /// File with one `KafkaSink` manifest; `-` reads the standard input.
    #[arg(short, long)]
    pub(crate) file: PathBuf,
    /// Prints only the file that the runtime reads with `--config`.
    #[arg(long)]
    pub(crate) runtime_config: bool,
    /// Image of the runtime pods, unless the manifest names its own.
    #[arg(long, env = "KAFKASINK_RUNTIME_IMAGE", default_value = RUNTIME_IMAGE_DEFAULT)]
    pub(crate) runtime_image: String,
}

/// The least severe log line that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    /// Something is lost, or a person must act.
    Error,
    /// Odd, but nothing is lost.
    Warn,
    /// Changes of state.
    Info,
    /// Steps inside the program.
    Debug,
    /// Everything.
    Trace,
}
