//! A topic, a bucket and a folder of random names, and the members that move messages between them. IO: Kafka, store.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures::{StreamExt as _, pin_mut};
use kafkasink_e2e::lab::ensure;
use kafkasink_e2e::lab::state::StoreAddress;
use reduct_rs::{Bucket, ErrorCode, ReductClient};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::checker::Stored;
use crate::member::{Ended, Member, Spec, program};
use crate::topic::{Produced, Topic};

/// How often the store is looked at.
const GLANCE: Duration = Duration::from_millis(200);

/// Largest message of a topic where a test does not say otherwise.
const MESSAGE_BYTES: u64 = 4 * 1024 * 1024;

/// A topic, a bucket and a folder.
pub(crate) struct World {
    pub(crate) topic: Topic,
    bucket: Bucket,
    store: StoreAddress,
    bootstrap: String,
    partitions: i32,
    folder: TempDir,
}

impl World {
    pub(crate) async fn new(name: &str, partitions: i32) -> anyhow::Result<Self> {
        Self::with_messages_of(MESSAGE_BYTES, name, partitions).await
    }

    /// Returns a world whose topic takes messages of up to so many bytes.
    pub(crate) async fn with_messages_of(bytes: u64, name: &str, partitions: i32) -> anyhow::Result<Self> {
        let (kafka, store) = (ensure::kafka().await?, ensure::store().await?);
        let name = format!("{name}.{}", Uuid::new_v4().simple());
        let topic = Topic::create(&kafka.bootstrap, &name, partitions, bytes).await?;
        let client =
            ReductClient::builder().url(&store.url).api_token(&store.token).http1_only().try_build()?;
        let bucket = client.create_bucket(&name.replace('.', "-")).max_block_records(128).send().await?;
        let folder = TempDir::new()?;
        std::fs::write(folder.path().join("token"), &store.token)?;
        Ok(Self { topic, bucket, store, bootstrap: kafka.bootstrap, partitions, folder })
    }

    /// Creates a topic for rejected messages.
    pub(crate) async fn dead_letter_topic(&self) -> anyhow::Result<Topic> {
        self.create_topic(&format!("{}.dlq", self.topic.name), 1).await
    }

    /// Creates another topic.
    pub(crate) async fn create_topic(&self, name: &str, partitions: i32) -> anyhow::Result<Topic> {
        Topic::create(&self.bootstrap, name, partitions, MESSAGE_BYTES).await
    }

    /// Adds partitions to the topic until there are that many.
    pub(crate) async fn grow(&mut self, partitions: i32) -> anyhow::Result<()> {
        self.partitions = partitions;
        self.topic.grow(partitions).await
    }

    /// Starts a member and returns at once.
    pub(crate) async fn start(&self, spec: &Spec) -> anyhow::Result<Member> {
        let port = free_port().await?;
        let mut command = self.command(spec)?;
        command.args(["--admin-address", &format!("127.0.0.1:{port}")]);
        let log = self.folder.path().join(format!("{}-{}.log", spec.name, Uuid::new_v4().simple()));
        Member::start(command, log, port)
    }

    /// Runs a member that ends by itself.
    pub(crate) fn run_to_the_end(&self, spec: &Spec) -> anyhow::Result<Ended> {
        let output = self.command(spec)?.output()?;
        let (code, signal) = (output.status.code(), output.status.signal());
        Ok(Ended { code, signal, stderr: String::from_utf8(output.stderr)? })
    }

    /// Says how many members the sink has.
    pub(crate) fn set_members(&self, members: u32) -> anyhow::Result<()> {
        Ok(std::fs::write(self.folder.path().join("members"), format!("{members}\n"))?)
    }

    /// Waits until as many records are stored as messages were produced, and returns them all.
    pub(crate) async fn wait_for(
        &self,
        produced: &[Produced],
        patience: Duration,
    ) -> anyhow::Result<Vec<Stored>> {
        self.wait_until_stored(produced.len(), patience).await?;
        self.read().await
    }

    /// Waits until at least that many records are stored.
    pub(crate) async fn wait_until_stored(&self, count: usize, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        loop {
            let stored = self.count_stored().await?;
            if stored >= count {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{stored} of {count} records are stored after {patience:?}");
            }
            sleep(GLANCE).await;
        }
    }

    pub(crate) async fn count_stored(&self) -> anyhow::Result<usize> {
        let mut count = 0;
        for entry in self.entries().await? {
            count += self.read_entry(&entry, 0, true).await?.len();
        }
        Ok(count)
    }

