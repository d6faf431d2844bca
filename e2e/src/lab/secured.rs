//! A Kafka with a listener of each kind and a store over HTTPS, of their own, for tests. IO: processes, files.
//!
//! Their certificates come from one private authority. Everything ends when the value is dropped.

use std::path::{Path, PathBuf};

use super::control_plane::certificates::{Authority, Certified, Purpose};
use super::kafka::{self, Extras, Listener};
use super::own::OwnRun;
use super::preflight;
use super::progress::Progress;
use super::state::{KafkaAddress, StoreAddress};
use super::store;

/// What every server here is called.
const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];
/// What no server here is called.
const OTHER_NAMES: [&str; 1] = ["elsewhere.example"];
/// A day that is over.
const OVER: (i32, u8, u8) = (2001, 1, 1);
const AUTHORITY: &str = "lab-authority";

/// The user that all SASL listeners know.
pub const USER: &str = "cameras";
/// Its password, which is nowhere in a log by chance.
pub const PASSWORD: &str = "zq7x9T2w-kL04vN";

/// A kind of listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Without anything.
    Plaintext,
    /// TLS alone.
    Tls,
    /// TLS, and the client must show a certificate of the authority.
    MutualTls,
    /// TLS with a certificate for another name.
    MisnamedTls,
    /// TLS with a certificate that is not valid any more.
    ExpiredTls,
    /// User and password over TLS: `PLAIN`, `SCRAM-SHA-256` and `SCRAM-SHA-512`.
    SaslTls,
    /// User and password without TLS: the same mechanisms, and both must be shown again every few seconds.
    SaslPlaintext,
}

/// The broker.
pub struct SecuredKafka {
    authority: Authority,
    run: OwnRun,
    address: KafkaAddress,
    ports: [(Kind, u16); 6],
}

/// The store.
pub struct SecuredStore {
    address: StoreAddress,
    _run: OwnRun,
}

/// A certificate and its key, both PEM.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    /// The certificate.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

