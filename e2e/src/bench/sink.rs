//! `Sink`: one `kafkasink-runtime` as a user runs it, seen from outside. IO: processes, HTTP.

use std::time::Duration;

use anyhow::Context as _;
use tempfile::TempDir;
use tokio::process::Command;
use uuid::Uuid;

use super::bucket::Bucket;
use super::child::Child;
use super::scrape::Scrape;
use super::sink_config::{Differences, config};
use super::stage::Stage;
use super::topic::Topic;
use crate::lab::preflight::free_port;
use crate::usage::Usage;

/// First port of this machine that is tried for the endpoints of a sink.
const ADMIN_PORT: u16 = 28_080;
/// Longest wait for an answer of its endpoints; it may be busy.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// A running member, the only one of its group.
pub(super) struct Sink {
    child: Child,
    http: reqwest::Client,
    metrics_url: String,
    _folder: TempDir,
}

impl Sink {
    /// Starts a member of a new group; `number` tells sinks apart that run at once.
    pub(super) fn start(
        stage: &Stage,
        number: u16,
        topic: &Topic,
        bucket: &Bucket,
        batch_delay: Option<Duration>,
    ) -> anyhow::Result<Self> {
        let folder = TempDir::new().context("make a folder for the sink's configuration")?;
        let (file, token_file) = (folder.path().join("config.yaml"), folder.path().join("token"));
        let group_id = format!("bench-{}", Uuid::new_v4().simple());
        std::fs::write(&token_file, &stage.store.token)?;
        let differences = Differences {
            bootstrap: stage.bootstrap.clone(),
            topic: topic.name.clone(),
            url: stage.store.url.clone(),
            bucket: bucket.name.clone(),
            token_file,
            group_id: group_id.clone(),
            batch_delay,
        };
        std::fs::write(&file, serde_saphyr::to_string(&config(differences))?)?;
        let address = format!("127.0.0.1:{}", free_port(ADMIN_PORT + number)?);
        let mut command = Command::new(stage.programs.join("kafkasink-runtime"));
        command.arg("--config").arg(file).args(["--instance-id", "bench-0", "--instance-uid", &group_id]);
        command.args(["--admin-address", &address]);
        Ok(Self {
            child: Child::start(command, &stage.log_file(&format!("sink-{number}")))?,
            // A proxy of the environment knows nothing of our 127.0.0.1.
            http: reqwest::Client::builder().no_proxy().timeout(ANSWER_TIMEOUT).build()?,
            metrics_url: format!("http://{address}/metrics"),
            _folder: folder,
        })
    }

    /// Returns its metrics; none as long as it does not serve them yet.
    pub(super) async fn metrics(&mut self) -> anyhow::Result<Option<Scrape>> {
        self.child.expect_running().context("look at the sink")?;
        match self.http.get(&self.metrics_url).send().await {
            Ok(answer) => Ok(Some(Scrape(answer.text().await?))),
            Err(error) if error.is_connect() => Ok(None),
            Err(error) => Err(error).context("ask the sink for its metrics"),
        }
    }

    /// Returns what it has used so far.
    pub(super) fn usage(&self) -> anyhow::Result<Usage> {
        self.child.usage()
    }

    /// Stops it as Kubernetes would.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.child.terminate().await.context("stop the sink")
    }
}
