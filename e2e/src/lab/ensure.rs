//! What an integration test starts with: the address of a real part, brought up if it is not. IO: the environment, the
//! lab.
//!
//! Test programs may run side by side: the first brings the part up, the others wait. Nothing is stopped afterwards,
//! so tests use topics, buckets and namespaces of random names.

use std::env::var_os;

use anyhow::Context as _;

use super::parts::{self, Part};
use super::paths::Paths;
use super::state::{KafkaAddress, KubernetesAddress, State, StoreAddress};

/// Returns a Kafka: the one that `KAFKA_BOOTSTRAP` names, else the lab's.
///
/// # Errors
/// The lab's cannot be brought up.
pub async fn kafka() -> anyhow::Result<KafkaAddress> {
    if let Some(bootstrap) = variable("KAFKA_BOOTSTRAP") {
        return Ok(KafkaAddress { bootstrap });
    }
    of_lab(Part::Kafka, |state| state.kafka).await
}

/// Returns a store: the one that `REDUCT_URL` and `REDUCT_TOKEN` name, else the lab's.
///
/// # Errors
/// The lab's cannot be brought up.
pub async fn store() -> anyhow::Result<StoreAddress> {
    if let Some(url) = variable("REDUCT_URL") {
        return Ok(StoreAddress { url, token: variable("REDUCT_TOKEN").unwrap_or_default() });
    }
    of_lab(Part::Store, |state| state.store).await
}

/// Returns an API server: the lab's, whole cluster or not.
///
/// `KUBECONFIG` is deliberately not asked: on a developer's machine it often names a cluster that no test may touch.
///
/// # Errors
/// The lab's cannot be brought up.
pub async fn apiserver() -> anyhow::Result<KubernetesAddress> {
    of_lab(Part::Apiserver, |state| state.apiserver).await
}

async fn of_lab<A>(part: Part, address: impl Fn(State) -> Option<A>) -> anyhow::Result<A> {
    let paths = Paths::from_env()?;
    if let Some(running) = address(parts::running(&paths)) {
        return Ok(running);
    }
    let state = parts::up(&paths, &[part]).await?;
    address(state).with_context(|| format!("find {part:?} in the lab: it has ended at once"))
}

fn variable(name: &str) -> Option<String> {
    var_os(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty())
}