impl SecuredKafka {
    /// Starts a broker from the jars of the lab, in a run folder of its own.
    ///
    /// # Errors
    /// The machine lacks something, or the broker does not answer in time.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with("true").await
    }

    /// As [`Self::start`], and users of its listeners may do nothing but what they are allowed; what comes in by the plain
    /// listener may do everything.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn strict() -> anyhow::Result<Self> {
        Self::start_with("false").await
    }

    async fn start_with(everyone_may: &str) -> anyhow::Result<Self> {
        let run = OwnRun::new()?;
        let authority = Authority::create(AUTHORITY)?;
        let files = Files::write(run.folder(), &authority)?;
        let free = || preflight::lab_port(run.paths(), 0);
        let ports = [
            (Kind::Tls, free()?),
            (Kind::MutualTls, free()?),
            (Kind::MisnamedTls, free()?),
            (Kind::ExpiredTls, free()?),
            (Kind::SaslTls, free()?),
            (Kind::SaslPlaintext, free()?),
        ];
        let listeners = ports.iter().map(|(kind, port)| files.listener(*kind, *port)).collect();
        let user = |mechanism: &str, name: &str| format!("{mechanism}=[name={name},password={PASSWORD}]");
        let scram_users = vec![user("SCRAM-SHA-256", USER), user("SCRAM-SHA-512", USER)];
        let properties = authorizer(everyone_may);
        let extras = Extras { listeners, scram_users, properties };
        let address = kafka::up_with(run.paths(), &Progress::start(kafka::STEPS), extras).await?;
        Ok(Self { authority, run, address, ports })
    }

    /// Returns `host:port` of a listener.
    #[must_use]
    pub fn bootstrap(&self, kind: Kind) -> String {
        let port = self.ports.iter().find(|(found, _)| *found == kind).map(|(_, port)| port);
        port.map_or_else(|| self.address.bootstrap.clone(), |port| format!("127.0.0.1:{port}"))
    }

    /// Returns the authority's certificate.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn authority(&self) -> anyhow::Result<String> {
        Ok(self.authority.certified()?.certificate)
    }

    /// Returns a new certificate for a client.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn client(&self, common_name: &str) -> anyhow::Result<ClientCertificate> {
        Ok(self.authority.issue(common_name, &Purpose::Client { organisation: None })?.into())
    }

    /// Returns a certificate for a client that is not valid any more.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn expired_client(&self, common_name: &str) -> anyhow::Result<ClientCertificate> {
        self.client_until(common_name, OVER)
    }

    /// Returns a certificate for a client that is valid until a day (year, month, day).
    ///
    /// # Errors
    /// It cannot be made.
    pub fn client_until(&self, common_name: &str, day: (i32, u8, u8)) -> anyhow::Result<ClientCertificate> {
        let purpose = Purpose::Client { organisation: None };
        Ok(self.authority.issue_until(common_name, &purpose, day)?.into())
    }

    /// Creates a user by `SCRAM-SHA-512` with the usual password, and returns its name.
    ///
    /// # Errors
    /// The broker refuses it or does not answer.
    pub async fn new_user(&self, name: &'static str) -> anyhow::Result<&'static str> {
        self.set_password(name, PASSWORD).await?;
        Ok(name)
    }

    /// Sets a user's password by `SCRAM-SHA-512`; connections that are open stay so until they must show it again.
    ///
    /// # Errors
    /// The broker refuses it or does not answer.
    pub async fn set_password(&self, user: &str, password: &str) -> anyhow::Result<()> {
        kafka::set_scram_password(self.run.paths(), &self.address, (user, "SCRAM-SHA-512", password)).await
    }

    /// Allows a user operations on resources (`--topic a`, `--group b`); from the first such permission on nobody else may.
    ///
    /// # Errors
    /// The broker refuses it or does not answer.
    pub async fn allow(&self, user: &str, operations: &[&str], on: &[&str]) -> anyhow::Result<()> {
        kafka::allow(self.run.paths(), &self.address, (user, operations), on).await
    }

    /// Forbids a user operations on what [`Self::allow`] speaks of, whatever else allows them.
    ///
    /// # Errors
    /// The broker refuses it or does not answer.
    pub async fn forbid(&self, user: &str, operations: &[&str], on: &[&str]) -> anyhow::Result<()> {
        kafka::forbid(self.run.paths(), &self.address, (user, operations), on).await
    }
}

impl SecuredStore {
    /// Starts a store over HTTPS, in a run folder of its own; returns it with its authority's certificate.
    ///
    /// # Errors
    /// The machine lacks something, or the store is not ready in time.
    pub async fn start() -> anyhow::Result<(Self, String)> {
        Self::start_as(&NAMES).await
    }

    /// As [`Self::start`], with a certificate for another name.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn misnamed() -> anyhow::Result<(Self, String)> {
        Self::start_as(&OTHER_NAMES).await
    }

    async fn start_as(names: &[&str]) -> anyhow::Result<(Self, String)> {
        let run = OwnRun::new()?;
        let authority = Authority::create(AUTHORITY)?;
        let certificate = Self::certify(run.folder(), &authority, names)?;
        let progress = Progress::start(store::STEPS);
        let address = store::up_with(run.paths(), &progress, Some(&certificate)).await?;
        Ok((Self { address, _run: run }, authority.certified()?.certificate))
    }

    /// Returns where it is.
    #[must_use]
    pub fn address(&self) -> &StoreAddress {
        &self.address
    }

    /// Returns the certificate of an authority that signs nothing here.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn foreign_authority() -> anyhow::Result<String> {
        Ok(Authority::create("foreign-authority")?.certified()?.certificate)
    }

    fn certify(folder: &Path, authority: &Authority, names: &[&str]) -> anyhow::Result<store::Certificate> {
        let certified = authority.issue("reductstore", &Purpose::Server(names))?;
        let (chain, key) = (folder.join("store.crt"), folder.join("store.key"));
        std::fs::write(&chain, certified.certificate)?;
        std::fs::write(&key, certified.key)?;
        Ok(store::Certificate { chain, key })
    }
}

