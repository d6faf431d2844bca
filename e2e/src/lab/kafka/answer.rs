//! Asks the broker whether it is there. IO: Kafka.

use std::time::Duration;

use anyhow::ensure;
use rdkafka::ClientConfig;
use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Asks once for the cluster's metadata.
pub(super) async fn metadata_of(bootstrap: String) -> anyhow::Result<()> {
    tokio::task::spawn_blocking(move || ask(&bootstrap)).await?
}

fn ask(bootstrap: &str) -> anyhow::Result<()> {
    let mut config = ClientConfig::new();
    // While the broker starts, a refused connection is no news.
    config.set("bootstrap.servers", bootstrap).set("log_level", "0");
    let client: AdminClient<DefaultClientContext> = config.create()?;
    let metadata = client.inner().fetch_metadata(None, ANSWER_TIMEOUT)?;
    ensure!(!metadata.brokers().is_empty(), "the controller has not admitted the broker yet");
    Ok(())
}
