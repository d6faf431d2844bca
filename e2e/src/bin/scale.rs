//! `make scale`: many `KafkaSink`s under one operator, measured against limits. IO: all of it, through the library.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use kafkasink_e2e::scale::options::Options;
use kafkasink_e2e::scale::{Stage, course};
use tokio::signal::unix::{SignalKind, signal};

/// Lets one operator look after many `KafkaSink`s on a real kube-apiserver, Kafka and ReductStore, and measures how soon they
/// are ready, what it costs while nothing changes, and how soon a change is followed.
///
/// It starts a lab of its own and removes it afterwards. Exit codes: 0 every limit holds, 1 one is missed or something
/// failed.
#[derive(Debug, Parser)]
#[command(name = "scale")]
struct Args {
    #[command(flatten)]
    options: Options,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Args::parse().options).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Without a standard error nobody is there to be told.
            drop(writeln!(std::io::stderr(), "scale: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> anyhow::Result<bool> {
    let mut terminate = signal(SignalKind::terminate())?;
    let work = async {
        let stage = Stage::own().await?;
        course::measure(&stage, options).await
    };
    let measured = tokio::select! {
        measured = work => measured,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
        _ = terminate.recv() => Err(anyhow::anyhow!("told to stop")),
    };
    // Whatever happened: the operator has ended with the future, the lab goes now.
    let stopped = Stage::down().await;
    let holds = course::tell(&measured?, options)?;
    stopped.map(|()| holds)
}
