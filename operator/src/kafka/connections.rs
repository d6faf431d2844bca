//! IO: none. `Connections`: one shared admin client per distinct connection.

use std::sync::Arc;

use tokio::time::Instant;

use super::idle_cache::IdleCache;
use super::{KafkaAdmin, KafkaError};
use crate::model::KafkaConnection;

/// The admin clients in use.
#[derive(Default)]
pub(crate) struct Connections {
    clients: IdleCache<KafkaConnection, KafkaAdmin>,
}

impl Connections {
    /// Returns the client of a connection, made on first use.
    ///
    /// # Errors
    /// A property that librdkafka does not know or whose value it refuses.
    pub(crate) fn get(
        &self,
        connection: &KafkaConnection,
        now: Instant,
    ) -> Result<Arc<KafkaAdmin>, KafkaError> {
        let (admin, idle) = self.clients.get(connection, now, || KafkaAdmin::new(connection))?;
        if !idle.is_empty() {
            // Closing a client waits for its threads.
            drop(tokio::task::spawn_blocking(move || drop(idle)));
        }
        Ok(admin)
    }
}
