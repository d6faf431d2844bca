//! Commits in the name of groups that have no members, over one connection to the only broker. IO: TCP.

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::TcpStream;

use super::commit_request::{Answer, decode, encode};

/// Requests that are under way at the same time.
const PIPELINE: usize = 50;

/// What one group commits.
pub(super) struct Commit {
    pub(super) group: String,
    pub(super) topic: String,
    /// Partitions and the offset behind the last message.
    pub(super) offsets: Vec<(i32, i64)>,
}

/// A connection to the broker, which coordinates all groups.
pub(super) struct GroupCommits {
    broker: BufStream<TcpStream>,
}

impl GroupCommits {
    pub(super) async fn connect(bootstrap: &str) -> anyhow::Result<Self> {
        let stream =
            TcpStream::connect(bootstrap).await.with_context(|| format!("connect to {bootstrap}"))?;
        Ok(Self { broker: BufStream::new(stream) })
    }

    /// Commits; returns how many groups have no coordinator yet.
    pub(super) async fn commit(&mut self, commits: &[Commit]) -> anyhow::Result<usize> {
        let mut waiting = 0;
        for some in commits.chunks(PIPELINE) {
            for Commit { group, topic, offsets } in some {
                self.broker.write_all(&encode(group, topic, offsets)?).await?;
            }
            self.broker.flush().await?;
            for commit in some {
                let answer = self.answer().await.with_context(|| format!("commit for {}", commit.group))?;
                waiting += usize::from(answer == Answer::NotYet);
            }
        }
        Ok(waiting)
    }

    async fn answer(&mut self) -> anyhow::Result<Answer> {
        let length = self.broker.read_i32().await?;
        let mut answer = vec![0; usize::try_from(length)?];
        self.broker.read_exact(&mut answer).await?;
        decode(&answer)
    }
}
