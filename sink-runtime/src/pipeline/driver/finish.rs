//! How the pipeline ends: its lanes are drained, what they have come to is committed, and the group is told. IO: the ports.

use tokio::time::{Instant, sleep_until};
use tracing::info;

use super::{Pipeline, PipelineError, REVOKE_DEADLINE};
use crate::dead_letter::DeadLetters;
use crate::pipeline::lanes::Lanes;
use crate::record::TopicPartition;
use crate::registry::Registry;
use crate::source::{Source, SourceEvent};
use crate::writer::Writer;

impl<S: Source, W: Writer + Registry, D: DeadLetters> Pipeline<S, W, D> {
    pub(super) async fn finish(mut self, mut lanes: Lanes, leaves: bool) -> Result<(), PipelineError> {
        let partitions: Vec<TopicPartition> = lanes.working.keys().cloned().collect();
        info!(partitions = partitions.len(), leaves, "stopping");
        let deadline = Instant::now() + self.settings.drain_deadline;
        lanes.stop(&partitions, deadline);
        self.wait_for_the_end(&mut lanes, deadline).await?;
        let (commits, _late) = lanes.drain(&partitions, deadline).await;
        let late = lanes.late();
        self.source.close(commits, leaves).await.map_err(PipelineError::Close)?;
        if late > 0 {
            return Err(PipelineError::NotDrained { partitions: late });
        }
        Ok(())
    }

    /// Waits until all lanes have ended, no longer than to the deadline, and keeps in touch with the group: nothing is asked
    /// of the store without its word.
    async fn wait_for_the_end(&mut self, lanes: &mut Lanes, deadline: Instant) -> Result<(), PipelineError> {
        loop {
            tokio::select! {
                biased;
                () = lanes.have_ended() => return Ok(()),
                () = sleep_until(deadline) => return Ok(()),
                event = self.source.next() => self.take_at_the_end(event, lanes, deadline).await?,
                () = self.lease.wanted() => self.source.commit(lanes.renewals()).await,
            }
        }
    }

    async fn take_at_the_end(
        &self,
        event: SourceEvent,
        lanes: &mut Lanes,
        deadline: Instant,
    ) -> Result<(), PipelineError> {
        match event {
            SourceEvent::Revoking { partitions, answer } => {
                let deadline = deadline.min(Instant::now() + REVOKE_DEADLINE);
                self.revoke((&partitions, answer), lanes, deadline).await;
            }
            // Nothing of them may be committed any more, also if the group gives them back before the end.
            SourceEvent::Lost(partitions) => {
                for partition in &partitions {
                    lanes.retire(partition);
                    self.metrics.forget(partition);
                }
            }
            SourceEvent::Committed(commits) => self.committed(commits, lanes),
            SourceEvent::Failed(error) => return Err(PipelineError::Source(error)),
            SourceEvent::Joined
            | SourceEvent::Rebalanced { .. }
            | SourceEvent::Assigned(_)
            | SourceEvent::Ends(_)
            | SourceEvent::Bounded { .. }
            | SourceEvent::Inquired { .. }
            | SourceEvent::OffsetsExpired(_)
            | SourceEvent::Unstarted(_)
            | SourceEvent::LostToRetention { .. } => {}
        }
        Ok(())
    }
}
