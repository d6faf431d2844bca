//! The lab's command line: starts, shows and stops real parts. IO: all of it, through the library.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use kafkasink_e2e::lab::parts::{self, Part};
use kafkasink_e2e::lab::{Paths, Progress, State, exports, images, status};

/// Real Kafka, ReductStore and Kubernetes on this machine, from package registries alone.
///
/// What is built is kept in `~/.cache/kafkasink-lab` (`KAFKASINK_LAB_CACHE`); `lab down` stops everything, `lab clean`
/// removes what was built.
#[derive(Debug, Parser)]
#[command(name = "lab")]
struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Builds what is not built yet and starts what does not run yet
    Up {
        /// What to bring up
        #[arg(required_unless_present = "kubeconfig")]
        parts: Vec<Part>,
        /// Uses the cluster of this kubeconfig instead of starting one
        #[arg(long, value_name = "FILE")]
        kubeconfig: Option<PathBuf>,
    },
    /// Prints the addresses of what is up, to be read by `eval "$(lab env)"`
    Env,
    /// Shows what runs: version, address, process, since when, log
    Status,
    /// Builds the images of the operator and the runtime and writes them as OCI archives
    Images {
        /// The folder to write to
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
    /// Stops everything that the lab started on this machine
    Down,
    /// Removes everything that the lab has built
    Clean,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse().action).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without a standard error nobody is there to be told.
            drop(writeln!(std::io::stderr(), "lab: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(action: Action) -> anyhow::Result<()> {
    let paths = Paths::from_env()?;
    match action {
        Action::Up { parts, kubeconfig } => print(&exports::shell(&up(&paths, parts, kubeconfig).await?)),
        Action::Env => print(&exports::shell(&parts::running(&paths))),
        Action::Status => print(&status::table(&paths)),
        Action::Images { to } => write_images(to).await,
        Action::Down => down(&paths).await,
        Action::Clean => parts::clean(&paths).await,
    }
}

async fn up(paths: &Paths, mut parts: Vec<Part>, kubeconfig: Option<PathBuf>) -> anyhow::Result<State> {
    if let Some(kubeconfig) = kubeconfig {
        parts::adopt(paths, &kubeconfig).await?;
        parts.retain(|part| *part != Part::Cluster);
    }
    parts::up(paths, &parts).await
}

async fn down(paths: &Paths) -> anyhow::Result<()> {
    let changes: Vec<String> =
        parts::down(paths).await?.iter().map(|change| format!("  {change}\n")).collect();
    if changes.is_empty() {
        return Ok(());
    }
    print(&format!("changed on this machine since the cluster came up:\n{}", changes.concat()))
}

async fn write_images(folder: PathBuf) -> anyhow::Result<()> {
    let archives = images::write_to(&Progress::start(2), &folder).await?;
    let lines: Vec<String> = archives
        .iter()
        .map(|archive| format!("{} {}\n", archive.reference, archive.path.display()))
        .collect();
    print(&lines.concat())
}

fn print(text: &str) -> anyhow::Result<()> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}
