//! How soon a child follows a change of its resource. IO: Kubernetes.

use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::api::apps::v1::StatefulSet;
use kafkasink_crds::resource::KafkaSink;
use kube::api::{Patch, PatchParams};
use kube::runtime::wait::await_condition;
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::crowd::Crowd;
use super::stage::Stage;

const PATIENCE: Duration = Duration::from_mins(2);
/// What the first change sets; each one sets another.
const MAX_RECORDS: u32 = 20;

/// Changes a field of so many specs, one after another and spread over all sinks, and returns how long each
/// `StatefulSet` took to follow: from before the change was sent, which is before anybody can see it, until the set is changed.
pub(super) async fn follow(stage: &Stage, crowd: &Crowd, changes: u16) -> anyhow::Result<Vec<Duration>> {
    let mut took = Vec::new();
    let all: Vec<u16> = crowd.numbers().collect();
    let spread = (all.len() / usize::from(changes)).max(1);
    for (turn, number) in all.iter().step_by(spread).take(changes.into()).enumerate() {
        let records = MAX_RECORDS + u32::try_from(turn)?;
        let followed = Box::pin(follow_one(stage, *number, records)).await;
        took.push(followed.with_context(|| Crowd::name(*number))?);
    }
    Ok(took)
}

async fn follow_one(stage: &Stage, number: u16, max_records: u32) -> anyhow::Result<Duration> {
    let (sets, name) = (stage.api::<StatefulSet>(), Crowd::set_name(number));
    let before = sets.get(&name).await?.metadata.generation;
    let is_changed =
        move |set: Option<&StatefulSet>| set.is_some_and(|set| set.metadata.generation != before);
    let changed = timeout(PATIENCE, await_condition(sets, &name, is_changed));
    let change = json!({ "spec": { "delivery": { "batch": { "maxRecords": max_records } } } });
    let begun = Instant::now();
    let followed = async {
        changed.await.context("the StatefulSet does not follow")??;
        anyhow::Ok(begun.elapsed())
    };
    let sinks = stage.api::<KafkaSink>();
    let sink = Crowd::name(number);
    let (user, change) = (PatchParams::default(), Patch::Merge(change));
    let sent = async { Ok(sinks.patch(&sink, &user, &change).await.map(drop)?) };
    let (took, ()) = tokio::try_join!(followed, sent)?;
    Ok(took)
}
