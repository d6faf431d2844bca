//! Pure. Certificates and tokens that end: which there are, and which of them end soon.

use jiff::{SignedDuration, Timestamp};
use kafkasink_crds::resource::WarningStatus;

use super::findings::Findings;
use crate::certificate::CertificateFacts;

/// How long before its end a person should know.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Something that ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expiry {
    /// Which one, for machines.
    pub(crate) credential: &'static str,
    /// Which one, for people.
    what: &'static str,
    /// What would be right.
    remedy: &'static str,
    /// When it ends.
    pub(crate) end: Timestamp,
}

/// Returns everything that ends, as far as it was seen.
pub(crate) fn expiries(findings: &Findings<'_>) -> Vec<Expiry> {
    let (sink, externals) = (findings.sink, findings.externals);
    let (kafka, store) = (externals.kafka.as_ref().ok(), externals.store.as_ref().ok());
    let tls = sink.credentials.tls.as_ref();
    let own = tls.and_then(|tls| tls.certificate.as_ref());
    let found = [
        (
            "kafka_ca",
            "the last authority of kafka.tls.caFrom",
            "put its successor beside it",
            tls.and_then(|tls| last(tls.authorities.as_deref()?)),
        ),
        (
            "kafka_client_certificate",
            "kafka.tls.clientCertificate",
            "renew it in its Secret",
            own.and_then(|own| first(&own.chain)),
        ),
        (
            "kafka_listener",
            "the certificate that the brokers show",
            "renew it on the brokers",
            kafka.and_then(|kafka| kafka.certificate_end),
        ),
        (
            "store_ca",
            "the last authority of reductStore.tls.caFrom",
            "put its successor beside it",
            sink.store.authorities.as_deref().and_then(last),
        ),
        (
            "store_listener",
            "the certificate that the store shows",
            "renew it at the store",
            store.and_then(|store| store.certificate_end),
        ),
        (
            "store_token",
            "the token of reductStore.tokenFrom",
            "rotate it",
            store.and_then(|store| store.token_end),
        ),
        (
            "store_admin_token",
            "the token of reductStore.adminTokenFrom",
            "rotate it",
            store.and_then(|store| store.admin_token_end),
        ),
    ];
    let ending = found
        .into_iter()
        .filter_map(|(credential, what, remedy, end)| Some(Expiry { credential, what, remedy, end: end? }));
    ending.collect()
}

/// Returns a warning of each that ends soon. The time left is not said, so that the text does not change with every look.
pub(super) fn warnings(expiries: &[Expiry], now: Timestamp) -> impl Iterator<Item = WarningStatus> {
    let soon = expiries.iter().filter(move |expiry| expiry.end.duration_since(now) < SOON);
    soon.map(move |Expiry { what, remedy, end, .. }| {
        let (reason, ends) = if *end > now { ("ExpiresSoon", "expires") } else { ("Expired", "expired") };
        WarningStatus { reason: reason.to_owned(), message: format!("{what} {ends} on {end}; {remedy}") }
    })
}

/// A certificate is of no use from when on the first of its chain has ended.
fn first(pem: &str) -> Option<Timestamp> {
    CertificateFacts::of_pem(pem).iter().map(|facts| facts.not_after).min()
}

/// Authorities are of use until the last of them has ended: old and new ones stand side by side.
fn last(pem: &str) -> Option<Timestamp> {
    CertificateFacts::of_pem(pem).iter().map(|facts| facts.not_after).max()
}
