//! IO: none. `Connections`: one shared admin client per distinct connection.
//!
//! A client keeps threads and sockets, so sinks on the same cluster share one; a client that nobody asked for
//! during [`IDLE_MAX`] is dropped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{KafkaAdmin, KafkaError};
use crate::model::KafkaConnection;

/// Longer than a healthy sink's pause between two looks.
const IDLE_MAX: Duration = Duration::from_mins(10);

/// The admin clients in use.
#[derive(Default)]
pub(crate) struct Connections {
    clients: Mutex<HashMap<KafkaConnection, Shared>>,
}

struct Shared {
    admin: Arc<KafkaAdmin>,
    used: Instant,
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
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = clients.get_mut(connection) {
            shared.used = now;
            return Ok(Arc::clone(&shared.admin));
        }
        let idle: Vec<_> =
            clients.extract_if(|_, shared| now.duration_since(shared.used) >= IDLE_MAX).collect();
        if !idle.is_empty() {
            // Closing a client waits for its threads.
            drop(tokio::task::spawn_blocking(move || drop(idle)));
        }
        let admin = Arc::new(KafkaAdmin::new(connection)?);
        clients.insert(connection.clone(), Shared { admin: Arc::clone(&admin), used: now });
        Ok(admin)
    }
}
