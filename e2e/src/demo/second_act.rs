//! The second act: while messages flow, a pod is deleted, the store killed and its token spoilt. IO: Kafka, processes.

mod pod;
mod store;
mod token;

use anyhow::{Result, ensure};
use futures::future::{FutureExt as _, try_join_all};
use tokio::sync::watch;

use super::compare::Produced;
use super::delivered::Delivered;
use super::patience::until;
use super::pods::{self, Asked};
use super::stage::Stage;
use super::workload::WORKLOADS;
use super::{console, group, produce};
use crate::lab::Progress;

/// Steps that the act shows.
const STEPS: usize = 13;

const ASKED: Asked<'_> = Asked { deleted: "weather-sink-0", killed: "reductstore-0" };

/// What the act leaves behind.
pub struct Ending {
    /// What was produced, in the order of [`WORKLOADS`].
    pub produced: Vec<Produced>,
    /// Pods that were disturbed although nobody disturbed them, in words.
    pub surprises: Vec<String>,
}

/// What the troubles have in common.
struct Act<'a> {
    stage: &'a Stage,
    delivered: &'a Delivered,
    progress: Progress,
}

/// Lets all workloads flow, makes trouble meanwhile, and waits until the last message is stored.
///
/// # Errors
/// Something did not come back, a message could not be produced, or a sink stands still.
pub async fn play(stage: &Stage) -> Result<Ending> {
    let before = pods::all(&stage.kubectl).await?;
    let delivered = Delivered::default();
    let act = Act { stage, delivered: &delivered, progress: Progress::start(STEPS) };
    let (end, ended) = watch::channel(false);
    let troubles = async {
        act.troubles().await?;
        end.send_replace(true);
        Ok(())
    };
    let (produced, ()) = tokio::try_join!(produce(stage, &delivered, ended), troubles)?;
    act.catch_up().await?;
    let surprises = pods::surprises(&before, &pods::all(&stage.kubectl).await?, ASKED);
    Ok(Ending { produced, surprises })
}

/// Produces until the act has ended.
async fn produce(
    stage: &Stage,
    delivered: &Delivered,
    ended: watch::Receiver<bool>,
) -> Result<Vec<Produced>> {
    let start_ms = produce::now_ms()?;
    let producer = produce::producer(&stage.doors.kafka_bootstrap)?;
    let flows = WORKLOADS.iter().map(|workload| {
        let mut ended = ended.clone();
        let end = async move { ended.wait_for(|ended| *ended).await.map(drop) }.boxed();
        let messages = produce::second_act(workload, start_ms, end);
        let note = |partition, offset| delivered.note(workload.name, partition, offset);
        produce::produce(&producer, workload, messages, note)
    });
    try_join_all(flows).await
}

impl Act<'_> {
    async fn troubles(&self) -> Result<()> {
        let pace = |name: &str| {
            let workload = WORKLOADS.iter().find(|workload| workload.name == name);
            workload.map_or(0, |workload| 1_000 / workload.second_pace_ms)
        };
        console::say(format!(
            "Until this act is over {} readings, {} numbers and {} pictures a second are produced.",
            pace("weather"),
            pace("numbers"),
            pace("cameras")
        ))?;
        self.wait_until("messages of every kind flow", async || {
            let flow = WORKLOADS.iter().all(|workload| self.delivered.of(workload.name).messages > 0);
            ensure!(flow, "some are still to come");
            Ok(())
        })
        .await?;
        pod::delete(self, ASKED.deleted).await?;
        store::kill(self, ASKED.killed).await?;
        token::spoil_and_mend(self).await
    }

    /// Shows a step that ends as soon as `look` succeeds.
    async fn wait_until(&self, what: &str, look: impl AsyncFnMut() -> Result<()>) -> Result<()> {
        let step = self.progress.step(&format!("waits until {what}"));
        until(what, look).await?;
        step.done();
        Ok(())
    }

    /// Waits until everything that is produced by now is stored, and committed.
    async fn catch_up(&self) -> Result<()> {
        let messages = self.delivered.messages();
        let step =
            self.progress.step(&format!("waits until the {messages} messages of this act so far are stored"));
        let bootstrap = &self.stage.doors.kafka_bootstrap;
        let waits = WORKLOADS.iter().map(|workload| {
            let note = |left| step.note(&format!("{} of {} are left", left, workload.name));
            group::wait_until_committed(bootstrap, workload.name, self.delivered.of(workload.name).ends, note)
        });
        try_join_all(waits).await?;
        step.done();
        Ok(())
    }
}
