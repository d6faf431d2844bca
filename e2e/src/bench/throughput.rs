//! A backlog moved as fast as it goes, by one contender or by many sinks. IO: processes, Kafka, store.

use std::time::Duration;

use anyhow::Context as _;
use tokio::process::Command;
use tokio::time::Instant;

use super::bare::ALLOCATOR;
use super::bucket::Bucket;
use super::case::{Case, Contender, Load, PARTITIONS, SINKS};
use super::child::Child;
use super::python::{BATCHED, GUIDE, Libraries};
use super::row::{Row, Run};
use super::sampler::watch;
use super::samples::{self, Sample};
use super::sink::Sink;
use super::stage::Stage;
use super::topic::Topic;

/// Longest wait for a contender to begin, and to finish.
const BEGIN_TIMEOUT: Duration = Duration::from_mins(1);
const FINISH_TIMEOUT: Duration = Duration::from_mins(20);

/// One contender that moves one topic.
pub(super) struct Turn<'a> {
    pub(super) stage: &'a Stage,
    pub(super) libraries: Option<&'a Libraries>,
    pub(super) topic: &'a Topic,
    pub(super) case: Case,
    pub(super) contender: Contender,
    pub(super) load: Load,
}

impl Turn<'_> {
    /// Moves the messages into a bucket of its own and counts what is there afterwards.
    pub(super) async fn run(&self) -> anyhow::Result<Run> {
        let bucket = Bucket::create(self.stage).await?;
        let run = match self.contender {
            Contender::Kafkasink => {
                let samples = sample(self.stage, &[self.topic], &bucket, self.load).await?;
                samples::run(&samples, self.case, self.load).context("find the end of the run")?
            }
            Contender::Bare | Contender::BareUnlabelled => self.child(self.bare(&bucket)).await?,
            Contender::PythonGuide => self.child(self.python(GUIDE, &bucket)?).await?,
            Contender::PythonBatched => self.child(self.python(BATCHED, &bucket)?).await?,
        };
        bucket.expect_records(self.load.messages).await.with_context(|| self.contender.name())?;
        bucket.remove(self.stage).await?;
        Ok(run)
    }

    async fn child(&self, command: Command) -> anyhow::Result<Run> {
        let (case, contender) = (self.case.name(), self.contender.name());
        let mut child = Child::start(command, &self.stage.log_file(contender))?;
        child.wait_for_word("reading", BEGIN_TIMEOUT).await.context(contender)?;
        let (start, store_before) = (Instant::now(), self.stage.store_usage()?);
        child.wait_for_word("stored", FINISH_TIMEOUT).await.context(contender)?;
        let seconds = start.elapsed().as_secs_f64();
        let (used, store) = (child.usage()?, self.stage.store_usage()?);
        child.release().await.context(contender)?;
        let row = Row {
            case,
            contender,
            messages: self.load.messages,
            bytes: self.load.bytes(),
            seconds,
            cpu_seconds: used.cpu_seconds,
            store_cpu_seconds: store.cpu_seconds - store_before.cpu_seconds,
            rss_bytes: used.rss_peak_bytes,
        };
        Ok(Run { row, committed_seconds: None })
    }

    fn bare(&self, bucket: &Bucket) -> Command {
        let mut command = Command::new(self.stage.programs.join("bench"));
        command.envs(ALLOCATOR);
        command.args(["bare", "--bootstrap", &self.stage.bootstrap, "--topic", &self.topic.name]);
        command.args(["--partitions", &PARTITIONS.to_string(), "--bucket", &bucket.name]);
        command.args(["--url", &self.stage.store.url, "--token", &self.stage.store.token]);
        if self.contender == Contender::BareUnlabelled {
            command.arg("--without-labels");
        }
        command
    }

    fn python(&self, script: &str, bucket: &Bucket) -> anyhow::Result<Command> {
        let mut command = self.libraries.context("Python's libraries are not installed")?.command(script)?;
        command.args([&self.stage.bootstrap, &self.topic.name, &self.load.messages.to_string()]);
        command.args([&self.stage.store.url, &self.stage.store.token, &bucket.name]);
        Ok(command)
    }
}

/// Lets as many sinks as there are topics move them into one bucket, and returns what was seen meanwhile.
pub(super) async fn sample(
    stage: &Stage,
    topics: &[&Topic],
    bucket: &Bucket,
    load: Load,
) -> anyhow::Result<Vec<Sample>> {
    let start = |(number, topic): (u16, &&Topic)| Sink::start(stage, number, topic, bucket, None);
    let mut sinks: Vec<Sink> = (0..).zip(topics).map(start).collect::<anyhow::Result<_>>()?;
    let samples = watch(stage, &mut sinks, load.messages).await?;
    for sink in sinks {
        sink.stop().await?;
    }
    Ok(samples)
}

/// The topics of many sinks.
pub(super) struct Crowd(Vec<Topic>);

impl Crowd {
    /// Fills a topic for each sink with its part of the load.
    pub(super) async fn gather(stage: &Stage, load: Load) -> anyhow::Result<Self> {
        let mut topics = Vec::new();
        for _ in 0..SINKS {
            topics.push(Topic::filled(&stage.bootstrap, load.part(SINKS)).await?);
        }
        Ok(Self(topics))
    }

    /// Lets all sinks work at once.
    pub(super) async fn run(&self, stage: &Stage, load: Load) -> anyhow::Result<Run> {
        let all = Load { messages: load.part(SINKS).messages * SINKS, ..load };
        let bucket = Bucket::create(stage).await?;
        let topics: Vec<&Topic> = self.0.iter().collect();
        let samples = sample(stage, &topics, &bucket, all).await?;
        bucket.expect_records(all.messages).await.context("8 sinks")?;
        bucket.remove(stage).await?;
        samples::run(&samples, Case::EightSinks, all).context("find the end of the run")
    }

    /// Deletes the topics.
    pub(super) async fn delete(self) -> anyhow::Result<()> {
        for topic in self.0 {
            topic.delete().await?;
        }
        Ok(())
    }
}
