//! The first act: messages are produced and stored, and one sink is scaled meanwhile. IO: Kafka, processes.

use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::future::try_join_all;
use rdkafka::producer::FutureProducer;
use tokio::sync::watch;
use tokio::time::Instant;

use super::compare::Produced;
use super::delivered::Delivered;
use super::kubectl::Kubectl;
use super::stage::Stage;
use super::workload::{WORKLOADS, Workload};
use super::{group, produce};
use crate::lab::in_cluster::NAMESPACE;
use crate::lab::{Progress, Step};

/// The sink that is scaled while it works, and to how many pods.
const SCALED: (&str, u32) = ("weather", 3);

/// Pods of a sink as its manifest says.
const PODS: u32 = 2;

/// What the act made of one workload.
#[derive(Clone, Debug)]
pub struct Played {
    /// What was produced.
    pub produced: Produced,
    /// The time from the first message produced until the last one was stored, and committed.
    pub took: Duration,
}

/// Lets all workloads flow until the last message is stored; returns what came of each, in the order of [`WORKLOADS`].
///
/// # Errors
/// A message could not be produced, or a sink stands still.
pub async fn play(stage: &Stage) -> Result<Vec<Played>> {
    let start_ms = produce::now_ms()?;
    let progress = Progress::start(1);
    let messages: u64 = WORKLOADS.iter().map(|workload| workload.messages).sum();
    let step = progress.step(&format!("produces and stores {messages} messages"));
    let kafka = produce::producer(&stage.doors.kafka_bootstrap)?;
    let (half_way, at_half) = watch::channel(false);
    let told = Told { counters: Counters::new(&step), delivered: Delivered::default(), half_way };
    let flows = WORKLOADS.iter().map(|workload| flow(stage, workload, start_ms, &kafka, &told));
    let scaling = scale(&stage.kubectl, at_half, &progress);
    let (played, ()) = tokio::try_join!(try_join_all(flows), scaling)?;
    step.done();
    Ok(played)
}

/// Returns how many pods a workload's sink has in the end.
#[must_use]
pub fn pods(workload: &Workload) -> u32 {
    if workload.name == SCALED.0 { SCALED.1 } else { PODS }
}

/// What is told while messages flow.
struct Told<'a> {
    counters: Counters<'a>,
    delivered: Delivered,
    half_way: watch::Sender<bool>,
}

async fn flow(
    stage: &Stage,
    workload: &'static Workload,
    start_ms: u64,
    kafka: &FutureProducer,
    told: &Told<'_>,
) -> Result<Played> {
    // The first message is due at once.
    let began = Instant::now();
    let messages = produce::first_act(workload, start_ms);
    let produced = produce::produce(kafka, workload, messages, |partition, offset| {
        told.delivered.note(workload.name, partition, offset);
        let delivered = told.delivered.of(workload.name).messages;
        told.counters.tell(workload, delivered, 0);
        if workload.name == SCALED.0 && delivered == workload.messages / 2 {
            told.half_way.send_replace(true);
        }
    });
    let produced = produced.await.with_context(|| format!("produce to {}", workload.name))?;
    let (bootstrap, ends) = (&stage.doors.kafka_bootstrap, told.delivered.of(workload.name).ends);
    let all = workload.messages;
    let stored = |left| told.counters.tell(workload, all, all.saturating_sub(left));
    group::wait_until_committed(bootstrap, workload.name, ends, stored).await?;
    Ok(Played { produced, took: began.elapsed() })
}

/// Scales one sink as soon as half of its messages are produced.
async fn scale(kubectl: &Kubectl, mut at_half: watch::Receiver<bool>, progress: &Progress) -> Result<()> {
    at_half.wait_for(|reached| *reached).await.context("wait for half of the messages")?;
    let (sink, pods) = SCALED;
    progress.say(&format!("half of {sink} is produced: kubectl scale ksink {sink} --replicas={pods}"));
    let replicas = format!("--replicas={pods}");
    kubectl.run(&["scale", "ksink", sink, "--namespace", NAMESPACE, &replicas]).await.map(drop)
}

/// How far each workload is, shown in one line.
struct Counters<'a> {
    step: &'a Step,
    of: Mutex<[(u64, u64); WORKLOADS.len()]>,
}

impl<'a> Counters<'a> {
    fn new(step: &'a Step) -> Self {
        Self { step, of: Mutex::default() }
    }

    fn tell(&self, workload: &Workload, produced: u64, stored: u64) {
        let mut of = self.of.lock().expect("nobody panics while counting");
        let words = WORKLOADS.iter().zip(of.iter_mut()).map(|(each, count)| {
            if each.name == workload.name {
                *count = (produced, stored);
            }
            format!("{} {} produced, {} stored", each.name, count.0, count.1)
        });
        let line = words.collect::<Vec<_>>().join(" · ");
        self.step.note(&line);
    }
}
