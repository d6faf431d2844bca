//! A whole run: what is played is played from its begin to its end, and what is measured comes in turn. IO: everything.

use std::convert::Infallible;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;

use super::crowd::{Crowd, PARTITIONS};
use super::findings::Findings;
use super::operator::Operator;
use super::options::Options;
use super::stage::Stage;
use super::{answers, changes, limits, pods, ready, rest, table, traffic};
use crate::lab::{Progress, Step};

/// Second bytes of addresses of this machine that are hardly ever used.
const NETWORKS: std::ops::Range<u8> = 100..250;

/// Measures.
///
/// # Errors
/// A part fails, or the sinks do not become ready.
pub async fn measure(stage: &Stage, options: &Options) -> anyhow::Result<Findings> {
    let crowd = Crowd::new(&stage.namespace, options, rand::random_range(NETWORKS));
    // What is played ends with the measurement, and the measurement with what fails in it.
    tokio::select! {
        found = in_turn(stage, &crowd, options) => found,
        failed = play(stage, &crowd) => match failed? {},
    }
}

/// Shows what was found and writes the results; returns whether every limit holds.
///
/// # Errors
/// The results cannot be written.
pub fn tell(found: &Findings, options: &Options) -> anyhow::Result<bool> {
    let verdicts = limits::judge(found);
    write(&options.results, found)?;
    let mut output = std::io::stdout();
    writeln!(output, "{}\n\n{}\n", setting(found), table::rest(found))?;
    if !options.no_verdict {
        writeln!(output, "{}\n", table::judged(&verdicts))?;
    }
    writeln!(output, "{}", table::in_one_line(found))?;
    Ok(options.no_verdict || verdicts.iter().all(limits::Verdict::holds))
}

async fn play(stage: &Stage, crowd: &Crowd) -> anyhow::Result<Infallible> {
    let played = async { pods::play(stage, crowd).await.context("play pods") };
    let answered = async { answers::answer(crowd).await.context("answer for pods") };
    let flowing = async { traffic::flow(stage, crowd).await.context("let messages flow") };
    tokio::select! { failed = played => failed, failed = answered => failed, failed = flowing => failed }
}

async fn in_turn(stage: &Stage, crowd: &Crowd, options: &Options) -> anyhow::Result<Findings> {
    let progress = Progress::start(4);
    let operator = shown(progress.step("starts the operator"), Operator::start(stage)).await?;
    let all = progress.step(&format!("{} sinks: until all are ready", options.sinks));
    let ready = shown(all, ready::until_all(stage, crowd)).await?;
    let quiet = progress.step(&format!("{} seconds of rest", options.rest));
    let rest = shown(quiet, rest::watch(stage, &operator, options.rest())).await?;
    let edits = progress.step(&format!("{} changes", options.changes));
    let changes = shown(edits, changes::follow(stage, crowd, options.changes)).await?;
    Ok(Findings {
        sinks: options.sinks,
        ready_seconds: ready.as_secs_f64(),
        rest,
        change_seconds: changes.iter().map(std::time::Duration::as_secs_f64).collect(),
        rss_peak_bytes: operator.usage()?.rss_peak_bytes,
    })
}

/// Does a step's work and says that it is done.
async fn shown<T>(step: Step, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    // What waits here is large.
    let outcome = Box::pin(work).await?;
    step.done();
    Ok(outcome)
}

/// What all figures depend on, and what in them is not real.
fn setting(found: &Findings) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{} KafkaSinks with a topic of {PARTITIONS} partitions and one message a second each, on a real kube-apiserver, Kafka and \
         ReductStore, {cores} cores. No kubelet: the harness plays the status of StatefulSets, the pods, their metrics and \
         their commits. Writes are counted in the API server's audit log, those of the Lease among them.",
        found.sinks
    )
}

fn write(file: &Path, found: &Findings) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    }
    let json = serde_json::to_vec_pretty(found)?;
    std::fs::write(file, json).with_context(|| format!("write {}", file.display()))
}
