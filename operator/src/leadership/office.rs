//! Pure but for the tasks it starts. Runs the work only while this process leads.

use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use super::campaign::{Campaign, Standing};
use super::decision::Loss;

/// Why the work ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OfficeError {
    /// Another may lead.
    #[error("failed to stay the leader")]
    Lost(#[source] Loss),
    /// The campaign's task ended.
    #[error("failed to run the campaign")]
    Campaign(#[source] JoinError),
}

/// Stands by until this process leads, then does the work; `stop` ends the standing by, the work must see to it itself.
///
/// # Errors
/// Leadership is lost. What the work has under way is dropped where it stands; the process must end.
pub(crate) async fn hold(
    campaign: Campaign,
    work: impl Future<Output = ()>,
    stop: CancellationToken,
) -> Result<(), OfficeError> {
    let done = CancellationToken::new();
    let mut standing = campaign.standing();
    let mut campaign = tokio::spawn(campaign.run(done.clone()));
    let election = standing.wait_for(|standing| *standing == Standing::Leads);
    let elected = tokio::select! {
        won = election => won.is_ok(),
        () = stop.cancelled() => false,
    };
    if elected {
        tokio::select! {
            ended = &mut campaign => return outcome(ended),
            () = work => {}
        }
    }
    done.cancel();
    outcome(campaign.await)
}

fn outcome(ended: Result<Result<(), Loss>, JoinError>) -> Result<(), OfficeError> {
    ended.map_err(OfficeError::Campaign)?.map_err(OfficeError::Lost)
}
