//! IO: through the controller and the campaign. What a running operator goes through: it waits for the definition, for its
//! turn to lead, and then reconciles.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::admin::Awaited;
use crate::context::Context;
use crate::controller::{self, Watch};
use crate::leadership::{Campaign, OfficeError, Standing, hold};
use crate::metrics::Metrics;

/// Works until `stop`; without a campaign it shares its work with no other. It is ready when it leads or stands by: a new
/// operator could not become ready beside the old one otherwise, and a rollout would never end.
///
/// # Errors
/// Leadership is lost; the process must end.
pub(crate) async fn run(
    context: Arc<Context>,
    watch: &Watch,
    campaign: Option<Campaign>,
    awaiting: watch::Sender<Awaited>,
    stop: CancellationToken,
) -> Result<(), OfficeError> {
    awaiting.send_replace(Some("the CustomResourceDefinition kafkasinks.kafkasink.dev"));
    let defined = stop.run_until_cancelled(controller::until_defined(&context, watch)).await;
    if defined.is_none() {
        return Ok(());
    }
    let metrics = Arc::clone(&context.metrics);
    let work = controller::run(context, watch, stop.clone());
    let Some(campaign) = campaign else {
        awaiting.send_replace(None);
        metrics.leads(true);
        work.await;
        return Ok(());
    };
    awaiting.send_replace(Some("a look at the Lease"));
    tokio::spawn(tell(campaign.standing(), awaiting, metrics));
    hold(campaign, work, stop).await
}

/// Tells where the campaign stands, until it ends.
async fn tell(
    mut standing: watch::Receiver<Standing>,
    awaiting: watch::Sender<Awaited>,
    metrics: Arc<Metrics>,
) {
    while standing.changed().await.is_ok() {
        let now = standing.borrow_and_update().clone();
        metrics.leads(now == Standing::Leads);
        if now != Standing::Unknown {
            awaiting.send_replace(None);
        }
    }
    metrics.leads(false);
}
