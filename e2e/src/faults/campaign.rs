//! All scenarios, several at a time. IO: processes, files, standard output.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use tokio::task::JoinSet;

use super::part::{self, Part, lab};
use super::report::{Outcome, Report};
use super::run::{self, Settings};
use super::scenario::Scenario;
use crate::lab::Daemon;
use crate::lab::cache::fresh_folder;

/// The run folder of the broker that is not killed.
const BROKER: &str = "broker";

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// The scenarios.
    pub scenarios: Vec<Scenario>,
    /// Whether these are all there are.
    pub is_whole: bool,
    /// How many run at a time.
    pub lanes: usize,
    /// What they share.
    pub settings: Settings,
}

impl Campaign {
    /// Carries out all scenarios, tells each when it ends, and writes `report.json` into the folder. Data and logs of
    /// those that failed are kept.
    ///
    /// # Errors
    /// The broker cannot be started, or the folder not be written.
    pub async fn carry_out(self) -> anyhow::Result<Report> {
        let folder = self.settings.folder.clone();
        sweep(&self.settings.cache, &folder).await?;
        fresh_folder(&folder).await?;
        let broker = folder.join(BROKER);
        let paths = lab(&self.settings.cache, &broker);
        part::prepare(&paths).await?;
        let (_part, address) = Part::broker(paths).await?;
        let settings = Settings { broker: Some(address), ..self.settings.clone() };
        let (alone, together): (Vec<Scenario>, Vec<Scenario>) =
            self.scenarios.into_iter().partition(Scenario::is_alone);
        let mut outcomes = Vec::new();
        for (scenarios, lanes) in [(alone, 1), (together, self.lanes)] {
            outcomes.extend(in_lanes(scenarios, lanes, &settings).await?);
        }
        stop(&settings.cache, &broker).await?;
        let report = Report { seed: settings.seed, is_whole: self.is_whole, outcomes };
        let file = folder.join("report.json");
        std::fs::write(&file, serde_json::to_vec_pretty(&report)?)
            .with_context(|| format!("write {}", file.display()))?;
        Ok(report)
    }
}

/// Stops what a campaign that was broken off has left running.
///
/// # Errors
/// Something cannot be stopped.
pub async fn sweep(cache: &Path, folder: &Path) -> anyhow::Result<()> {
    let runs = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    for run in runs {
        stop(cache, &run).await?;
    }
    Ok(())
}

async fn in_lanes(
    scenarios: Vec<Scenario>,
    lanes: usize,
    settings: &Settings,
) -> anyhow::Result<Vec<Outcome>> {
    let mut waiting = scenarios.into_iter();
    let mut running = JoinSet::new();
    let mut outcomes = Vec::new();
    loop {
        while running.len() < lanes {
            let Some(scenario) = waiting.next() else { break };
            running.spawn(run::run(settings.clone(), scenario));
        }
        let Some(outcome) = running.join_next().await else { return Ok(outcomes) };
        let outcome = outcome.context("carry out a scenario")?;
        say(&outcome.line())?;
        stop(&settings.cache, &outcome.folder).await?;
        clear(&outcome).await?;
        outcomes.push(outcome);
    }
}

/// Stops the processes of a run.
async fn stop(cache: &Path, folder: &Path) -> anyhow::Result<()> {
    for daemon in Daemon::all(&lab(cache, folder)) {
        daemon.kill().await?;
    }
    Ok(())
}

/// Removes what a run has left, unless it failed.
async fn clear(outcome: &Outcome) -> anyhow::Result<()> {
    if outcome.passed {
        let removed = tokio::fs::remove_dir_all(&outcome.folder).await;
        removed.with_context(|| format!("remove {}", outcome.folder.display()))?;
    }
    Ok(())
}

fn say(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}").context("write to standard output")
}
