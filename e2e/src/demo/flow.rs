//! Messages flow: produced, stored, read back and compared; one sink is scaled meanwhile. IO: Kafka, the store.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use futures::future::try_join_all;
use rdkafka::producer::FutureProducer;
use tokio::sync::watch;
use tokio::time::Instant;

use super::compare::Produced;
use super::kubectl::Kubectl;
use super::show::Outcome;
use super::stage::Stage;
use super::workload::{WORKLOADS, Workload};
use super::{console, group, produce, read_back};
use crate::lab::in_cluster::NAMESPACE;
use crate::lab::{Progress, Step};

/// The sink that is scaled while it works, and to how many pods.
const SCALED: (&str, u32) = ("weather", 3);

/// Pods of a sink as its manifest says.
const PODS: u32 = 2;

/// One workload after its last message was stored.
struct Stored {
    workload: &'static Workload,
    produced: Produced,
    took: Duration,
}

/// Lets all workloads flow and returns what reading back says.
///
/// # Errors
/// A message could not be produced, a sink stands still, or the store cannot be read.
pub async fn run(stage: &Stage) -> Result<Vec<Outcome>> {
    let start_ms = now_ms()?;
    let stored = store_all(stage, start_ms).await?;
    let progress = Progress::start(stored.len());
    let client = read_back::client(&stage.doors.store_url, &stage.addresses.store_token)?;
    let mut outcomes = Vec::new();
    for Stored { workload, produced, took } in stored {
        let step = progress.step(&format!("reads {} back and compares every byte and label", workload.name));
        let bucket = client.get_bucket(workload.bucket).await.context("open the bucket")?;
        let verdict = read_back::verify(&bucket, workload, start_ms, &produced).await?;
        step.done();
        for difference in &verdict.differences {
            console::say(format!("  {}: {difference}", workload.name))?;
        }
        let pods = if workload.name == SCALED.0 { SCALED.1 } else { PODS };
        outcomes.push(Outcome { workload: workload.clone(), pods, took, verdict });
    }
    Ok(outcomes)
}

async fn store_all(stage: &Stage, start_ms: u64) -> Result<Vec<Stored>> {
    let progress = Progress::start(1);
    let messages: u64 = WORKLOADS.iter().map(|workload| workload.messages).sum();
    let step = progress.step(&format!("produces and stores {messages} messages"));
    let producer = produce::producer(&stage.doors.kafka_bootstrap)?;
    let counters = Counters::new(&step);
    let (half_way, at_half) = watch::channel(false);
    let flows =
        WORKLOADS.iter().map(|workload| flow(stage, workload, start_ms, &producer, (&counters, &half_way)));
    let scaling = scale(&stage.kubectl, at_half, &progress);
    let (stored, ()) = tokio::try_join!(try_join_all(flows), scaling)?;
    step.done();
    Ok(stored)
}

async fn flow(
    stage: &Stage,
    workload: &'static Workload,
    start_ms: u64,
    kafka: &FutureProducer,
    (counters, half_way): (&Counters<'_>, &watch::Sender<bool>),
) -> Result<Stored> {
    let begun = Instant::now();
    let produced = produce::produce(kafka, workload, start_ms, |delivered| {
        counters.tell(workload, delivered, 0);
        if workload.name == SCALED.0 && delivered == workload.messages / 2 {
            half_way.send_replace(true);
        }
    });
    let produced = produced.await.with_context(|| format!("produce to {}", workload.name))?;
    let group = format!("{NAMESPACE}.{}", workload.name);
    let bootstrap = &stage.doors.kafka_bootstrap;
    let all = workload.messages;
    group::wait_until_committed(bootstrap, &group, workload.name, &produced, |left| {
        counters.tell(workload, all, all.saturating_sub(left));
    })
    .await?;
    Ok(Stored { workload, produced, took: begun.elapsed() })
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

#[expect(clippy::disallowed_methods, reason = "the demo is the producer: its messages carry the real time")]
fn now_ms() -> Result<u64> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).context("read the clock")?;
    u64::try_from(since.as_millis()).context("read the clock")
}
