//! `make faults`: kills, torn logs and frozen members, and nothing lost or twice. IO: all of it, through the library.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use clap::Parser;
use kafkasink_e2e::faults::campaign::{self, Campaign};
use kafkasink_e2e::faults::report::Report;
use kafkasink_e2e::faults::run::Settings;
use kafkasink_e2e::faults::scenario::{Expected, Extent, Scenario, all};
use kafkasink_e2e::lab::Paths;

/// Kills the store, the broker and members of a sink at random moments, tears the store's logs, freezes members, and
/// proves by reading everything back that nothing is lost and nothing stored twice.
#[derive(Debug, Parser)]
#[command(name = "faults")]
struct Args {
    /// Each scenario a few times
    #[arg(long)]
    quick: bool,
    /// Only this scenario; may be given several times
    #[arg(long, value_name = "NAME")]
    scenario: Vec<String>,
    /// Makes the same messages and faults again
    #[arg(long)]
    seed: Option<u64>,
    /// Each fault of a scenario so often
    #[arg(long, conflicts_with = "quick")]
    kills: Option<u32>,
    /// Scenarios that run at a time
    #[arg(long, default_value_t = 4)]
    jobs: usize,
    /// Where reports, and data and logs of failed runs are written
    #[arg(long, value_name = "DIR", default_value = "target/faults")]
    to: PathBuf,
    /// The build of the runtime whose commit gate is switched off
    #[arg(long, value_name = "FILE", default_value = "target/no-commit-gate/kafkasink-runtime")]
    no_gate: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Without a standard error nobody is there to be told.
            drop(writeln!(std::io::stderr(), "faults: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> anyhow::Result<bool> {
    let campaign = plan(args)?;
    let (cache, folder) = (campaign.settings.cache.clone(), campaign.settings.folder.clone());
    print(&format!(
        "seed {}: {} scenarios, {} at a time",
        campaign.settings.seed,
        campaign.scenarios.len(),
        campaign.lanes
    ))?;
    tokio::select! {
        report = campaign.carry_out() => tell(&report?),
        stopped = tokio::signal::ctrl_c() => {
            stopped.context("wait for an interrupt")?;
            campaign::sweep(&cache, &folder).await?;
            bail!("interrupted")
        }
    }
}

fn plan(args: Args) -> anyhow::Result<Campaign> {
    let extent = match args.kills {
        Some(kills) => Extent::Each(kills),
        None if args.quick => Extent::Quick,
        None => Extent::Whole,
    };
    let is_whole = args.scenario.is_empty();
    let is_wanted = |scenario: &Scenario| is_whole || args.scenario.iter().any(|name| name == scenario.name);
    let scenarios: Vec<Scenario> = all(extent).into_iter().filter(is_wanted).collect();
    let names = || all(extent).iter().map(|scenario| scenario.name).collect::<Vec<_>>().join(", ");
    ensure!(!scenarios.is_empty(), "there is no such scenario: {}", names());
    let needs_no_gate = scenarios.iter().any(|scenario| scenario.expected == Expected::Loss);
    let no_gate = std::path::absolute(args.no_gate)?;
    ensure!(
        !needs_no_gate || no_gate.is_file(),
        "{} is absent: `make faults` builds it; `--scenario` leaves out what needs it",
        no_gate.display()
    );
    let settings = Settings {
        seed: args.seed.unwrap_or_else(rand::random),
        folder: std::path::absolute(args.to)?,
        cache: Paths::from_env()?.cache,
        broker: None,
        no_gate,
    };
    Ok(Campaign { scenarios, is_whole, lanes: args.jobs.max(1), settings })
}

fn tell(report: &Report) -> anyhow::Result<bool> {
    print(&report.table())?;
    print(&report.last_line())?;
    Ok(report.passed())
}

fn print(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}").context("write to standard output")
}
