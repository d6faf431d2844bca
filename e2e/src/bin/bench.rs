//! `make bench`: measures the sink beside the fastest pipeline without guarantees. IO: all of it, through the library.

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use kafkasink_e2e::bench::bare::{self, BareArgs};
use kafkasink_e2e::bench::options::Options;
use kafkasink_e2e::bench::{Stage, suite};
use tokio::signal::unix::{SignalKind, signal};

/// Measures throughput, CPU, memory and latency of a sink on real Kafka and a real store, beside the fastest pipeline
/// without guarantees.
///
/// It starts a lab of its own and removes it afterwards. Exit codes: 0 every floor holds, 1 one is missed or something
/// failed.
#[derive(Debug, Parser)]
#[command(name = "bench", subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
struct Args {
    #[command(subcommand)]
    contender: Option<Contender>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum Contender {
    /// Is the bare pipeline: moves one topic to its end (the benchmark starts it)
    #[command(hide = true)]
    Bare(BareArgs),
}

fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = match &args.contender {
        Some(Contender::Bare(bare)) => bare::run(bare).map(|()| true),
        None => measure(&args.options),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Without a standard error nobody is there to be told.
            drop(writeln!(std::io::stderr(), "bench: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn measure(options: &Options) -> anyhow::Result<bool> {
    let mut terminate = signal(SignalKind::terminate())?;
    let work = async {
        let stage = Stage::up().await?;
        suite::run(&stage, options).await
    };
    let measured = tokio::select! {
        measured = work => measured,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
        _ = terminate.recv() => Err(anyhow::anyhow!("told to stop")),
    };
    // Whatever happened: contenders have ended with the future, the lab goes now.
    let stopped = Stage::down().await;
    let has_held = measured?;
    stopped.map(|()| has_held)
}
