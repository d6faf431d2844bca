//! `KafkaCredentials`: by what a member and the brokers know each other, as its files stood at one moment. IO: files.
//!
//! The texts and not the paths are handed to the client library: what was checked is what is used, however the files
//! change meanwhile.

use std::path::{Path, PathBuf};

use kafkasink_crds::runtime_config::{AuthenticationConfig, KafkaConfig, KafkaTlsConfig, SaslMechanism};
use rdkafka::ClientConfig;

use crate::pem::{self, Content};
use crate::secret::Secret;

/// By what a member and the brokers know each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KafkaCredentials {
    tls: Option<Tls>,
    sasl: Option<Sasl>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Tls {
    authorities: Authorities,
    certificate: Option<Certificate>,
}

/// Who may sign the brokers' certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Authorities {
    /// These, in PEM.
    Given(String),
    /// Those of the system, in a file, or in a folder by their hashes.
    System(PathBuf),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Certificate {
    chain: String,
    private_key: Secret,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Sasl {
    mechanism: SaslMechanism,
    username: String,
    password: Secret,
}

/// Why credentials cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct CredentialsError {
    /// Path of the field that names the file.
    pub field: &'static str,
    /// What is wrong, as a sentence that goes on after a colon.
    pub reason: String,
}

impl KafkaCredentials {
    /// Reads all files that the configuration names.
    ///
    /// # Errors
    /// A file cannot be read or does not hold what it should, for example because it is just being written.
    pub fn read(config: &KafkaConfig) -> Result<Self, CredentialsError> {
        Ok(Self {
            tls: config.tls.as_ref().map(Tls::read).transpose()?,
            sasl: config.authentication.as_ref().map(Sasl::read).transpose()?,
        })
    }

    /// Tells a client to use them.
    pub(super) fn apply(&self, client: &mut ClientConfig) {
        let protocol = match (&self.tls, &self.sasl) {
            (None, None) => "plaintext",
            (Some(_), None) => "ssl",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        client.set("security.protocol", protocol);
        if let Some(tls) = &self.tls {
            tls.apply(client);
        }
        if let Some(sasl) = &self.sasl {
            client.set("sasl.mechanisms", sasl.mechanism.as_str());
            client.set("sasl.username", &sasl.username);
            client.set("sasl.password", sasl.password.reveal());
        }
    }
}

impl Tls {
    fn read(config: &KafkaTlsConfig) -> Result<Self, CredentialsError> {
        let authorities = match &config.ca_file {
            Some(file) => Authorities::Given(pem("kafka.tls.caFile", file, Content::Certificates)?),
            None => system_authorities()?,
        };
        let certificate = match (&config.certificate_file, &config.private_key_file) {
            (Some(chain), Some(key)) => {
                let key = pem("kafka.tls.privateKeyFile", key, Content::PrivateKey)?;
                Some(Certificate {
                    chain: pem("kafka.tls.certificateFile", chain, Content::Certificates)?,
                    private_key: Secret::new(key),
                })
            }
            (_, _) => None,
        };
        Ok(Self { authorities, certificate })
    }

    fn apply(&self, client: &mut ClientConfig) {
        match &self.authorities {
            Authorities::Given(pem) => client.set("ssl.ca.pem", pem),
            Authorities::System(path) => client.set("ssl.ca.location", path.display().to_string()),
        };
        if let Some(Certificate { chain, private_key }) = &self.certificate {
            client.set("ssl.certificate.pem", chain).set("ssl.key.pem", private_key.reveal());
        }
    }
}

impl Sasl {
    fn read(config: &AuthenticationConfig) -> Result<Self, CredentialsError> {
        let username = match (&config.username, &config.username_file) {
            (Some(name), _) => name.clone(),
            (None, Some(file)) => line("kafka.authentication.usernameFile", file)?,
            (None, None) => String::new(),
        };
        let password = line("kafka.authentication.passwordFile", &config.password_file)?;
        Ok(Self { mechanism: config.mechanism, username, password: Secret::new(password) })
    }
}

/// Returns where the authorities of the system are: `SSL_CERT_FILE`, `SSL_CERT_DIR`, else where distributions keep them.
///
/// OpenSSL by itself would look only where it was told to when it was compiled, and an image without a distribution
/// has nothing there: then no broker could ever be trusted, and no message would say why.
fn system_authorities() -> Result<Authorities, CredentialsError> {
    let found = openssl_probe::probe();
    let place = found.cert_file.or_else(|| found.cert_dir.into_iter().next());
    place.map(Authorities::System).ok_or_else(|| CredentialsError {
        field: "kafka.tls",
        reason: "no authorities of this system are found; name a file by kafka.tls.caFile".to_owned(),
    })
}

fn pem(field: &'static str, file: &Path, content: Content) -> Result<String, CredentialsError> {
    let text = read(field, file)?;
    pem::check(&text, content)
        .map_err(|problem| CredentialsError { field, reason: format!("{} {problem}", file.display()) })?;
    Ok(text)
}

/// Returns the text of a file without the newline that editors leave at its end.
fn line(field: &'static str, file: &Path) -> Result<String, CredentialsError> {
    let text = read(field, file)?;
    let line = text.trim_end_matches(['\r', '\n']);
    let is_usable = !line.is_empty() && !line.contains('\0');
    if is_usable {
        return Ok(line.to_owned());
    }
    Err(CredentialsError { field, reason: format!("{} holds no text", file.display()) })
}

fn read(field: &'static str, file: &Path) -> Result<String, CredentialsError> {
    std::fs::read_to_string(file).map_err(|error| CredentialsError {
        field,
        reason: format!("cannot read {}: {error}", file.display()),
    })
}

#[cfg(test)]
mod tests;
