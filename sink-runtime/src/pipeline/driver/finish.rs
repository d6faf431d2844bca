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
        let late_taken = self.wait_for_the_end(&mut lanes, deadline).await?;
        let (commits, late) = lanes.drain(&partitions, deadline).await;
        self.source.close(commits, leaves).await.map_err(PipelineError::Close)?;
        if late + late_taken > 0 {
            return Err(PipelineError::NotDrained { partitions: late + late_taken });
        }
        Ok(())
    }

    /// Waits until all lanes have ended, no longer than to the deadline, and keeps in touch with the group: nothing is asked
    /// of the store without its word. Returns how many partitions that it took away meanwhile had a request under way
    /// when the time for that was over.
    async fn wait_for_the_end(
        &mut self,
        lanes: &mut Lanes,
        deadline: Instant,
    ) -> Result<usize, PipelineError> {
        let mut late = 0;
        loop {
            tokio::select! {
                biased;
                () = lanes.have_ended() => return Ok(late),
                () = sleep_until(deadline) => return Ok(late),
                event = self.source.next() => late += self.take_at_the_end(event, lanes, deadline).await?,
                () = self.lease.wanted() => self.source.commit(lanes.renewals()).await,
            }
        }
    }

    async fn take_at_the_end(
        &self,
        event: SourceEvent,
        lanes: &mut Lanes,
        deadline: Instant,
    ) -> Result<usize, PipelineError> {
        match event {
            SourceEvent::Revoking { partitions, answer } => {
                let deadline = deadline.min(Instant::now() + REVOKE_DEADLINE);
                return Ok(self.revoke((&partitions, answer), lanes, deadline).await);
            }
            // Nothing can be committed for them any more, so there is nothing to prove.
            SourceEvent::Lost(partitions) => lanes.stop(&partitions, Instant::now()),
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
        Ok(0)
    }
}
