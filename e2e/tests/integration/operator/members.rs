//! What the operator learns of members and of messages that wait. IO: processes, Kafka, Kubernetes.
//!
//! There is no kubelet: a test plays it, by starting the member that the operator declares and telling its address.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kafkasink_crds::resource::KafkaSink;
use kube::ResourceExt;
use kube::api::{ListParams, Patch, PatchParams};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::operator::brokers::Brokers;
use crate::operator::process::built;
use crate::operator::sandbox::{Sandbox, eventually, said};

/// Where pods serve `/metrics`.
const ADMIN_PORT: u16 = 8080;

/// A member as its pod would run it; it ends with the test.
pub(crate) struct PlayedPod {
    process: Child,
    address: Ipv4Addr,
    _files: tempfile::TempDir,
}

impl Drop for PlayedPod {
    fn drop(&mut self) {
        if let Err(error) = self.process.kill().and_then(|()| self.process.wait()) {
            tracing::warn!(%error, "failed to stop the member");
        }
    }
}

impl PlayedPod {
    /// Starts the first member of a sink at an address of this machine alone, with the configuration that the operator wrote.
    pub(crate) async fn start(sandbox: &Sandbox, sink: &str, address: Ipv4Addr) -> anyhow::Result<Self> {
        let files = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let config = files.path().join("config.yaml");
        let maps = sandbox.api::<ConfigMap>();
        let map = maps.list(&ListParams::default().labels("kafkasink.dev/config")).await?.items.pop();
        let text =
            map.and_then(|map| map.data?.remove("config.yaml")).context("there is no configuration")?;
        let folder = files.path().to_str().context("a folder that is no text")?;
        std::fs::write(&config, text.replace("/etc/kafkasink-credentials", folder))?;
        std::fs::write(files.path().join("reductstore-token"), &sandbox.store.token)?;
        let log: PathBuf =
            [env!("CARGO_TARGET_TMPDIR"), &format!("{}-{sink}.log", sandbox.namespace)].iter().collect();
        let process = Command::new(built("kafkasink-runtime")?)
            .arg("--config")
            .arg(&config)
            .args([
                "--instance-id",
                &format!("{sink}-sink-0"),
                "--admin-address",
                &format!("{address}:{ADMIN_PORT}"),
            ])
            .stderr(std::fs::File::create(log)?)
            .stdin(Stdio::null())
            .spawn()
            .context("start a member")?;
        Ok(Self { process, address, _files: files })
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        Ok(kill(Pid::from_raw(i32::try_from(self.process.id())?), signal)?)
    }

    /// Asks it to stop, as a kubelet would, and waits until it has.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.signal(Signal::SIGTERM).context("stop a member")?;
        let status =
            eventually(async || Ok(self.process.try_wait()?)).await.context("the member never stops")?;
        anyhow::ensure!(status.success(), "the member failed: {status}");
        Ok(())
    }

    async fn until_metric(&self, line: &str) -> anyhow::Result<()> {
        let url = format!("http://{}:{ADMIN_PORT}/metrics", self.address);
        let wanted = async || {
            // It may not listen yet.
            let Ok(answer) = reqwest::get(&url).await else { return Ok(None) };
            Ok(answer.text().await?.lines().any(|found| found == line).then_some(()))
        };
        eventually(wanted).await.with_context(|| format!("the member never says {line}"))
    }

    /// Creates the pod as the controller of `StatefulSet`s would and tells its address as a kubelet would.
    async fn announce(&self, sandbox: &Sandbox, sink: &str) -> anyhow::Result<()> {
        let template = sandbox
            .api::<StatefulSet>()
            .get(&format!("{sink}-sink"))
            .await?
            .spec
            .context("no spec")?
            .template;
        let name = format!("{sink}-sink-0");
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": name, "labels": template.metadata.context("no labels")?.labels },
            "spec": template.spec,
        });
        let pod = sandbox.apply::<Pod>(&name, pod).await?;
        let status = json!({ "status": { "podIP": self.address, "podIPs": [{ "ip": self.address }] } });
        sandbox
            .api::<Pod>()
            .patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Merge(status))
            .await?;
        Ok(())
    }
}

