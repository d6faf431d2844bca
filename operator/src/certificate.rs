//! Pure. `CertificateFacts`: what a certificate says of itself.

use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;
use x509_parser::time::ASN1Time;

/// What a certificate says of itself; nobody has checked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateFacts {
    /// Who signed it.
    pub(crate) issuer: String,
    /// The names and addresses it is made for.
    pub(crate) names: Vec<String>,
    /// From when on it is valid.
    pub(crate) not_before: Timestamp,
    /// Until when it is valid.
    pub(crate) not_after: Timestamp,
}

impl CertificateFacts {
    /// Reads a certificate as it travels; `None` where it is none.
    pub(crate) fn of_der(der: &[u8]) -> Option<Self> {
        let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
        Some(Self::of(&certificate))
    }

    /// Reads every certificate of a PEM file, up to the first block that is broken.
    pub(crate) fn of_pem(text: &str) -> Vec<Self> {
        let blocks = Pem::iter_from_buffer(text.as_bytes()).map_while(Result::ok);
        blocks.filter_map(|block| Self::of_der(&block.contents)).collect()
    }

    fn of(certificate: &X509Certificate<'_>) -> Self {
        let validity = certificate.validity();
        let alternative = certificate.subject_alternative_name().ok().flatten();
        let names = alternative.iter().flat_map(|extension| &extension.value.general_names);
        Self {
            issuer: certificate.issuer().to_string(),
            names: names.filter_map(name).collect(),
            not_before: timestamp(validity.not_before),
            not_after: timestamp(validity.not_after),
        }
    }
}

/// Without an end is who ends on 9999-12-31 by RFC 5280; that is an hour or so beyond the last time there is here.
fn timestamp(time: ASN1Time) -> Timestamp {
    let seconds = time.timestamp();
    let farthest = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(seconds).unwrap_or(farthest)
}

/// Only what servers are called by.
fn name(name: &GeneralName<'_>) -> Option<String> {
    if let GeneralName::DNSName(name) = name {
        return Some((*name).to_owned());
    }
    let GeneralName::IPAddress(bytes) = name else { return None };
    let of_four = <[u8; 4]>::try_from(*bytes).map(|bytes| Ipv4Addr::from(bytes).to_string());
    of_four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(|bytes| Ipv6Addr::from(bytes).to_string())).ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

    use super::CertificateFacts;

    /// Returns a certificate for these names that ends on that day, in PEM.
    pub(crate) fn certificate(names: &[&str], end: (i32, u8, u8)) -> String {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, "somebody");
        params.not_after = date_time_ymd(end.0, end.1, end.2);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    }

    #[test]
    fn reads_every_certificate_up_to_what_is_broken() {
        let (first, second) =
            (certificate(&["kafka", "10.0.0.1", "::1"], (2030, 2, 1)), certificate(&[], (2031, 1, 1)));
        let facts = CertificateFacts::of_pem(&format!("a comment\n{first}{second}"));
        assert_eq!(facts.len(), 2);
        assert_eq!(facts[0].names, ["kafka", "10.0.0.1", "::1"]);
        assert!(facts[0].issuer.contains("CN=somebody"), "{facts:?}");
        assert_eq!(facts[0].not_after, "2030-02-01T00:00:00Z".parse().unwrap());
        assert_eq!(facts[1].not_after, "2031-01-01T00:00:00Z".parse().unwrap());
        let endless = CertificateFacts::of_pem(&certificate(&[], (9999, 12, 31)));
        assert!(endless[0].not_after > "9999-12-30T00:00:00Z".parse().unwrap(), "{endless:?}");
        let cut = &second[..second.len() / 2];
        assert_eq!(CertificateFacts::of_pem(&format!("{first}{cut}")).len(), 1);
        assert_eq!(CertificateFacts::of_pem("no certificate"), []);
    }
}
