//! Pure. By what a sink and its servers know each other: the values, and where pods find them.

use std::path::PathBuf;

use jiff::Timestamp;
use kafkasink_crds::resource::{CaSource, KeyRef};
use kafkasink_crds::runtime_config::SaslMechanism;

use super::Token;

/// By what the sink and the brokers know each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct KafkaCredentials {
    /// Absent: plaintext.
    pub(crate) tls: Option<KafkaTls>,
    /// Absent: no authentication by SASL.
    pub(crate) sasl: Option<Sasl>,
}

impl KafkaCredentials {
    /// Returns who the brokers know by them, for messages.
    pub(crate) fn who(&self) -> String {
        let has_certificate = self.tls.as_ref().is_some_and(|tls| tls.certificate.is_some());
        match &self.sasl {
            Some(sasl) => format!("user {}", sasl.username),
            None if has_certificate => "the owner of kafka.tls.clientCertificate".to_owned(),
            None => "the client without credentials".to_owned(),
        }
    }
}

/// TLS to the brokers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct KafkaTls {
    /// Who signs the brokers' certificates, in PEM; absent: the authorities of the system.
    pub(crate) authorities: Option<String>,
    /// What the sink shows.
    pub(crate) certificate: Option<Certificate>,
}

/// A certificate and its private key, in PEM.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Certificate {
    /// The certificate and what links it to its authority.
    pub(crate) chain: String,
    /// Its private key.
    pub(crate) private_key: Token,
}

/// User and password.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sasl {
    /// How they are shown.
    pub(crate) mechanism: SaslMechanism,
    /// The user.
    pub(crate) username: String,
    /// The password.
    pub(crate) password: Token,
}

/// When a certificate or a token ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// There is none, or it is valid for ever.
    Never,
    /// Then.
    At(Timestamp),
    /// Whoever shows it could not be seen.
    Unseen,
}

impl End {
    /// Returns the end of what was seen.
    pub(crate) fn seen(end: Option<Timestamp>) -> Self {
        end.map_or(Self::Never, Self::At)
    }
}

/// One key of a Secret or a `ConfigMap` that pods see as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MountedKey {
    /// Where it stands.
    pub(crate) source: KeySource,
    /// Name of the file.
    pub(crate) file: &'static str,
}

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// In a Secret.
    Secret(KeyRef),
    /// In a `ConfigMap`.
    ConfigMap(KeyRef),
}

impl KeySource {
    /// Returns where authorities stand; `None` where the resource names neither, which admission refuses.
    pub(crate) fn of(source: &CaSource) -> Option<Self> {
        let secret = source.secret_key_ref.clone().map(Self::Secret);
        secret.or_else(|| source.config_map_key_ref.clone().map(Self::ConfigMap))
    }
}

/// The folder of these files inside the pods.
const FOLDER: &str = "/etc/kafkasink-credentials";

impl MountedKey {
    /// The folder of these files inside the pods.
    pub(crate) const FOLDER: &str = FOLDER;
    /// The store's token.
    pub(crate) const STORE_TOKEN: &str = "reductstore-token";
    /// The store's authorities.
    pub(crate) const STORE_CA: &str = "reductstore-ca.crt";
    /// The brokers' authorities.
    pub(crate) const KAFKA_CA: &str = "kafka-ca.crt";
    /// The certificate that is shown to the brokers.
    pub(crate) const KAFKA_CERTIFICATE: &str = "kafka-client.crt";
    /// Its private key.
    pub(crate) const KAFKA_PRIVATE_KEY: &str = "kafka-client.key";
    /// The user's name.
    pub(crate) const KAFKA_USERNAME: &str = "kafka-username";
    /// The user's password.
    pub(crate) const KAFKA_PASSWORD: &str = "kafka-password";

    /// Returns a key of a Secret as a file.
    pub(crate) fn secret(key: &KeyRef, file: &'static str) -> Self {
        Self { source: KeySource::Secret(key.clone()), file }
    }

    /// Returns where pods find a file of this name.
    pub(crate) fn path(file: &str) -> PathBuf {
        PathBuf::from(FOLDER).join(file)
    }
}
