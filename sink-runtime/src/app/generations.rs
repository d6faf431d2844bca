//! One pipeline after the other: changed credentials of Kafka take effect without a restart. IO: the pipelines.
//!
//! A pipeline whose credentials have changed is drained and closed as for a restart, without leaving the group, and the
//! next one takes its place under the same name: no partition of another member moves.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::error::AppError;
use super::renewal::Renewal;
use crate::dead_letter::DeadLetters;
use crate::kafka::{KafkaCredentials, Membership};
use crate::pipeline::{Health, Pipeline, PipelineError};
use crate::registry::Registry;
use crate::source::{Source, SourceError};
use crate::writer::Writer;

/// Makes pipelines and runs one at a time.
pub(super) struct Generations<B> {
    /// What the outside is told.
    pub(super) health: Arc<Health>,
    /// Tells when the next one is due.
    pub(super) renewal: Renewal,
    /// Makes one.
    pub(super) build: B,
}

impl<B> Generations<B> {
    /// Works until `stop`; `leaves` tells whether for good.
    ///
    /// # Errors
    /// A pipeline cannot be made or fails for good, or something was still under way at the last one's deadline.
    pub(super) async fn run<S: Source, W: Writer + Registry, D: DeadLetters>(
        self,
        (mut credentials, mut membership): (KafkaCredentials, Membership),
        stop: CancellationToken,
        leaves: impl Fn() -> bool,
    ) -> Result<(), AppError>
    where
        B: AsyncFn(&KafkaCredentials, &Membership) -> Result<Pipeline<S, W, D>, AppError>,
    {
        let first_writer = membership.writer_id.clone();
        let mut generation = 1_u64;
        loop {
            let pipeline = tokio::select! {
                built = (self.build)(&credentials, &membership) => built?,
                // Brokers that do not answer may do so by these.
                renewed = self.renewal.next(&credentials) => {
                    info!(generation, "the credentials of kafka have changed before the brokers answered");
                    credentials = renewed;
                    continue;
                }
                () = stop.cancelled() => return Ok(()),
            };
            let turn = stop.child_token();
            let working = pipeline.run(turn.clone(), || stop.is_cancelled() && leaves());
            tokio::pin!(working);
            let renewed = tokio::select! {
                ended = &mut working => return ended.map_err(AppError::Pipeline),
                renewed = self.renewal.next(&credentials) => renewed,
            };
            info!(generation, "the credentials of kafka have changed, the consumer is built anew");
            turn.cancel();
            let ended = working.await;
            if stop.is_cancelled() {
                return ended.map_err(AppError::Pipeline);
            }
            match ended {
                Ok(()) => {}
                Err(error) if is_unfinished(&error) => {
                    warn!(%error, "the last consumer did not finish, what it had under way is waited for and read again");
                    // By another name its partitions are taken as from another member: not before its requests end.
                    membership.writer_id = format!("{first_writer}.{generation}");
                }
                Err(error) => return Err(AppError::Pipeline(error)),
            }
            self.health.set_left();
            credentials = renewed;
            generation += 1;
        }
    }
}

/// Tells whether a pipeline ended well but for what the next one does again.
fn is_unfinished(error: &PipelineError) -> bool {
    match error {
        PipelineError::NotDrained { .. } | PipelineError::Close(SourceError::NotCommitted { .. }) => true,
        PipelineError::Source(_)
        | PipelineError::Close(
            SourceError::Fatal { .. } | SourceError::Outgrown { .. } | SourceError::Ended,
        )
        | PipelineError::LaneEnded { .. } => false,
    }
}
