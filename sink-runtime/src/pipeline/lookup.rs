//! Answers what the source wants to know of the registry before partitions can begin. IO: store.

use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::sync::oneshot;
use tokio::time::sleep;
use tracing::{debug, warn};

use crate::record::Entry;
use crate::registry::{Owner, Registry, TopicRecord};
use crate::retry::RetryForever;

/// Reads what is kept of a topic until the store has answered, or nobody waits any more. What a foreign owner keeps is
/// no business of the source: before anything is written, the partition's lane will find it and say whose it is.
pub(super) async fn look_up(
    registry: &impl Registry,
    home: &Entry,
    owner: &Owner,
    mut answer: oneshot::Sender<Option<TopicRecord>>,
) {
    let (mut retry, mut random) = (RetryForever::default(), SmallRng::from_rng(&mut rand::rng()));
    let known = loop {
        match registry.topic(home).await {
            Ok(known) => break known,
            Err(error) if retry.attempts().is_power_of_two() => {
                warn!(topic = owner.topic, %error, "cannot read what is known of a topic, it is tried again");
            }
            Err(_) => {}
        }
        tokio::select! {
            () = answer.closed() => return,
            () = sleep(retry.pause(&mut random)) => {}
        }
    };
    let is_waited_for = answer.send(known.filter(|known| known.owner.is_same(owner))).is_ok();
    debug!(topic = owner.topic, is_waited_for, "told what is known of a topic");
}
