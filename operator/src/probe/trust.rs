//! IO: the files of the system's authorities. `TlsClient`: by what we and a server know each other.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;

use super::witness::Witness;
use crate::model::Certificate;

/// By what we and a server know each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsClient {
    trust: Trust,
    /// What we show.
    certificate: Option<Certificate>,
    /// Those that are trusted, read when they are needed for the first time.
    roots: OnceCell<Arc<RootCertStore>>,
}

/// Who is trusted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trust {
    /// In PEM; absent: the authorities of the system.
    pub(crate) authorities: Option<String>,
    /// Whether those of the system are trusted beside them.
    pub(crate) in_system: bool,
}

impl TlsClient {
    /// Returns a client that trusts these and shows this certificate.
    pub(crate) fn new(trust: Trust, certificate: Option<Certificate>) -> Self {
        Self { trust, certificate, roots: OnceCell::new() }
    }

    /// Returns the settings of one connection, and who remembers what is shown there.
    ///
    /// # Errors
    /// Nobody is trusted, or our own certificate is of no use.
    pub(super) async fn settings(&self) -> Result<(Arc<ClientConfig>, Arc<Witness>), String> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let roots = Arc::clone(self.roots.get_or_try_init(|| self.read_roots()).await?);
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
        let witness = Arc::new(Witness::new(verifier.map_err(|error| error.to_string())?));
        let config = self.config(provider, Arc::clone(&witness)).map_err(|error| error.to_string())?;
        Ok((Arc::new(config), witness))
    }

    /// Those of the system are hundreds of files.
    async fn read_roots(&self) -> Result<Arc<RootCertStore>, String> {
        let trust = self.trust.clone();
        let read = tokio::task::spawn_blocking(move || Arc::new(trust.roots()));
        read.await.map_err(|error| error.to_string())
    }

    fn config(
        &self,
        provider: Arc<CryptoProvider>,
        witness: Arc<Witness>,
    ) -> Result<ClientConfig, rustls::Error> {
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let builder = builder.dangerous().with_custom_certificate_verifier(witness);
        let Some(Certificate { chain, private_key }) = &self.certificate else {
            return Ok(builder.with_no_client_auth());
        };
        let unusable = |error: rustls::pki_types::pem::Error| rustls::Error::General(error.to_string());
        let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<_, _>>();
        let private_key = PrivateKeyDer::from_pem_slice(private_key.reveal().as_bytes());
        builder.with_client_auth_cert(chain.map_err(unusable)?, private_key.map_err(unusable)?)
    }
}

impl Trust {
    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        let pem = self.authorities.as_deref().unwrap_or_default();
        roots.add_parsable_certificates(CertificateDer::pem_slice_iter(pem.as_bytes()).map_while(Result::ok));
        if self.in_system || self.authorities.is_none() {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        roots
    }
}
