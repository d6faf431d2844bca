//! One run's own store, broker and members, and what is done to them. IO: processes, files.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::time::{Instant, sleep};

use super::crew::Crew;
use super::part::Part;
use super::scenario::Fault;
use super::tally::Counters;
use super::tear;
use crate::trial::World;

/// How often members are asked for their counters, and whether everything still runs.
const GLANCE: Duration = Duration::from_millis(250);
/// How long a killed process stays away, in seconds.
const ABSENCE: std::ops::Range<f64> = 0.0..1.5;
/// How long a member is frozen, in seconds: longer than its session of 30 s.
const FREEZE: std::ops::Range<f64> = 32.0..45.0;
/// One of so many killed members comes back as another pod.
const OTHER_POD_SHARE: u32 = 4;

/// Parts of one run.
pub struct Arena {
    /// The topic, the bucket and the folder.
    pub world: World,
    /// The members.
    pub crew: Crew,
    store: Part,
    broker: Option<Part>,
    random: StdRng,
    diary: Diary,
    is_timed: bool,
    restart_seconds: Vec<f64>,
    mishaps: Vec<String>,
}

/// What was done when, in a file.
struct Diary {
    file: File,
    begun: Instant,
}

impl Arena {
    /// Puts the parts of a run together; its diary is `faults.log` in `folder`.
    ///
    /// # Errors
    /// The diary cannot be written.
    pub fn new(
        folder: &Path,
        (world, crew): (World, Crew),
        (store, broker): (Part, Option<Part>),
        random: StdRng,
    ) -> anyhow::Result<Self> {
        let file = File::create(folder.join("faults.log")).context("create the diary")?;
        let diary = Diary { file, begun: Instant::now() };
        let (restart_seconds, mishaps) = (Vec::new(), Vec::new());
        Ok(Self { world, crew, store, broker, random, diary, is_timed: false, restart_seconds, mishaps })
    }

    /// Measures from now on how long a killed member takes to store its first record.
    #[must_use]
    pub fn timed(self) -> Self {
        Self { is_timed: true, ..self }
    }

    /// Returns what members have counted over all their lives.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.crew.counters()
    }

    /// Returns how long each killed member took to store its first record, where that was measured.
    #[must_use]
    pub fn restart_seconds(&self) -> &[f64] {
        &self.restart_seconds
    }

    /// Returns what ended without being killed, in words.
    #[must_use]
    pub fn mishaps(&self) -> &[String] {
        &self.mishaps
    }

    /// Does something to a part and lets it come back.
    ///
    /// # Errors
    /// A process survives, or does not start.
    pub async fn inject(&mut self, fault: Fault) -> anyhow::Result<()> {
        self.diary.note(&format!("{fault:?}"))?;
        match fault {
            Fault::KillStore => self.kill_store(false).await,
            Fault::TearLog => self.kill_store(true).await,
            Fault::KillMember => self.kill_member().await,
            Fault::KillBroker => self.kill_broker().await,
            Fault::Freeze => self.freeze().await,
        }
    }

    /// Watches over the run for a while: counters are read, what ended by itself is started again.
    ///
    /// # Errors
    /// Something cannot be started.
    pub async fn watch(&mut self, duration: Duration) -> anyhow::Result<()> {
        let until = Instant::now() + duration;
        while Instant::now() < until {
            self.look().await?;
            sleep(GLANCE.min(until.saturating_duration_since(Instant::now()))).await;
        }
        Ok(())
    }

    /// Watches over the run until everything that was produced is committed.
    ///
    /// # Errors
    /// It is not within `patience`, or something cannot be started.
    pub async fn drain(&mut self, produced: u64, patience: Duration) -> anyhow::Result<()> {
        self.diary.note(&format!("drain {produced} messages"))?;
        let deadline = Instant::now() + patience;
        loop {
            self.look().await?;
            let committed = self.world.topic.committed().await;
            if committed.as_ref().is_ok_and(|committed| u64::try_from(*committed) == Ok(produced)) {
                return self.diary.note("drained");
            }
            if Instant::now() > deadline {
                anyhow::bail!(
                    "of {produced} messages {committed:?} are committed {patience:?} after the last fault"
                );
            }
            sleep(GLANCE).await;
        }
    }

    /// Waits until the store and the broker answer.
    ///
    /// # Errors
    /// One ends or does not answer in time.
    pub async fn ready(&self) -> anyhow::Result<()> {
        for part in std::iter::once(&self.store).chain(&self.broker) {
            part.ready().await?;
        }
        Ok(())
    }

    async fn look(&mut self) -> anyhow::Result<()> {
        self.crew.ask().await;
        let mut ends = self.crew.revive(&self.world)?;
        for part in std::iter::once(&mut self.store).chain(&mut self.broker) {
            if !part.runs() {
                ends.push(format!("the {} ended by itself", part.name()));
                part.again().await?;
            }
        }
        for end in ends {
            self.diary.note(&end)?;
            self.mishaps.push(end);
        }
        Ok(())
    }

    async fn kill_store(&mut self, is_torn: bool) -> anyhow::Result<()> {
        self.crew.ask().await;
        self.store.kill().await?;
        if is_torn {
            for log in tear::tear(&self.store.data(), &mut self.random)? {
                self.diary.note(&format!("tore {}", log.display()))?;
            }
        }
        self.stay_away().await;
        self.store.again().await
    }

    async fn kill_broker(&mut self) -> anyhow::Result<()> {
        let broker = self.broker.as_mut().context("the broker of this run is not its own")?;
        broker.kill().await?;
        broker.again().await?;
        broker.ready().await
    }

    async fn kill_member(&mut self) -> anyhow::Result<()> {
        let number = self.random.random_range(0..self.crew.size());
        let is_other_pod = !self.is_timed && self.random.random_ratio(1, OTHER_POD_SHARE);
        self.crew.kill(number).await?;
        let killed = Instant::now();
        if !self.is_timed {
            self.stay_away().await;
        }
        self.crew.again(&self.world, number, is_other_pod)?;
        self.diary.note(&format!("member {number} is back, another pod: {is_other_pod}"))?;
        if self.is_timed {
            self.crew.wait_for_first_record(number).await?;
            self.restart_seconds.push(killed.elapsed().as_secs_f64());
        }
        Ok(())
    }

    async fn freeze(&mut self) -> anyhow::Result<()> {
        let number = self.random.random_range(0..self.crew.size());
        let duration = Duration::from_secs_f64(self.random.random_range(FREEZE));
        self.crew.freeze(number)?;
        self.watch(duration).await?;
        self.diary.note(&format!("wake member {number} after {duration:?}"))?;
        self.crew.wake(number)
    }

    async fn stay_away(&mut self) {
        sleep(Duration::from_secs_f64(self.random.random_range(ABSENCE))).await;
    }
}

impl Diary {
    fn note(&mut self, what: &str) -> anyhow::Result<()> {
        let (at, seconds) = (jiff::Timestamp::now(), self.begun.elapsed().as_secs_f64());
        writeln!(self.file, "{at:.3} {seconds:9.3} {what}").context("write the diary")
    }
}
