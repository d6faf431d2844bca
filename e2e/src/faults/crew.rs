//! The members of a run's sink: started, asked for their counters, killed, replaced. IO: processes, HTTP.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use reqwest::Client;
use tokio::time::{Instant, sleep};

use super::tally::{Counters, Tally};
use crate::trial::{Member, Signal, Spec, World};

/// Longest wait for a process that was killed.
const KILL_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for the counters of a member; one that is starved of the processor answers late.
const ASK_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a member that starts is asked for its first stored record: finer than what is measured by far.
const GLANCE: Duration = Duration::from_millis(10);
/// Longest wait for the first stored record of a life.
const FIRST_RECORD_TIMEOUT: Duration = Duration::from_mins(1);

/// The members, by number.
pub struct Crew {
    posts: Vec<Post>,
    tally: Tally,
    client: Client,
}

/// A member's place: its name and port stay when it is replaced.
struct Post {
    spec: Spec,
    port: u16,
    pods: u32,
    member: Member,
    is_frozen: bool,
}

impl Crew {
    /// Starts so many members of a sink.
    ///
    /// # Errors
    /// One cannot be started.
    pub fn start(world: &World, count: u32, spec: &Spec) -> anyhow::Result<Self> {
        let posts = (0..count).map(|number| {
            let name = format!("m-{number}");
            let spec = Spec { name: name.clone(), ..spec.clone() }.uid(&format!("{name}-1"));
            let port = crate::lab::preflight::other_port()?;
            Ok(Post { member: world.start_at(&spec, port)?, spec, port, pods: 1, is_frozen: false })
        });
        let client = Client::builder().no_proxy().timeout(ASK_TIMEOUT).build()?;
        Ok(Self { posts: posts.collect::<anyhow::Result<_>>()?, tally: Tally::default(), client })
    }

    /// Returns how many there are.
    #[must_use]
    pub fn size(&self) -> usize {
        self.posts.len()
    }

    /// Returns the counters over all lives.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.tally.sum()
    }

    /// Asks every member for its counters; one that does not answer now is asked the next time.
    pub async fn ask(&mut self) {
        for post in self.posts.iter().filter(|post| !post.is_frozen) {
            if let Ok(counters) = counters(&self.client, &post.member).await {
                self.tally.take(&post.spec.name, counters);
            }
        }
    }

    /// Starts members again that ended by themselves, as the kubelet does; returns how each ended, in words.
    ///
    /// # Errors
    /// One cannot be started.
    pub fn revive(&mut self, world: &World) -> anyhow::Result<Vec<String>> {
        let mut ends = Vec::new();
        for post in &mut self.posts {
            let Some(ended) = post.member.ended()? else { continue };
            let last = ended.stderr.lines().next_back().unwrap_or_default().to_owned();
            ends.push(format!("{} ended by itself with {:?}: {last}", post.spec.name, ended.code));
            self.tally.end_life(&post.spec.name);
            post.member = world.start_at(&post.spec, post.port)?;
        }
        Ok(ends)
    }

    /// Kills a member after a last look at its counters.
    ///
    /// # Errors
    /// It survives.
    pub async fn kill(&mut self, number: usize) -> anyhow::Result<()> {
        self.ask().await;
        let post = self.posts.get_mut(number).context("find a member")?;
        post.member.stop(Signal::Kill, KILL_TIMEOUT)?;
        self.tally.end_life(&post.spec.name);
        Ok(())
    }

    /// Starts a killed member again: the same container, or another pod of the same name.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn again(&mut self, world: &World, number: usize, is_other_pod: bool) -> anyhow::Result<()> {
        let post = self.posts.get_mut(number).context("find a member")?;
        if is_other_pod {
            post.pods += 1;
            post.spec = post.spec.clone().uid(&format!("{}-{}", post.spec.name, post.pods));
        }
        post.member = world.start_at(&post.spec, post.port)?;
        Ok(())
    }

    /// Waits until the running life of a member has stored something.
    ///
    /// # Errors
    /// It stores nothing in time.
    pub async fn wait_for_first_record(&self, number: usize) -> anyhow::Result<()> {
        let member = &self.posts.get(number).context("find a member")?.member;
        let deadline = Instant::now() + FIRST_RECORD_TIMEOUT;
        while counters(&self.client, member).await.map_or(0, |counters| counters.stored) == 0 {
            if Instant::now() > deadline {
                bail!(
                    "nothing is stored {FIRST_RECORD_TIMEOUT:?} after the start, see {}",
                    member.log().display()
                );
            }
            sleep(GLANCE).await;
        }
        Ok(())
    }

    /// Stops a member where it stands.
    ///
    /// # Errors
    /// It has ended.
    pub fn freeze(&mut self, number: usize) -> anyhow::Result<()> {
        let post = self.posts.get_mut(number).context("find a member")?;
        post.is_frozen = true;
        post.member.freeze()
    }

    /// Lets a frozen member go on.
    ///
    /// # Errors
    /// It has ended.
    pub fn wake(&mut self, number: usize) -> anyhow::Result<()> {
        let post = self.posts.get_mut(number).context("find a member")?;
        post.is_frozen = false;
        post.member.wake()
    }

    /// Ends all members, as Kubernetes does.
    ///
    /// # Errors
    /// One does not end in time or ends with an error.
    pub fn stop(mut self, patience: Duration) -> anyhow::Result<()> {
        for post in &mut self.posts {
            let ended = post.member.stop(Signal::Terminate, patience)?;
            ensure!(
                ended.code == Some(0),
                "{} ended with {:?} when it was told to stop",
                post.spec.name,
                ended.code
            );
        }
        Ok(())
    }
}

async fn counters(client: &Client, member: &Member) -> anyhow::Result<Counters> {
    let answer = client.get(format!("{}/metrics", member.admin())).send().await?.error_for_status()?;
    Ok(Counters::read(&answer.text().await?))
}
