//! A Kafka broker on which nothing has ever happened: no group has committed, so `__consumer_offsets` does not exist.
//! IO: processes, Kafka, Kubernetes.

use k8s_openapi::api::apps::v1::StatefulSet;
use kafkasink_crds::resource::KafkaSink;
use kafkasink_e2e::lab::state::KafkaAddress;
use kafkasink_e2e::lab::{Daemon, Paths, Progress, kafka};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tempfile::TempDir;

use crate::brokers::Brokers;
use crate::sandbox::Sandbox;

/// The broker; it ends with the test, however that ends.
struct FreshBroker {
    paths: Paths,
    address: KafkaAddress,
    _folder: TempDir,
}

impl FreshBroker {
    /// Starts a broker from the jars of the lab, in a run folder of its own.
    async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let paths = Paths { run: folder.path().to_path_buf(), ..Paths::from_env()? };
        let address = kafka::up(&paths, &Progress::start(kafka::STEPS)).await?;
        Ok(Self { paths, address, _folder: folder })
    }

    /// `host:port`.
    fn bootstrap(&self) -> &str {
        &self.address.bootstrap
    }
}

impl Drop for FreshBroker {
    fn drop(&mut self) {
        for daemon in Daemon::all(&self.paths) {
            // Nothing of it is kept, so it needs no farewell.
            if let Err(error) = kill(Pid::from_raw(daemon.identity.pid), Signal::SIGKILL) {
                tracing::warn!(%error, "failed to stop the broker");
            }
        }
    }
}

#[tokio::test]
async fn serves_a_broker_where_no_group_ever_committed() -> anyhow::Result<()> {
    let mut sandbox = Sandbox::start().await?;
    let broker = FreshBroker::start().await?;
    let brokers = Brokers::new(broker.bootstrap())?;
    let kafka = json!({ "bootstrapServers": [broker.bootstrap()] });
    // A second sink's group asks while the first one's is still without a coordinator.
    for name in ["first", "second"] {
        sandbox.apply_sink(name, json!({ "kafka": kafka })).await?;
    }
    for name in ["first", "second"] {
        sandbox.until_says(name, "TopicsReady=True Reconciled", &[]).await?;
        let status = sandbox.api::<KafkaSink>().get(name).await?.status.unwrap();
        assert_eq!(status.topics[0].created, Some(true), "{name}");
        assert_eq!(brokers.partitions(&sandbox.unique(name))?, 3);
        sandbox.until_exists::<StatefulSet>(&format!("{name}-sink")).await?;
        sandbox.until(name, "aware of its lag", |sink| lag(sink) == Some(0)).await?;
    }
    sandbox.assert_alive()?;
    sandbox.finish().await
}

fn lag(sink: &KafkaSink) -> Option<i64> {
    sink.status.as_ref()?.consumer_group.as_ref()?.lag_messages
}
