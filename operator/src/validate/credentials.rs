//! Pure. The values that a resource refers to, and which of them become files of the pods.

use kafkasink_crds::resource::{CaSource, KafkaSinkSpec, KafkaSpec, Reason};
use kafkasink_crds::runtime_config::{AuthenticationConfig, KafkaTlsConfig};

use crate::model::{
    Certificate, Fetched, KafkaCredentials, KafkaTls, KeySource, MountedKey, Problem, Sasl, SecretValue,
    Token,
};

/// Returns by what the brokers and the sink know each other. Values that were not looked up are left out.
///
/// # Errors
/// A value that the resource refers to is not there.
pub(super) fn kafka(spec: &KafkaSpec, fetched: &Fetched) -> Result<KafkaCredentials, Problem> {
    let values = &fetched.kafka;
    let authorities = text("kafka.tls.caFrom", &values.ca)?;
    let chain = text("kafka.tls.clientCertificate", &values.certificate)?;
    let private_key = token("kafka.tls.clientCertificate", &values.private_key)?;
    let named = text("kafka.authentication.usernameFrom", &values.username)?;
    let password = token("kafka.authentication.passwordFrom", &values.password)?;
    let sasl = spec.authentication.as_ref().and_then(|sasl| {
        let username = sasl.username.clone().or(named)?;
        Some(Sasl { mechanism: sasl.mechanism, username, password: password? })
    });
    let certificate = chain.zip(private_key).map(|(chain, private_key)| Certificate { chain, private_key });
    Ok(KafkaCredentials { tls: spec.tls.as_ref().map(|_| KafkaTls { authorities, certificate }), sasl })
}

/// Returns a token, a password or a private key.
///
/// # Errors
/// The resource refers to one that is not there.
pub(super) fn token(field: &str, value: &SecretValue) -> Result<Option<Token>, Problem> {
    match value {
        SecretValue::NotReferenced => Ok(None),
        SecretValue::Found(token) => Ok(Some(token.clone())),
        SecretValue::NoObject(object) => Err(Problem::new(
            not_found(object),
            format!(
                "{field} refers to {object}, which does not exist; create it in the namespace of the resource"
            ),
        )),
        SecretValue::NoKey { object, key } => Err(Problem::new(
            not_found(object),
            format!(
                "{field} refers to key {key} of {object}, which has no such key with a text; add the key or correct the \
                 reference"
            ),
        )),
    }
}

/// Returns a text that is no secret.
///
/// # Errors
/// The resource refers to one that is not there.
pub(super) fn text(field: &str, value: &SecretValue) -> Result<Option<String>, Problem> {
    Ok(token(field, value)?.map(|text| text.reveal().to_owned()))
}

fn not_found(object: &str) -> Reason {
    if object.starts_with("ConfigMap ") { Reason::ConfigMapNotFound } else { Reason::SecretNotFound }
}

/// Returns what pods see as files; the operator's own token is never among it.
pub(super) fn mounted(spec: &KafkaSinkSpec) -> Vec<MountedKey> {
    let mut mounted = kafka_files(&spec.kafka);
    let store = &spec.reduct_store;
    let token = store.token_from.as_ref();
    mounted.extend(token.map(|token| MountedKey::secret(&token.secret_key_ref, MountedKey::STORE_TOKEN)));
    let ca = store.tls.as_ref().and_then(|tls| tls.ca_from.as_ref());
    mounted.extend(ca.and_then(|ca| authorities(ca, MountedKey::STORE_CA)));
    mounted
}

fn authorities(source: &CaSource, file: &'static str) -> Option<MountedKey> {
    Some(MountedKey { source: KeySource::of(source)?, file })
}

fn kafka_files(spec: &KafkaSpec) -> Vec<MountedKey> {
    let mut mounted = Vec::new();
    let tls = spec.tls.as_ref();
    mounted.extend(
        tls.and_then(|tls| tls.ca_from.as_ref()).and_then(|ca| authorities(ca, MountedKey::KAFKA_CA)),
    );
    if let Some(certificate) = tls.and_then(|tls| tls.client_certificate.as_ref()) {
        let (chain, private_key) = certificate.keys();
        mounted.push(MountedKey::secret(&chain, MountedKey::KAFKA_CERTIFICATE));
        mounted.push(MountedKey::secret(&private_key, MountedKey::KAFKA_PRIVATE_KEY));
    }
    if let Some(sasl) = &spec.authentication {
        let username = sasl.username_from.as_ref();
        mounted.extend(
            username.map(|name| MountedKey::secret(&name.secret_key_ref, MountedKey::KAFKA_USERNAME)),
        );
        mounted.push(MountedKey::secret(&sasl.password_from.secret_key_ref, MountedKey::KAFKA_PASSWORD));
    }
    mounted
}

/// Returns TLS to the brokers as the runtime reads it.
pub(super) fn tls_config(spec: &KafkaSpec) -> Option<KafkaTlsConfig> {
    let tls = spec.tls.as_ref()?;
    let path = |is_set: bool, file| is_set.then(|| MountedKey::path(file));
    let has_certificate = tls.client_certificate.is_some();
    Some(KafkaTlsConfig {
        ca_file: path(tls.ca_from.is_some(), MountedKey::KAFKA_CA),
        certificate_file: path(has_certificate, MountedKey::KAFKA_CERTIFICATE),
        private_key_file: path(has_certificate, MountedKey::KAFKA_PRIVATE_KEY),
    })
}

/// Returns authentication as the runtime reads it.
pub(super) fn authentication_config(spec: &KafkaSpec) -> Option<AuthenticationConfig> {
    let sasl = spec.authentication.as_ref()?;
    Some(AuthenticationConfig {
        mechanism: sasl.mechanism,
        username: sasl.username.clone(),
        username_file: sasl.username_from.as_ref().map(|_| MountedKey::path(MountedKey::KAFKA_USERNAME)),
        password_file: MountedKey::path(MountedKey::KAFKA_PASSWORD),
    })
}
