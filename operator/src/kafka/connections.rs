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
    /// Returns the client of a connection, made on first use, and made anew where it has reached no broker for a while: one that
    /// was told that there are none never finds one again (<https://github.com/confluentinc/librdkafka/issues/5301>).
    ///
    /// # Errors
    /// A property that librdkafka does not know or whose value it refuses.
    pub(crate) fn get(
        &self,
        connection: &KafkaConnection,
        now: Instant,
    ) -> Result<Arc<KafkaAdmin>, KafkaError> {
        let is_worn = |admin: &KafkaAdmin| admin.is_worn(now);
        let (admin, ended) = self.clients.get(connection, now, is_worn, || KafkaAdmin::new(connection))?;
        if !ended.is_empty() {
            // Closing a client waits for its threads.
            drop(tokio::task::spawn_blocking(move || drop(ended)));
        }
        Ok(admin)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kafkasink_crds::runtime_config::SaslMechanism;
    use tokio::time::Instant;

    use super::{Connections, KafkaConnection};
    use crate::model::{KafkaCredentials, Sasl, Token};

    #[tokio::test]
    async fn a_password_that_was_mended_makes_another_client() {
        let (connections, now) = (Connections::default(), Instant::now());
        let client = |password: &str| {
            let (mechanism, username) = (SaslMechanism::ScramSha512, "cameras".to_owned());
            let sasl = Sasl { mechanism, username, password: Token::new(password) };
            let connection = KafkaConnection {
                bootstrap_servers: vec!["127.0.0.1:9".to_owned()],
                properties: [].into(),
                credentials: KafkaCredentials { tls: None, sasl: Some(sasl) },
            };
            connections.get(&connection, now).unwrap()
        };
        let wrong = client("wrong");
        assert!(Arc::ptr_eq(&wrong, &client("wrong")));
        assert!(!Arc::ptr_eq(&wrong, &client("right")));
    }
}
