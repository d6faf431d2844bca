//! A topic, a bucket and a folder of random names, and the members that move messages between them. IO: Kafka, store.

mod attachments;
mod reading;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use reduct_rs::{Bucket, ErrorCode, Permissions, ReductClient};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::checker::Stored;
use super::config;
use super::member::{Ended, Member};
use super::spec::Spec;
use super::topic::{Produced, Topic};
use crate::lab::ensure as lab;
use crate::lab::state::{KafkaAddress, StoreAddress};

/// How often the store is looked at.
const GLANCE: Duration = Duration::from_millis(200);

/// Set where the folders of tests, with configuration and logs of their members, shall stay in the temporary folder.
const KEEP: &str = "KAFKASINK_TEST_KEEP";

/// A topic, a bucket and a folder.
pub struct World {
    /// The topic, whose name is also the sink's and its group's.
    pub topic: Topic,
    bucket: Bucket,
    client: ReductClient,
    store: StoreAddress,
    bootstrap: String,
    partitions: i32,
    folder: PathBuf,
    /// Removes the folder with the world, unless it was given.
    _temporary: Option<TempDir>,
}

impl World {
    /// A world on the Kafka and the store that the environment names, else on those of the lab. The bucket has small
    /// blocks, so that there are several.
    ///
    /// # Errors
    /// They cannot be brought up or refuse.
    pub async fn new(name: &str, partitions: i32) -> anyhow::Result<Self> {
        let (kafka, store) = (lab::kafka().await?, lab::store().await?);
        Self::on((kafka, store), None, name, partitions).await
    }

    /// A world on this Kafka and this store; an authority in a file has signed the store's certificate, where it has one.
    ///
    /// # Errors
    /// They refuse or do not answer.
    pub async fn on(
        servers: (KafkaAddress, StoreAddress),
        authority: Option<&Path>,
        name: &str,
        partitions: i32,
    ) -> anyhow::Result<Self> {
        let mut temporary = TempDir::with_prefix(format!("kafkasink-test-{name}-"))?;
        temporary.disable_cleanup(std::env::var_os(KEEP).is_some());
        let world = Self::make(temporary.path(), servers, authority, (name, partitions)).await?;
        Ok(Self { _temporary: Some(temporary), ..world })
    }

    /// A world on this Kafka and this store, with configuration and logs in a folder that is there and stays.
    ///
    /// # Errors
    /// They refuse or do not answer.
    pub async fn within(
        folder: &Path,
        servers: (KafkaAddress, StoreAddress),
        name: &str,
        partitions: i32,
    ) -> anyhow::Result<Self> {
        Self::make(folder, servers, None, (name, partitions)).await
    }

    async fn make(
        folder: &Path,
        (kafka, store): (KafkaAddress, StoreAddress),
        authority: Option<&Path>,
        (name, partitions): (&str, i32),
    ) -> anyhow::Result<Self> {
        let name = format!("{name}.{}", Uuid::new_v4().simple());
        let topic = Topic::create(&kafka.bootstrap, &name, partitions).await?;
        let client = ReductClient::builder().url(&store.url).api_token(&store.token).http1_only();
        let client = authority
            .into_iter()
            .fold(client, |client, file| client.ca_cert_path(&file.display().to_string()));
        let client = client.try_build()?;
        let bucket = client.create_bucket(&name.replace('.', "-")).max_block_records(128).send().await?;
        let folder = folder.to_owned();
        std::fs::write(folder.join("token"), &store.token)?;
        let bootstrap = kafka.bootstrap;
        Ok(Self { topic, bucket, client, store, bootstrap, partitions, folder, _temporary: None })
    }

    /// Returns the bucket's name.
    #[must_use]
    pub fn bucket(&self) -> &str {
        self.bucket.name()
    }

    /// Returns where the store is, with a token that may do everything.
    #[must_use]
    pub fn store(&self) -> &StoreAddress {
        &self.store
    }

    /// Returns a client of the store that may do everything.
    ///
    /// # Errors
    /// It cannot be built.
    pub fn client(&self) -> anyhow::Result<ReductClient> {
        client(&self.store)
    }

