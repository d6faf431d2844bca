//! IO: Kubernetes. Waits until resources of a scope may be listed. One that refuses us is told of, and holds up no other.

use std::sync::Arc;
use std::time::Duration;

use kafkasink_crds::resource::KafkaSink;
use kube::Client;
use kube::api::ListParams;

use super::scope::Scope;
use crate::kubernetes::call;
use crate::metrics::Metrics;
use crate::telemetry::chain;

/// How often it is asked whether the definition has come.
const DEFINITION_PAUSE: Duration = Duration::from_secs(2);

/// How often it is asked where the API server refuses us: somebody must grant the right first.
const REFUSED_PAUSE: Duration = Duration::from_secs(10);

/// Waits until the API server serves `KafkaSink`s and lets us list them.
///
/// The controller's own cache is not asked whether it is filled: of two tasks that wait for that only one is woken,
/// and the other one is the controller.
pub(super) async fn until_listed(client: Client, scope: Scope, metrics: Arc<Metrics>) {
    let (sinks, one) = (scope.api::<KafkaSink>(&client), ListParams::default().limit(1));
    metrics.watches(scope.namespace(), false);
    let mut told = String::new();
    loop {
        let (news, pause) = match call("list kafkasinks", sinks.list_metadata(&one)).await {
            Ok(_) => break,
            Err(error) if error.is_not_found() => {
                ("the definition kafkasinks.kafkasink.dev is not installed".to_owned(), DEFINITION_PAUSE)
            }
            Err(error) => (chain(&error), REFUSED_PAUSE),
        };
        if news != told {
            tracing::warn!(%scope, reason = news, "cannot watch kafkasinks here, tries again and serves the others");
            told = news;
        }
        tokio::time::sleep(pause).await;
    }
    metrics.watches(scope.namespace(), true);
}
