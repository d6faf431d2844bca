//! The order of the demo, from the plan to its last line. IO: through the chapters.

use std::path::Path;

use anyhow::{Context, Result};

use super::compare::Verdict;
use super::kubectl::Kubectl;
use super::stage::{self, Stage};
use super::workload::WORKLOADS;
use super::{audit, console, farewell, first_act, look, plan, second_act, show};
use crate::lab::in_cluster::NAMESPACE;
use crate::lab::{Paths, Progress, helm};

/// Tells the story, on the lab's own cluster or on that of `kubeconfig`; true if every message is in the store exactly
/// once, as produced, and no pod was disturbed but those that the second act disturbs.
///
/// # Errors
/// A part cannot be built or started, a sink stands still; the message says which and what to do.
pub async fn tell(kubeconfig: Option<&Path>) -> Result<bool> {
    let paths = Paths::from_env()?;
    console::say(plan::TEXT)?;
    console::chapter("The stage: Kubernetes, Kafka, ReductStore, the operator")?;
    let stage = stage::set(&paths, kubeconfig, look::needs(&paths)).await?;
    console::chapter("Three sinks, applied as you would")?;
    apply(&stage).await?;
    console::chapter("First act: messages flow, one sink is scaled meanwhile")?;
    let first = first_act::play(&stage).await?;
    console::chapter("What Kubernetes says")?;
    look::at_sinks(&stage.kubectl).await?;
    console::chapter("What the store says")?;
    look::at_a_record(&paths, &stage).await?;
    console::chapter("Second act: messages flow, and things go wrong")?;
    let second_act::Ending { produced: second, surprises } = second_act::play(&stage).await?;
    console::chapter("What became of every message")?;
    let outcomes = audit::of(&stage, first, second).await?;
    console::say(show::table(&outcomes))?;
    console::say(farewell(&paths, &stage, kubeconfig.is_some()).await?)?;
    for surprise in &surprises {
        console::say(format!("must not happen: pod {surprise}"))?;
    }
    console::say(show::last_line(&outcomes))?;
    Ok(surprises.is_empty() && outcomes.iter().map(|outcome| &outcome.verdict).all(Verdict::is_clean))
}

async fn apply(stage: &Stage) -> Result<()> {
    let manifests = stage::checkout()?.join("e2e/demo");
    for workload in &WORKLOADS {
        let file = manifests.join(format!("{}.yaml", workload.name));
        let file = file.to_str().context("name a manifest: the checkout's path is not UTF-8")?;
        stage.kubectl.show(&["apply", "-f", file]).await?;
    }
    let step = Progress::start(1).step("waits until the sinks are ready: topics, bucket, pods");
    let wait = ["wait", "ksink", "--all", "--for=condition=Ready", "--timeout=3m", "--namespace", NAMESPACE];
    stage
        .kubectl
        .run(&wait)
        .await
        .context("wait for the sinks: `kubectl describe ksink -n plant` says why")?;
    step.done();
    stage.kubectl.show(&["get", "ksink", "--namespace", NAMESPACE]).await.map(drop)
}

/// Says how to look around and how to undo it all; in a foreign cluster that takes Helm, which is built by now.
async fn farewell(paths: &Paths, stage: &Stage, foreign: bool) -> Result<String> {
    let Kubectl { program, kubeconfig } = &stage.kubectl;
    let kubectl = program.parent().unwrap_or(program);
    if !foreign {
        return Ok(format!("{}\n{}\n", farewell::look_around(kubeconfig, &[kubectl]), farewell::undo_own()));
    }
    let helm = helm::program(paths, &Progress::silent().step("finds Helm")).await?;
    let programs = [kubectl, helm.parent().unwrap_or(&helm)];
    Ok(format!("{}\n{}\n", farewell::look_around(kubeconfig, &programs), farewell::undo_foreign()))
}
