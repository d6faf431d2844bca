//! IO: temporary files. What credentials become for the client library, and what is said of unusable ones.

use std::path::PathBuf;

use kafkasink_crds::runtime_config::{
    AuthenticationConfig, KafkaConfig, KafkaTlsConfig, SaslMechanism, StartFrom,
};
use rdkafka::ClientConfig;
use tempfile::TempDir;

use super::KafkaCredentials;

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n";

fn config(tls: Option<KafkaTlsConfig>, authentication: Option<AuthenticationConfig>) -> KafkaConfig {
    KafkaConfig {
        bootstrap_servers: vec!["kafka:9092".to_owned()],
        group_id: "g".to_owned(),
        start_from: StartFrom::Earliest,
        properties: [].into(),
        tls,
        authentication,
    }
}

fn written(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let file = folder.path().join(name);
    std::fs::write(&file, text).unwrap();
    file
}

fn user(password_file: PathBuf) -> AuthenticationConfig {
    AuthenticationConfig {
        mechanism: SaslMechanism::ScramSha512,
        username: Some("cameras".to_owned()),
        username_file: None,
        password_file,
    }
}

fn settings(config: &KafkaConfig) -> ClientConfig {
    let mut client = ClientConfig::new();
    KafkaCredentials::read(config).unwrap().apply(&mut client);
    client
}

#[test]
fn protocol_follows_from_what_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let ca = || KafkaTlsConfig {
        ca_file: Some(written(&folder, "ca.crt", CERTIFICATE)),
        ..KafkaTlsConfig::default()
    };
    let password = written(&folder, "password", " hunter2\n");
    let protocol = |config: &KafkaConfig| settings(config).get("security.protocol").map(str::to_owned);
    assert_eq!(protocol(&config(None, None)).as_deref(), Some("plaintext"));
    assert_eq!(protocol(&config(Some(ca()), None)).as_deref(), Some("ssl"));
    assert_eq!(protocol(&config(None, Some(user(password.clone())))).as_deref(), Some("sasl_plaintext"));
    let both = settings(&config(Some(ca()), Some(user(password))));
    assert_eq!(both.get("security.protocol"), Some("sasl_ssl"));
    assert_eq!(both.get("sasl.mechanisms"), Some("SCRAM-SHA-512"));
    assert_eq!(both.get("sasl.password"), Some(" hunter2"), "only the newline is not part of it");
    assert_eq!(both.get("ssl.ca.pem"), Some(CERTIFICATE));
    assert_eq!(both.get("ssl.key.pem"), None);
}

#[test]
fn debug_shows_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let tls = KafkaTlsConfig {
        ca_file: Some(written(&folder, "ca.crt", CERTIFICATE)),
        certificate_file: Some(written(&folder, "user.crt", CERTIFICATE)),
        private_key_file: Some(written(&folder, "user.key", KEY)),
    };
    let password = written(&folder, "password", "hunter2");
    let credentials = KafkaCredentials::read(&config(Some(tls), Some(user(password)))).unwrap();
    let shown = format!("{credentials:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("PRIVATE KEY"), "{shown}");
}

#[test]
fn unusable_files_are_named_by_their_field() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |config: &KafkaConfig, expected: &str| {
        let error = KafkaCredentials::read(config).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error:?} does not begin with {expected:?}");
    };
    let ca = |text: &str| KafkaTlsConfig {
        ca_file: Some(written(&folder, "ca.crt", text)),
        ..KafkaTlsConfig::default()
    };
    let place = folder.path().display();
    refused(&config(Some(ca("no")), None), &format!("kafka.tls.caFile: {place}/ca.crt holds no PEM"));
    refused(
        &config(Some(ca(&CERTIFICATE[..30])), None),
        &format!("kafka.tls.caFile: {place}/ca.crt is cut off"),
    );
    let absent = folder.path().join("none");
    refused(
        &config(None, Some(user(absent))),
        &format!("kafka.authentication.passwordFile: cannot read {place}/none: "),
    );
    let empty = written(&folder, "password", "\n");
    refused(
        &config(None, Some(user(empty))),
        &format!("kafka.authentication.passwordFile: {place}/password holds no text"),
    );
}