impl ClientCertificate {
    /// Returns a certificate of an authority that no broker here knows.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn foreign(common_name: &str) -> anyhow::Result<Self> {
        let authority = Authority::create("foreign-authority")?;
        Ok(authority.issue(common_name, &Purpose::Client { organisation: None })?.into())
    }
}

impl From<Certified> for ClientCertificate {
    fn from(Certified { certificate, key }: Certified) -> Self {
        Self { certificate, key }
    }
}

/// The broker's certificates with their keys, and whom it trusts.
struct Files {
    keystore: PathBuf,
    misnamed: PathBuf,
    expired: PathBuf,
    truststore: PathBuf,
}

impl Files {
    fn write(folder: &Path, authority: &Authority) -> anyhow::Result<Self> {
        let files = Self {
            keystore: folder.join("broker.pem"),
            misnamed: folder.join("misnamed.pem"),
            expired: folder.join("expired.pem"),
            truststore: folder.join("ca.crt"),
        };
        let write = |file: &Path, Certified { certificate, key }: Certified| {
            std::fs::write(file, format!("{key}{certificate}"))
        };
        write(&files.keystore, authority.issue("kafka", &Purpose::Server(&NAMES))?)?;
        write(&files.misnamed, authority.issue("kafka", &Purpose::Server(&OTHER_NAMES))?)?;
        write(&files.expired, authority.issue_until("kafka", &Purpose::Server(&NAMES), OVER)?)?;
        std::fs::write(&files.truststore, authority.certified()?.certificate)?;
        Ok(files)
    }

    fn listener(&self, kind: Kind, port: u16) -> Listener {
        let (name, protocol, mut properties) = match kind {
            Kind::Plaintext => ("PLAIN", "PLAINTEXT", Vec::new()),
            Kind::Tls => ("TLS", "SSL", self.tls(&self.keystore, "none")),
            Kind::MutualTls => ("MUTUAL", "SSL", self.tls(&self.keystore, "required")),
            Kind::MisnamedTls => ("MISNAMED", "SSL", self.tls(&self.misnamed, "none")),
            Kind::ExpiredTls => ("EXPIRED", "SSL", self.tls(&self.expired, "none")),
            Kind::SaslTls => ("SASLTLS", "SASL_SSL", self.tls(&self.keystore, "none")),
            Kind::SaslPlaintext => ("SASLPLAIN", "SASL_PLAINTEXT", Vec::new()),
        };
        if matches!(kind, Kind::SaslTls | Kind::SaslPlaintext) {
            properties.extend(sasl());
        }
        if kind == Kind::SaslPlaintext {
            let session =
                |mechanism: &str| (format!("{mechanism}.connections.max.reauth.ms"), "6000".to_owned());
            properties.extend(["plain", "scram-sha-256", "scram-sha-512"].map(session));
        }
        Listener { name, protocol, port, properties }
    }

    fn tls(&self, keystore: &Path, client_auth: &str) -> Vec<(String, String)> {
        [
            ("ssl.keystore.type", "PEM".to_owned()),
            ("ssl.keystore.location", keystore.display().to_string()),
            ("ssl.truststore.type", "PEM".to_owned()),
            ("ssl.truststore.location", self.truststore.display().to_string()),
            ("ssl.client.auth", client_auth.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

/// All mechanisms, and the user of `PLAIN`; those of SCRAM are kept by the controller.
fn sasl() -> impl Iterator<Item = (String, String)> {
    let plain = format!(
        "org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}=\"{PASSWORD}\";"
    );
    let scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;".to_owned();
    [
        ("sasl.enabled.mechanisms", "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512".to_owned()),
        ("plain.sasl.jaas.config", plain),
        ("scram-sha-256.sasl.jaas.config", scram.clone()),
        ("scram-sha-512.sasl.jaas.config", scram),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
}

/// What comes in by the plain listener may always do everything. `everyone_may`: whoever has no permission of a topic may do
/// everything to it as long as nobody has one.
fn authorizer(everyone_may: &str) -> Vec<(String, String)> {
    [
        ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
        ("super.users", "User:ANONYMOUS"),
        ("allow.everyone.if.no.acl.found", everyone_may),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}