#[tokio::test]
async fn a_sink_whose_member_holds_a_partition_says_so() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let header = json!({ "name": "stamp", "unit": "Milliseconds", "onMissing": "Reject" });
    let mapping = json!({ "timestamp": { "from": "Header", "header": header } });
    sandbox.apply_sink("held", json!({ "mapping": mapping, "replicas": 1 })).await?;
    sandbox.until_exists::<StatefulSet>("held-sink").await?;
    let pod = PlayedPod::start(&sandbox, "held", Ipv4Addr::new(127, 0, 0, 77)).await?;
    // It has no such header.
    Brokers::new(&sandbox.kafka.bootstrap)?.produce(&sandbox.unique("held"))?;
    pod.until_metric("kafkasink_waiting_partitions{reason=\"hold\"} 1").await?;
    pod.announce(&sandbox, "held").await?;
    sandbox.play_pods("held-sink").await?;
    sandbox
        .until_says(
            "held",
            "Ready=False PartitionsHeld",
            &["1 partition of pod held-sink-0 is held until a person acts"],
        )
        .await?;
    sandbox.until_says("held", "Stalled=True PartitionsHeld", &[]).await?;

    // A member that does not answer once still holds what it held.
    pod.signal(Signal::SIGSTOP)?;
    // The first look may have begun before.
    for touch in ["once", "twice"] {
        let before = sandbox.reconciliations().await?;
        let touched = Patch::Merge(json!({ "metadata": { "annotations": { "touched": touch } } }));
        sandbox.api::<KafkaSink>().patch("held", &PatchParams::default(), &touched).await?;
        eventually(async || Ok((sandbox.reconciliations().await? > before).then_some(()))).await?;
    }
    let unheard = sandbox.api::<KafkaSink>().get("held").await?;
    pod.signal(Signal::SIGCONT)?;
    anyhow::ensure!(said(&unheard, "Ready=False PartitionsHeld").is_some(), "{:?}", unheard.status);
    sandbox.finish().await
}

#[tokio::test]
async fn warns_before_kafka_deletes_what_nobody_stores() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let topic = sandbox.unique("late");
    let kept_for =
        |time: &str| json!({ "topics": [{ "name": topic, "partitions": 1, "retention": { "time": time } }] });
    sandbox.apply_sink("late", kept_for("10h")).await?;
    sandbox.until_exists::<StatefulSet>("late-sink").await?;
    let made = Timestamp::now() - SignedDuration::from_mins(50);
    Brokers::new(&sandbox.kafka.bootstrap)?.produce_at(&topic, made)?;
    sandbox.apply_sink("late", kept_for("60m")).await?;
    sandbox
        .until_says(
            "late",
            "RetentionAtRisk=True LagNearRetention",
            &[
                "partition 0, that waits has passed 80 % of the 60 minutes that it is kept for and goes in 6 minutes to 12 minutes",
                "raise retention.time",
            ],
        )
        .await?;
    let used = format!(
        "kafkasink_operator_retention_used_ratio{{namespace=\"{}\",sink=\"late\"}} 0.83",
        sandbox.namespace
    );
    let metrics = sandbox.metrics().await?;
    anyhow::ensure!(metrics.lines().any(|line| line.starts_with(&used)), "{used} is not in {metrics}");
    sandbox.until_told("LagNearRetention", "").await?;
    sandbox.apply_sink("late", kept_for("90m")).await?;
    sandbox.until_says("late", "RetentionAtRisk=True LagHalfOfRetention", &[]).await?;
    sandbox.apply_sink("late", kept_for("10h")).await?;
    sandbox.until_says("late", "RetentionAtRisk=False Reconciled", &[]).await?;
    sandbox.finish().await
}
