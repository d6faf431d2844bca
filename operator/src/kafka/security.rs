//! Pure but for a look at where the system keeps its authorities. The settings by which a client and the brokers know
//! each other.

use std::path::PathBuf;

use rdkafka::ClientConfig;
use rdkafka::error::RDKafkaErrorCode;

use crate::model::{Certificate, KafkaCredentials, KafkaTls, Sasl};
use kafkasink_kafka_ffi::NativeError;

/// Tells a client to use the credentials.
///
/// # Errors
/// The authorities of the system are asked for, and there are none.
pub(super) fn apply(client: &mut ClientConfig, credentials: &KafkaCredentials) -> Result<(), NativeError> {
    let KafkaCredentials { tls, sasl } = credentials;
    let protocol = match (tls, sasl) {
        (None, None) => "plaintext",
        (Some(_), None) => "ssl",
        (None, Some(_)) => "sasl_plaintext",
        (Some(_), Some(_)) => "sasl_ssl",
    };
    client.set("security.protocol", protocol);
    if let Some(tls) = tls {
        apply_tls(client, tls)?;
    }
    if let Some(Sasl { mechanism, username, password }) = sasl {
        client.set("sasl.mechanisms", mechanism.as_str());
        client.set("sasl.username", username);
        client.set("sasl.password", password.reveal());
    }
    Ok(())
}

/// Where the system keeps its authorities: OpenSSL by itself looks only where it was told to when it was compiled.
fn system_authorities() -> Result<PathBuf, NativeError> {
    let found = openssl_probe::probe();
    let place = found.cert_file.or_else(|| found.cert_dir.into_iter().next());
    place.ok_or_else(|| NativeError {
        code: RDKafkaErrorCode::SSL,
        message: "the operator's image holds no authorities, so caFrom must name them".to_owned(),
    })
}

fn apply_tls(
    client: &mut ClientConfig,
    KafkaTls { authorities, certificate }: &KafkaTls,
) -> Result<(), NativeError> {
    if let Some(pem) = authorities {
        client.set("ssl.ca.pem", pem);
    } else {
        client.set("ssl.ca.location", system_authorities()?.display().to_string());
    }
    if let Some(Certificate { chain, private_key }) = certificate {
        client.set("ssl.certificate.pem", chain).set("ssl.key.pem", private_key.reveal());
    }
    Ok(())
}
