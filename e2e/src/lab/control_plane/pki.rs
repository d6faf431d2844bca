//! Where the certificates and keys of the control plane lie. IO: files.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rcgen::KeyPair;
use serde::{Deserialize, Serialize};

use super::certificates::{Authority, Certified, Purpose};

const CA: &str = "kubernetes-ca";
const FRONT_PROXY_CA: &str = "front-proxy-ca";
const SERVICE_ACCOUNTS: &str = "service-accounts";
const APISERVER: &str = "kube-apiserver";
const KUBELET_CLIENT: &str = "kube-apiserver-kubelet-client";
/// The API server trusts the header that names a user only from a client of this name.
pub(super) const FRONT_PROXY_CLIENT: &str = "front-proxy-client";

/// The folder with all certificates and keys, and their names in it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Pki {
    folder: PathBuf,
}

impl Pki {
    /// Creates every certificate and key that the API server needs; `names` are what it is called by.
    pub(super) fn create(folder: PathBuf, names: &[&str]) -> anyhow::Result<Self> {
        let pki = Self { folder };
        let ca = Authority::create(CA)?;
        let front_proxy = Authority::create(FRONT_PROXY_CA)?;
        let service_accounts = KeyPair::generate()?;
        pki.keep(CA, &ca.certified()?)?;
        pki.keep(FRONT_PROXY_CA, &front_proxy.certified()?)?;
        pki.keep(APISERVER, &ca.issue(APISERVER, &Purpose::Server(names))?)?;
        let admin = Purpose::Client { organisation: Some("system:masters") };
        pki.keep(KUBELET_CLIENT, &ca.issue(KUBELET_CLIENT, &admin)?)?;
        let front_proxy_client = Purpose::Client { organisation: None };
        pki.keep(FRONT_PROXY_CLIENT, &front_proxy.issue(FRONT_PROXY_CLIENT, &front_proxy_client)?)?;
        write(&pki.service_account_key(), &service_accounts.serialize_pem())?;
        write(&pki.service_account_public_key(), &service_accounts.public_key_pem())?;
        Ok(pki)
    }

    /// Returns the folder itself.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the certificate of the cluster's authority.
    #[must_use]
    pub fn ca_certificate(&self) -> PathBuf {
        self.certificate(CA)
    }

    /// Returns the key of the cluster's authority, for the controller that signs requests.
    #[must_use]
    pub fn ca_key(&self) -> PathBuf {
        self.key(CA)
    }

    /// Returns the key that signs the tokens of service accounts.
    #[must_use]
    pub fn service_account_key(&self) -> PathBuf {
        self.key(SERVICE_ACCOUNTS)
    }

    /// Returns the key that proves the tokens of service accounts.
    #[must_use]
    pub fn service_account_public_key(&self) -> PathBuf {
        self.folder.join(format!("{SERVICE_ACCOUNTS}.pub"))
    }

    /// Returns the certificate of the authority of front proxies.
    #[must_use]
    pub fn front_proxy_ca(&self) -> PathBuf {
        self.certificate(FRONT_PROXY_CA)
    }

    /// Returns certificate and key of the API server as a front proxy.
    pub(super) fn front_proxy_client(&self) -> (PathBuf, PathBuf) {
        self.pair(FRONT_PROXY_CLIENT)
    }

    /// Returns certificate and key that the API server serves with.
    pub(super) fn apiserver(&self) -> (PathBuf, PathBuf) {
        self.pair(APISERVER)
    }

    /// Returns certificate and key of the API server as the kubelet's client.
    pub(super) fn kubelet_client(&self) -> (PathBuf, PathBuf) {
        self.pair(KUBELET_CLIENT)
    }

    /// Issues a serving certificate, signed by the cluster's authority, and returns the paths of it and its key.
    ///
    /// # Errors
    /// The authority's key cannot be read, or the files cannot be written.
    pub fn serving(&self, common_name: &str, names: &[&str]) -> anyhow::Result<(PathBuf, PathBuf)> {
        let certified = self.authority()?.issue(common_name, &Purpose::Server(names))?;
        let file_name = common_name.replace(':', "-");
        self.keep(&file_name, &certified)?;
        Ok(self.pair(&file_name))
    }

    /// Issues a client certificate, signed by the cluster's authority.
    pub(super) fn client(&self, common_name: &str, organisation: Option<&str>) -> anyhow::Result<Certified> {
        Ok(self.authority()?.issue(common_name, &Purpose::Client { organisation })?)
    }

    fn authority(&self) -> anyhow::Result<Authority> {
        let path = self.ca_key();
        let key = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        Ok(Authority::from_key(CA, &key)?)
    }

    fn keep(&self, name: &str, certified: &Certified) -> anyhow::Result<()> {
        write(&self.certificate(name), &certified.certificate)?;
        write(&self.key(name), &certified.key)
    }

    fn pair(&self, name: &str) -> (PathBuf, PathBuf) {
        (self.certificate(name), self.key(name))
    }

    fn certificate(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.crt"))
    }

    fn key(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.key"))
    }
}

/// Writes a file that nobody else may read.
pub(super) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    let file = options.create(true).write(true).truncate(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("write {}", path.display()))
}
