//! IO: the files of the system's authorities. `TlsClient`: by what we and a server know each other.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::witness::Witness;
use crate::model::Certificate;

/// By what we and a server know each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsClient {
    /// Who is trusted, in PEM; absent: the authorities of the system.
    pub(crate) authorities: Option<String>,
    /// Whether those of the system are trusted beside them.
    pub(crate) trusts_system: bool,
    /// What we show.
    pub(crate) certificate: Option<Certificate>,
}

impl TlsClient {
    /// Returns the settings of one connection, and who remembers what is shown there.
    ///
    /// # Errors
    /// Nobody is trusted, or our own certificate is of no use.
    pub(super) fn settings(&self) -> Result<(Arc<ClientConfig>, Arc<Witness>), String> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let roots = Arc::new(self.roots());
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
        let witness = Arc::new(Witness::new(verifier.map_err(|error| error.to_string())?));
        let config = self.config(provider, Arc::clone(&witness)).map_err(|error| error.to_string())?;
        Ok((Arc::new(config), witness))
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

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        let pem = self.authorities.as_deref().unwrap_or_default();
        roots.add_parsable_certificates(CertificateDer::pem_slice_iter(pem.as_bytes()).map_while(Result::ok));
        if self.trusts_system || self.authorities.is_none() {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        roots
    }
}
