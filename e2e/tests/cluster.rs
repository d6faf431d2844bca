//! The lab's own cluster, for real. IO: all of it; needs root and the node's address to itself, so it runs only when it
//! is named: `cargo test -p kafkasink-e2e --test cluster`.

use std::path::Path;
use std::time::{Duration, Instant};

use kafkasink_e2e::lab::cluster::{self, Cluster, Footprint};
use kafkasink_e2e::lab::control_plane::{self, Reach};
use kafkasink_e2e::lab::kubernetes::{self, Binary};
use kafkasink_e2e::lab::{Paths, Progress, Run, in_cluster};

/// A run folder of its own beside the built parts of the user's lab.
fn paths(folder: &Path) -> Paths {
    Paths { run: folder.join("run"), ..Paths::from_env().unwrap() }
}

async fn kubectl(paths: &Paths, cluster: &Cluster, arguments: &[&str]) -> String {
    let progress = Progress::start(1);
    let step = progress.step("calls kubectl");
    let program = kubernetes::binaries(paths, &step, &[Binary::Kubectl]).await.unwrap();
    step.done();
    let run = Run::new(program.join("kubectl")).arg("--kubeconfig").arg(&cluster.kubeconfig);
    run.args(arguments).run().await.unwrap().stdout
}

#[tokio::test]
async fn cluster_serves_pods_and_leaves_the_machine_as_it_was() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let paths = paths(folder.path());
    let before = Footprint::capture().await.unwrap();
    let progress = Progress::start(cluster::STEPS + 1);

    let cluster = cluster::up(&paths, &progress).await.unwrap();
    let step = progress.step("builds the images of Kafka and ReductStore");
    let archives = in_cluster::archives(&paths, &step).await.unwrap();
    step.done();
    assert!(cluster.load_images(&archives).await.unwrap().is_empty());
    let addresses = in_cluster::deploy(&cluster.client(), "plant").await.unwrap();

    // Name resolution, a Service, exec and the way back of its output, all in one.
    let client = ["org.apache.kafka.tools.TopicCommand", "--bootstrap-server", &addresses.kafka_in_cluster];
    let exec = ["exec", "--namespace=plant", "kafka-0", "--", "/opt/java/bin/java"];
    kubectl(
        &paths,
        &cluster,
        &[&exec[..], &client, &["--create", "--topic=things", "--partitions=3"]].concat(),
    )
    .await;
    let topics = kubectl(&paths, &cluster, &[&exec[..], &client, &["--list"]].concat()).await;
    assert_eq!(topics.trim(), "things");

    // The same from this machine, with the token that pods read from the Secret.
    let doors = addresses.open_doors(&cluster).await.unwrap();
    let url = format!("{}/api/v1/info", doors.store_url);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http.get(url).bearer_auth(&addresses.store_token).send().await.unwrap();
    assert_eq!(answer.status(), 200);

    #[expect(clippy::disallowed_methods, reason = "measures the second run")]
    let begun = Instant::now();
    cluster::up(&paths, &progress).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(3), "a second `up` took {:?}", begun.elapsed());

    assert_eq!(cluster::down(&paths).await.unwrap(), [""; 0]);
    control_plane::down(&paths, Reach::Pods).await.unwrap();
    assert_eq!(before.changes_until(&Footprint::capture().await.unwrap()), [""; 0]);
}
