//! The order of the demo, from the plan to its last line. IO: through the chapters.

use std::path::Path;

use anyhow::{Context, Result};

use super::compare::Verdict;
use super::stage::{self, Stage};
use super::workload::WORKLOADS;
use super::{audit, console, first_act, look, plan, second_act, show};
use crate::lab::in_cluster::NAMESPACE;
use crate::lab::{Paths, Progress};

/// Tells the story, on the lab's own cluster or on that of `kubeconfig`; true if every message is in the store exactly
/// once, as produced, and no pod was disturbed but those that the second act disturbs.
///
/// # Errors
/// A part cannot be built or started, a sink stands still; the message says which and what to do.
pub async fn tell(kubeconfig: Option<&Path>) -> Result<bool> {
    let paths = Paths::from_env()?;
    console::say(plan::TEXT)?;
    console::chapter("The stage: Kubernetes, Kafka, ReductStore, the operator")?;
    let stage = stage::set(&paths, kubeconfig).await?;
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
    console::say(farewell(&stage))?;
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

fn farewell(stage: &Stage) -> String {
    let kubectl = &stage.kubectl;
    format!(
        "
Look around while it runs:
  export KUBECONFIG={kubeconfig} PATH=$PATH:{programs}
  kubectl get ksink,statefulset,pods -n {NAMESPACE}
  kubectl explain ksink.spec --recursive
  kubectl port-forward -n {NAMESPACE} svc/reductstore 8383 &   # token: kubectl get secret -n {NAMESPACE} reductstore -o yaml
Stop it and leave the machine as it was: make lab-down
",
        kubeconfig = kubectl.kubeconfig.display(),
        programs = kubectl.program.parent().unwrap_or(&kubectl.program).display(),
    )
}
