//! How long it takes until every sink is ready. IO: Kubernetes.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use kafkasink_crds::resource::KafkaSink;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use tokio::time::{Instant, timeout};

use super::crowd::Crowd;
use super::stage::Stage;

/// Resources that are applied at the same time, as a GitOps tool would.
const CONCURRENCY: usize = 8;
/// When it is given up.
const PATIENCE: Duration = Duration::from_mins(15);

/// Applies all sinks and returns the time from before the first until the last one is ready.
pub(super) async fn until_all(stage: &Stage, crowd: &Crowd) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let mut said = BTreeMap::new();
    let work = async { tokio::try_join!(apply(stage, crowd), watch(stage, crowd, &mut said)) };
    let done = timeout(PATIENCE, work).await;
    done.with_context(|| format!("not all sinks are ready within {PATIENCE:?}: {}", in_words(&said)))??;
    Ok(begun.elapsed())
}

async fn apply(stage: &Stage, crowd: &Crowd) -> anyhow::Result<()> {
    let (sinks, user) = (stage.api::<KafkaSink>(), PatchParams::apply("user").force());
    let applied =
        stream::iter(crowd.numbers().map(anyhow::Ok)).try_for_each_concurrent(CONCURRENCY, |number| {
            let manifest = Patch::Apply(crowd.manifest(number, &stage.kafka, &stage.store));
            let (sinks, user, name) = (&sinks, &user, Crowd::name(number));
            async move {
                sinks.patch(&name, user, &manifest).await.with_context(|| format!("apply {name}"))?;
                Ok(())
            }
        });
    applied.await
}

/// Watches until all are ready; `said` is what each says of itself.
async fn watch(stage: &Stage, crowd: &Crowd, said: &mut BTreeMap<String, String>) -> anyhow::Result<()> {
    let all = crowd.numbers().count();
    let watched = watcher(stage.api::<KafkaSink>(), watcher::Config::default()).default_backoff();
    let mut sinks = Box::pin(watched.applied_objects());
    while let Some(seen) = sinks.next().await {
        // A watch that fails is begun again.
        let Ok(sink) = seen else { continue };
        said.insert(sink.name_any(), readiness(&sink));
        if said.values().filter(|words| *words == READY).count() == all {
            return Ok(());
        }
    }
    anyhow::bail!("the watch of KafkaSinks has ended")
}

/// What a sink that is ready says.
const READY: &str = "True Reconciled";

fn readiness(sink: &KafkaSink) -> String {
    let mut conditions = sink.status.iter().flat_map(|status| &status.conditions);
    let ready = conditions.find(|condition| condition.type_ == "Ready");
    ready.map_or_else(|| "nothing".to_owned(), |ready| format!("{} {}", ready.status, ready.reason))
}

fn in_words(said: &BTreeMap<String, String>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for words in said.values() {
        *counts.entry(words).or_default() += 1;
    }
    let words: Vec<String> = counts.iter().map(|(words, count)| format!("{count} say {words:?}")).collect();
    words.join(", ")
}
