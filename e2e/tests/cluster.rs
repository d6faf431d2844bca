//! The lab's own cluster, for real. IO: all of it; needs root and the node's address to itself, so it runs only when it
//! is named: `cargo test --workspace --test cluster`.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;
use kafkasink_e2e::lab::cluster::{self, Cluster, Footprint};
use kafkasink_e2e::lab::control_plane::{self, Reach};
use kafkasink_e2e::lab::in_cluster::{self, Addresses};
use kafkasink_e2e::lab::kubernetes::{self, Binary};
use kafkasink_e2e::lab::{Paths, Progress, Run};

#[tokio::test]
async fn cluster_serves_pods_and_leaves_the_machine_as_it_was() -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    // A run folder of its own beside the built parts of the user's lab.
    let paths = Paths { run: folder.path().join("run"), ..Paths::from_env()? };
    let before = Footprint::capture().await?;

    let served = serves_pods(&paths).await;
    let left = cluster::down(&paths).await?;
    control_plane::down(&paths, Reach::Pods).await?;
    served?;

    assert_eq!(left, [""; 0]);
    assert_eq!(before.changes_until(&Footprint::capture().await?), [""; 0]);
    Ok(())
}

async fn serves_pods(paths: &Paths) -> anyhow::Result<()> {
    let progress = Progress::start(cluster::STEPS + 2);
    let cluster = cluster::up(paths, &progress).await?;
    let starts = progress.step("starts Kafka and ReductStore as pods");
    let archives = in_cluster::archives(paths, &starts).await?;
    ensure!(cluster.load_images(&archives).await?.is_empty(), "the cluster is not ours");
    let addresses = in_cluster::deploy(&cluster.client(), in_cluster::NAMESPACE).await?;
    starts.done();

    let reaches = progress.step("reaches them from a pod and from this machine");
    let binaries = kubernetes::binaries(paths, &reaches, &[Binary::Kubectl]).await?;
    reach_from_pod(&binaries.join("kubectl"), &cluster, &addresses).await?;
    reach_from_machine(&cluster, &addresses).await?;
    reaches.done();
    second_up_is_quick(paths, &progress).await
}

/// Name resolution, a Service, exec and the way back of its output, all in one.
async fn reach_from_pod(kubectl: &Path, cluster: &Cluster, addresses: &Addresses) -> anyhow::Result<()> {
    let topics = async |arguments: &[&str]| {
        let run = Run::new(kubectl).arg("--kubeconfig").arg(&cluster.kubeconfig);
        let run =
            run.args(["exec", "--namespace", &addresses.namespace, "kafka-0", "--", "/opt/java/bin/java"]);
        let run = run.args(["org.apache.kafka.tools.TopicCommand", "--bootstrap-server"]);
        anyhow::Ok(run.arg(&addresses.kafka_in_cluster).args(arguments).run().await?.stdout)
    };
    topics(&["--create", "--topic=things", "--partitions=3"]).await?;
    let found = topics(&["--list"]).await?;
    ensure!(found.trim() == "things", "the topics are {found}");
    Ok(())
}

async fn reach_from_machine(cluster: &Cluster, addresses: &Addresses) -> anyhow::Result<()> {
    let doors = addresses.open_doors(cluster).await?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let request = client.get(format!("{}/api/v1/info", doors.store_url)).bearer_auth(&addresses.store_token);
    request.send().await?.error_for_status()?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "measures a real run")]
async fn second_up_is_quick(paths: &Paths, progress: &Progress) -> anyhow::Result<()> {
    let begun = Instant::now();
    cluster::up(paths, progress).await?;
    ensure!(begun.elapsed() < Duration::from_secs(3), "a second `up` took {:?}", begun.elapsed());
    Ok(())
}
