//! `make demo`: the whole path on real parts. IO: all of it, through the library.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use kafkasink_e2e::demo::story;

/// Runs the whole path on real parts: Kubernetes, Kafka, ReductStore, the operator and three KafkaSinks.
#[derive(Debug, Parser)]
#[command(name = "demo")]
struct Args {
    /// Use this cluster and start none
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    // Ours alone: kube's client calls it an error when a server that is starting does not answer yet.
    let ours = tracing_subscriber::EnvFilter::new("kafkasink_e2e=warn");
    tracing_subscriber::fmt().with_env_filter(ours).with_writer(std::io::stderr).init();
    match story::tell(args.kubeconfig.as_deref()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            drop(writeln!(std::io::stderr(), "demo: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
