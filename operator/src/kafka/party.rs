//! Pure. `Party`: who talks to which brokers, as far as messages may tell it.

use crate::model::{KafkaConnection, KafkaCredentials};

/// Who talks to which brokers; no secret is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Party {
    /// The brokers, as the resource names them.
    pub(super) servers: String,
    /// Who that is to the brokers.
    pub(super) who: String,
    /// User and mechanism.
    pub(super) user: Option<(String, &'static str)>,
    /// Whether TLS is spoken.
    pub(super) has_tls: bool,
    /// Whether a certificate is shown.
    pub(super) has_certificate: bool,
}

impl Party {
    /// Returns who talks by a connection.
    pub(super) fn of(connection: &KafkaConnection) -> Self {
        let KafkaCredentials { tls, sasl } = &connection.credentials;
        Self {
            servers: connection.bootstrap_servers.join(","),
            who: connection.credentials.who(),
            user: sasl.as_ref().map(|sasl| (sasl.username.clone(), sasl.mechanism.as_str())),
            has_tls: tls.is_some(),
            has_certificate: tls.as_ref().is_some_and(|tls| tls.certificate.is_some()),
        }
    }
}
