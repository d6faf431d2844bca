//! How the pipeline ends: its lanes are drained, what they have come to is committed, and the group is told. IO: the ports.

use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{info, warn};

use super::{Pipeline, PipelineError};
use crate::dead_letter::DeadLetters;
use crate::pipeline::lanes::Lanes;
use crate::record::TopicPartition;
use crate::registry::Registry;
use crate::source::{Commit, Source, SourceEvent};
use crate::writer::Writer;

impl<S: Source, W: Writer + Registry, D: DeadLetters> Pipeline<S, W, D> {
    pub(super) async fn finish(mut self, mut lanes: Lanes, leaves: bool) -> Result<(), PipelineError> {
        let partitions: Vec<TopicPartition> = lanes.working.keys().cloned().collect();
        info!(partitions = partitions.len(), leaves, "stopping");
        let deadline = Instant::now() + self.settings.drain_deadline;
        let mut revoked = Vec::new();
        let (commits, late) = {
            let draining = lanes.drain(&partitions, deadline);
            tokio::pin!(draining);
            loop {
                tokio::select! {
                    drained = &mut draining => break drained,
                    event = self.source.next() => revoked.extend(still_revoked(event)?),
                }
            }
        };
        for (taken, answer) in revoked {
            let last = commits.iter().filter(|commit| taken.contains(&commit.partition));
            if answer.send(last.cloned().collect()).is_err() {
                warn!("the time to commit for partitions that were taken away was over");
            }
        }
        self.source.close(commits, leaves).await.map_err(PipelineError::Close)?;
        if late > 0 {
            return Err(PipelineError::NotDrained { partitions: late });
        }
        Ok(())
    }
}

/// Partitions that are taken away, and who takes their last commits.
type Revocation = (Vec<TopicPartition>, oneshot::Sender<Vec<Commit>>);

/// Returns what must be answered although the member is stopping.
fn still_revoked(event: SourceEvent) -> Result<Option<Revocation>, PipelineError> {
    match event {
        SourceEvent::Revoking { partitions, answer } => Ok(Some((partitions, answer))),
        SourceEvent::Failed(error) => Err(PipelineError::Source(error)),
        SourceEvent::Joined
        | SourceEvent::Rebalanced { .. }
        | SourceEvent::Assigned(_)
        | SourceEvent::Lost(_)
        | SourceEvent::Committed(_)
        | SourceEvent::Ends(_)
        | SourceEvent::Bounded { .. }
        | SourceEvent::Inquired { .. }
        | SourceEvent::OffsetsExpired(_)
        | SourceEvent::Unstarted(_)
        | SourceEvent::LostToRetention { .. } => Ok(None),
    }
}
