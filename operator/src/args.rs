//! IO: the command line and the environment, nothing else reads them. `Args`: what the operator is told at start.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
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
    /// Checks manifests by the rules of the API server and of this operator, without any cluster; fails where one is refused.
    Validate(ValidateArgs),
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
    /// A namespace that is watched; may be given several times, or several with commas between them. Without it all are.
    #[arg(long = "watch-namespace", env = "KAFKASINK_WATCH_NAMESPACES", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    pub(crate) watch_namespaces: Vec<String>,
    /// The least severe log line that is written.
    #[arg(long, env = "KAFKASINK_LOG_LEVEL", default_value = "info")]
    pub(crate) log_level: LogLevel,
    /// How many resources are reconciled at the same time.
    #[arg(long, env = "KAFKASINK_CONCURRENCY", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) concurrency: u16,
    /// Leader election.
    #[command(flatten)]
    pub(crate) election: ElectionArgs,
}

/// Settings of leader election: of all operators that share a Lease one works, and the others stand by.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ElectionArgs {
    /// Works only while it holds the Lease; needed wherever two operators could run at the same time.
    #[arg(long, env = "KAFKASINK_LEADER_ELECT")]
    pub(crate) leader_elect: bool,
    /// Namespace of the Lease; without it the one that the operator runs in.
    #[arg(long, env = "KAFKASINK_LEASE_NAMESPACE")]
    pub(crate) lease_namespace: Option<String>,
    /// Name of the Lease.
    #[arg(long, env = "KAFKASINK_LEASE_NAME", default_value = "kafkasink-operator")]
    pub(crate) lease_name: String,
    /// How many seconds after the end of a leader that did not say so another takes over.
    #[arg(long, env = "KAFKASINK_LEASE_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(5..=300))]
    pub(crate) lease_seconds: u16,
    /// What this operator is called in the Lease, with a random addition; the name of the pod by default.
    #[arg(long, env = "HOSTNAME", default_value = "kafkasink-operator")]
    pub(crate) identity: String,
}

/// Settings of `validate`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ValidateArgs {
    /// Files with manifests, several in one file with `---` between them; `-` reads the standard input. Other kinds are passed over.
    #[arg(short, long = "file", required = true, num_args = 1..)]
    pub(crate) files: Vec<PathBuf>,
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
