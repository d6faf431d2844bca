//! IO: none. `Stores`: one shared client per distinct store and token.
//!
//! A client keeps a pool of connections and its own copy of the system's authorities, which take longer to load than
//! most requests; one that nobody asked for during [`IDLE_MAX`] is dropped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::error::{Credential, StoreError};
use super::store::Store;
use crate::model::{StoreConnection, Token};

/// Longer than a healthy sink's pause between two looks.
const IDLE_MAX: Duration = Duration::from_mins(10);

/// The clients in use.
#[derive(Default)]
pub(crate) struct Stores {
    clients: Mutex<HashMap<Key, Shared>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    url: String,
    token: Option<Token>,
    authorities: Option<String>,
    credential: Credential,
}

struct Shared {
    store: Arc<Store>,
    used: Instant,
}

impl Stores {
    /// Returns a client with the runtime's token.
    ///
    /// # Errors
    /// The URL is none.
    pub(crate) fn get(&self, connection: &StoreConnection, now: Instant) -> Result<Arc<Store>, StoreError> {
        let credential = if connection.token.is_some() { Credential::Token } else { Credential::None };
        self.shared(key(connection, connection.token.as_ref(), credential), now)
    }

    /// Returns a client that may manage buckets, where there is one: with the admin token, or without any token.
    ///
    /// # Errors
    /// The URL is none.
    pub(crate) fn admin(
        &self,
        connection: &StoreConnection,
        now: Instant,
    ) -> Result<Option<Arc<Store>>, StoreError> {
        let credential = match (&connection.admin_token, &connection.token) {
            (Some(_), _) => Credential::AdminToken,
            (None, None) => Credential::None,
            (None, Some(_)) => return Ok(None),
        };
        self.shared(key(connection, connection.admin_token.as_ref(), credential), now).map(Some)
    }

    fn shared(&self, key: Key, now: Instant) -> Result<Arc<Store>, StoreError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = clients.get_mut(&key) {
            shared.used = now;
            return Ok(Arc::clone(&shared.store));
        }
        clients.retain(|_, shared| now.duration_since(shared.used) < IDLE_MAX);
        let store =
            Arc::new(Store::new(&key.url, key.token.as_ref(), key.authorities.as_deref(), key.credential)?);
        clients.insert(key, Shared { store: Arc::clone(&store), used: now });
        Ok(store)
    }
}

fn key(connection: &StoreConnection, token: Option<&Token>, credential: Credential) -> Key {
    Key {
        url: connection.url.clone(),
        token: token.cloned(),
        authorities: connection.authorities.clone(),
        credential,
    }
}
