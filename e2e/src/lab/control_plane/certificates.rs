//! Certificate authorities and what they sign. Pure but for random keys.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// Signs certificates.
pub(in crate::lab) struct Authority {
    common_name: &'static str,
    key: KeyPair,
}

/// A certificate and its key, both PEM.
pub(in crate::lab) struct Certified {
    pub(in crate::lab) certificate: String,
    pub(in crate::lab) key: String,
}

/// What a certificate is for.
pub(in crate::lab) enum Purpose<'a> {
    /// A server under these names and addresses.
    Server(&'a [&'a str]),
    /// A client: Kubernetes takes the common name for the user and the organisation for the group.
    Client { organisation: Option<&'a str> },
}

impl Authority {
    /// Returns an authority with a new key.
    pub(in crate::lab) fn create(common_name: &'static str) -> Result<Self, rcgen::Error> {
        Ok(Self { common_name, key: KeyPair::generate()? })
    }

    /// Returns the authority whose key was kept. Its name and key are all that a signature depends on, so the
    /// certificate needs not be read.
    pub(in crate::lab) fn from_key(common_name: &'static str, key: &str) -> Result<Self, rcgen::Error> {
        Ok(Self { common_name, key: KeyPair::from_pem(key)? })
    }

    /// Returns its own certificate and key.
    pub(in crate::lab) fn certified(&self) -> Result<Certified, rcgen::Error> {
        let certificate = self.params().self_signed(&self.key)?.pem();
        Ok(Certified { certificate, key: self.key.serialize_pem() })
    }

    /// Returns a certificate signed by it, with a new key.
    pub(in crate::lab) fn issue(
        &self,
        common_name: &str,
        purpose: &Purpose<'_>,
    ) -> Result<Certified, rcgen::Error> {
        self.sign(&Self::describe(common_name, purpose)?)
    }

    /// Returns a certificate that is valid until a day.
    pub(in crate::lab) fn issue_until(
        &self,
        common_name: &str,
        purpose: &Purpose<'_>,
        (year, month, day): (i32, u8, u8),
    ) -> Result<Certified, rcgen::Error> {
        let mut params = Self::describe(common_name, purpose)?;
        params.not_after = date_time_ymd(year, month, day);
        self.sign(&params)
    }

    fn describe(common_name: &str, purpose: &Purpose<'_>) -> Result<CertificateParams, rcgen::Error> {
        let (names, organisation, usage) = match *purpose {
            Purpose::Server(names) => (names, None, ExtendedKeyUsagePurpose::ServerAuth),
            Purpose::Client { organisation } => (&[][..], organisation, ExtendedKeyUsagePurpose::ClientAuth),
        };
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = distinguished_name(common_name, organisation);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        Ok(params)
    }

    fn sign(&self, params: &CertificateParams) -> Result<Certified, rcgen::Error> {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &Issuer::new(self.params(), &self.key))?.pem();
        Ok(Certified { certificate, key: key.serialize_pem() })
    }

    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = distinguished_name(self.common_name, None);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
        params
    }
}

fn distinguished_name(common_name: &str, organisation: Option<&str>) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    if let Some(organisation) = organisation {
        name.push(DnType::OrganizationName, organisation);
    }
    name
}
