//! What became of every message of both acts: read back and compared. IO: the store.

use anyhow::{Context, Result};
use futures::future::try_join_all;
use reduct_rs::ReductClient;

use super::compare::Produced;
use super::first_act::{self, Played};
use super::show::Outcome;
use super::stage::Stage;
use super::workload::{WORKLOADS, Workload};
use super::{console, read_back};
use crate::lab::Progress;

/// Reads every record back and returns what that says of what was produced in the first and the second act.
///
/// # Errors
/// The store cannot be read.
pub async fn of(stage: &Stage, first_act: Vec<Played>, second_act: Vec<Produced>) -> Result<Vec<Outcome>> {
    let progress = Progress::start(WORKLOADS.len());
    let client = read_back::client(&stage.doors.store_url, &stage.addresses.store_token)?;
    let acts = first_act.into_iter().zip(second_act);
    let audits = WORKLOADS.iter().zip(acts).map(|(workload, acts)| audit(&client, &progress, workload, acts));
    try_join_all(audits).await
}

async fn audit(
    client: &ReductClient,
    progress: &Progress,
    workload: &Workload,
    (first, second): (Played, Produced),
) -> Result<Outcome> {
    let step = progress.step(&format!("reads {} back and compares every byte and label", workload.name));
    let bucket = client.get_bucket(workload.bucket).await.context("open the bucket")?;
    let in_first_act = first.produced.len() as u64;
    let produced: Produced = first.produced.into_iter().chain(second).collect();
    let verdict = read_back::verify(&bucket, workload, &produced).await?;
    step.done();
    for difference in &verdict.differences {
        console::say(format!("  {}: {difference}", workload.name))?;
    }
    let (pods, took) = (first_act::pods(workload), first.took);
    Ok(Outcome { workload: workload.clone(), pods, in_first_act, took, verdict })
}