    /// Changes the configuration of a member that was started, while it runs.
    pub(crate) fn reconfigure(&self, spec: &Spec) -> anyhow::Result<()> {
        self.command(spec).map(drop)
    }

    /// Returns where the store is reached.
    pub(crate) fn store_url(&self) -> &str {
        &self.store.url
    }

    async fn read(&self) -> anyhow::Result<Vec<Stored>> {
        let mut records = Vec::new();
        let keep = |record| {
            records.push(record);
            Ok(())
        };
        self.visit(keep).await?;
        Ok(records)
    }

    /// Shows every stored record, one entry after another.
    pub(crate) async fn visit(
        &self,
        mut visit: impl FnMut(Stored) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        for entry in self.entries().await? {
            let partition = entry.rsplit('/').next().context("name a partition")?.parse()?;
            for record in self.read_entry(&entry, partition, false).await? {
                visit(record)?;
            }
        }
        Ok(())
    }

    async fn entries(&self) -> anyhow::Result<Vec<String>> {
        let entries = self.bucket.entries().await?.into_iter().map(|entry| entry.name);
        let ends =
            |name: &String| (0..self.partitions).any(|partition| name.ends_with(&format!("/{partition}")));
        Ok(entries.filter(ends).collect())
    }

    async fn read_entry(&self, entry: &str, partition: i32, is_head: bool) -> anyhow::Result<Vec<Stored>> {
        let query = self.bucket.query(entry).start_us(0).stop_us(u64::MAX).head_only(is_head).send().await;
        let records = match query {
            Err(error) if error.status() == ErrorCode::NotFound => return Ok(Vec::new()),
            query => query?,
        };
        pin_mut!(records);
        let mut stored = Vec::new();
        while let Some(record) = records.next().await {
            let record = record?;
            let labels: BTreeMap<String, String> =
                record.labels().iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            let (timestamp_us, content_type) = (record.timestamp_us(), record.content_type().to_owned());
            let body = if is_head { Vec::new() } else { record.bytes().await?.to_vec() };
            stored.push(Stored { partition, timestamp_us, labels, content_type, body });
        }
        Ok(stored)
    }

    fn command(&self, spec: &Spec) -> anyhow::Result<Command> {
        let config = self.folder.path().join(format!("{}.config.yaml", spec.name));
        let yaml = spec.replacements.iter().try_fold(self.yaml(spec), |yaml, (from, to)| {
            ensure!(yaml.contains(from), "{from} is not in the configuration");
            Ok(yaml.replace(from, to))
        })?;
        std::fs::write(&config, yaml)?;
        let mut command = match &spec.cgroup {
            None => Command::new(program()?),
            Some(processes) => {
                // The shell goes into the cgroup and becomes the member there.
                let mut shell = Command::new("sh");
                shell.args(["-c", "echo $$ > \"$0\" && exec \"$@\""]).arg(processes).arg(program()?);
                shell
            }
        };
        command.arg("--config").arg(config).args(["--instance-id", &spec.name]);
        let members = self.folder.path().join("members");
        if members.exists() {
            command.arg("--members-file").arg(members);
        }
        if spec.is_check {
            command.arg("--check");
        }
        Ok(command)
    }

    fn yaml(&self, spec: &Spec) -> String {
        let (name, folder) = (&self.topic.name, self.folder.path().display());
        let url = spec.store.as_ref().unwrap_or(&self.store.url);
        let rejected = match &spec.dead_letters {
            Some(topic) => format!("onRejected: DeadLetter, deadLetterTopic: {topic}"),
            None => "onRejected: Block".to_owned(),
        };
        format!(
            "schemaVersion: 1
sink: {{namespace: e2e, name: {name}, uid: none}}
kafka: {{bootstrapServers: ['{}'], groupId: {name}, startFrom: Earliest}}
topics: [{{name: {name}}}]
reductStore: {{url: '{url}', bucket: {}, tokenFile: {folder}/token}}
mapping:
  entry: '{}'
  timestamp: {{from: Message}}
  labels: {{headers: {{policy: All}}, key: {{label: kafka_key, encoding: Percent}}, static: {{site: north}}}}
  contentType: {{default: application/octet-stream, header: content-type}}
delivery: {{batchRecordsMax: 80, batchBytesMax: 8388608, batchDelayMs: 100, commitDelayMs: 500, {rejected}}}
logLevel: Info
",
            self.bootstrap,
            self.bucket.name(),
            spec.entry,
        )
    }
}

async fn free_port() -> anyhow::Result<u16> {
    Ok(tokio::net::TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port())
}