    /// Puts another token into the file that members read.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn set_token(&self, token: &str) -> anyhow::Result<()> {
        std::fs::write(self.folder.join("token"), token).context("write the token")
    }

    /// Creates a topic for rejected messages.
    ///
    /// # Errors
    /// Kafka refuses or does not answer.
    pub async fn dead_letter_topic(&self) -> anyhow::Result<Topic> {
        self.create_topic(&format!("{}.dlq", self.topic.name), 1).await
    }

    /// Creates another topic.
    ///
    /// # Errors
    /// Kafka refuses or does not answer.
    pub async fn create_topic(&self, name: &str, partitions: i32) -> anyhow::Result<Topic> {
        Topic::create(&self.bootstrap, name, partitions).await
    }

    /// Adds partitions to the topic until there are that many.
    ///
    /// # Errors
    /// Kafka refuses or does not answer.
    pub async fn grow(&mut self, partitions: i32) -> anyhow::Result<()> {
        self.partitions = partitions;
        self.topic.grow(partitions).await
    }

    /// Deletes the topic and creates it again with that many partitions.
    ///
    /// # Errors
    /// Kafka refuses or does not answer.
    pub async fn recreate_topic_with(&mut self, partitions: i32) -> anyhow::Result<()> {
        self.partitions = partitions;
        self.topic.recreate_with(partitions).await
    }

    /// Starts a member and returns at once.
    ///
    /// # Errors
    /// It cannot be started.
    pub async fn start(&self, spec: &Spec) -> anyhow::Result<Member> {
        self.start_at(spec, free_port().await?)
    }

    /// Starts a member whose admin server listens on a given port, and returns at once.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start_at(&self, spec: &Spec, port: u16) -> anyhow::Result<Member> {
        let mut command = self.command(spec)?;
        command.args(["--admin-address", &format!("127.0.0.1:{port}")]);
        let log = self.folder.join(format!("{}-{}.log", spec.name, Uuid::new_v4().simple()));
        Member::start(command, log, port)
    }

    /// Runs a member that ends by itself.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn run_to_the_end(&self, spec: &Spec) -> anyhow::Result<Ended> {
        let output = self.command(spec)?.output()?;
        Ok(Ended::new(output.status, String::from_utf8(output.stderr)?))
    }

    /// Changes the configuration of a member that was started, while it runs.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn reconfigure(&self, spec: &Spec) -> anyhow::Result<()> {
        self.command(spec).map(drop)
    }

    /// Creates a token that may read and write the bucket.
    ///
    /// # Errors
    /// The store refuses or does not answer.
    pub async fn new_token(&self, name: &str) -> anyhow::Result<String> {
        let bucket = vec![self.bucket.name().to_owned()];
        let permissions = Permissions { full_access: false, read: bucket.clone(), write: bucket };
        Ok(self.client.create_token(name, permissions).await?)
    }

    /// Takes a token out of force.
    ///
    /// # Errors
    /// The store refuses or does not answer.
    pub async fn revoke_token(&self, name: &str) -> anyhow::Result<()> {
        Ok(self.client.delete_token(name).await?)
    }

    /// Writes a file that members may name, the way Kubernetes does: the whole of it at once.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let (file, unfinished) = (self.file(name), self.file(&format!("{name}.new")));
        std::fs::write(&unfinished, text)?;
        std::fs::rename(unfinished, &file)?;
        Ok(file)
    }

    /// Returns where a file that members may name lies.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Returns the broker that the topic lies on, as a member's configuration names it.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Says how many members the sink has.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn set_members(&self, members: u32) -> anyhow::Result<()> {
        Ok(std::fs::write(self.folder.join("members"), format!("{members}\n"))?)
    }

    /// Waits until as many records are stored as messages were produced, and returns them all.
    ///
    /// # Errors
    /// There are fewer after `patience`, or the store cannot be read.
    pub async fn wait_for(&self, produced: &[Produced], patience: Duration) -> anyhow::Result<Vec<Stored>> {
        self.wait_until_stored(produced.len(), patience).await?;
        self.read().await
    }

    /// Waits until at least that many records are stored.
    ///
    /// # Errors
    /// There are fewer after `patience`, or the store cannot be read.
    pub async fn wait_until_stored(&self, count: usize, patience: Duration) -> anyhow::Result<()> {
        let lacks = async || {
            let stored = self.count_stored().await?;
            Ok((stored < count).then(|| format!("{stored} of {count} records are stored")))
        };
        until_nothing_lacks(patience, lacks).await
    }

    /// Waits until the committed offsets add up to that many.
    ///
    /// # Errors
    /// They do not after `patience`.
    pub async fn wait_until_committed(&self, count: i64, patience: Duration) -> anyhow::Result<()> {
        let lacks = async || {
            // A broker that is only just up does not know yet who keeps a group's offsets.
            let committed = self.topic.committed().await;
            let is_all = committed.as_ref().is_ok_and(|committed| *committed == count);
            Ok((!is_all).then(|| format!("{committed:?} of {count} messages are committed")))
        };
        until_nothing_lacks(patience, lacks).await
    }

    /// Waits until the store has really removed the bucket: it answers first and removes afterwards.
    ///
    /// # Errors
    /// The bucket is still there after `patience`.
    pub async fn wait_until_bucket_is_removed(&self, patience: Duration) -> anyhow::Result<()> {
        let lacks = async || match self.client.get_bucket(self.bucket()).await {
            Err(error) if error.status() == ErrorCode::NotFound => Ok(None),
            Err(error) => Ok(Some(format!("the store says {error}"))),
            Ok(_) => Ok(Some("the bucket is still there".to_owned())),
        };
        until_nothing_lacks(patience, lacks).await
    }

    /// Counts the records by reading their heads.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn count_stored(&self) -> anyhow::Result<usize> {
        let mut count = 0;
        for entry in self.entries().await? {
            count += self.read_entry(&entry, 0, true).await?.len();
        }
        Ok(count)
    }

    fn command(&self, spec: &Spec) -> anyhow::Result<Command> {
        let config = self.folder.join(format!("{}.config.yaml", spec.name));
        let place = config::Place {
            sink: &self.topic.name,
            bootstrap: &self.bootstrap,
            store_url: &self.store.url,
            bucket: self.bucket.name(),
            token_file: &self.folder.join("token"),
        };
        std::fs::write(&config, config::yaml(&place, spec)?)?;
        let mut command = spec.command(&config)?;
        let members = self.folder.join("members");
        if members.exists() {
            command.arg("--members-file").arg(members);
        }
        Ok(command)
    }
}

/// Looks again and again until nothing lacks, and fails with what does after `patience`.
async fn until_nothing_lacks(
    patience: Duration,
    lacks: impl AsyncFn() -> anyhow::Result<Option<String>>,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + patience;
    while let Some(lack) = lacks().await? {
        ensure!(Instant::now() <= deadline, "{lack} after {patience:?}");
        sleep(GLANCE).await;
    }
    Ok(())
}

fn client(store: &StoreAddress) -> anyhow::Result<ReductClient> {
    Ok(ReductClient::builder().url(&store.url).api_token(&store.token).http1_only().try_build()?)
}

async fn free_port() -> anyhow::Result<u16> {
    Ok(tokio::net::TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port())
}
