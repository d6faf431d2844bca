//! Pure. Certificates and tokens that end: which there are, and which of them end soon.

use jiff::{SignedDuration, Timestamp};

use crate::certificate::CertificateFacts;
use crate::model::{AppliedExternals, End, ValidatedSink};

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
    pub(crate) end: End,
}

impl Expiry {
    /// Returns reason and message of a warning where it ends soon. The time left is not said, so that the text does not
    /// change with every look.
    pub(super) fn warning(&self, end: Timestamp, now: Timestamp) -> Option<(&'static str, String)> {
        let (reason, ends) = if end > now { ("ExpiresSoon", "expires") } else { ("Expired", "expired") };
        let Self { what, remedy, .. } = self;
        (end.duration_since(now) < SOON).then(|| (reason, format!("{what} {ends} on {end}; {remedy}")))
    }
}

/// Returns everything that may end, with what was seen of it.
pub(crate) fn expiries(sink: &ValidatedSink, externals: &AppliedExternals) -> Vec<Expiry> {
    let expiry = |(credential, what, remedy, end)| Expiry { credential, what, remedy, end };
    of_kafka(sink, externals).into_iter().chain(of_store(sink, externals)).map(expiry).collect()
}

/// For machines, for people, the remedy, and the end.
type Row = (&'static str, &'static str, &'static str, End);

fn of_kafka(sink: &ValidatedSink, externals: &AppliedExternals) -> [Row; 3] {
    let tls = sink.credentials.tls.as_ref();
    let own = tls.and_then(|tls| tls.certificate.as_ref());
    let shown = externals.kafka.as_ref().ok().and_then(|kafka| kafka.certificate_end);
    [
        (
            "kafka_ca",
            "the last authority of kafka.tls.caFrom",
            "put its successor beside it",
            End::seen(tls.and_then(|tls| last(tls.authorities.as_deref()?))),
        ),
        (
            "kafka_client_certificate",
            "kafka.tls.clientCertificate",
            "renew it in its Secret",
            End::seen(own.and_then(|own| first(&own.chain))),
        ),
        (
            "kafka_listener",
            "the certificate that the brokers show",
            "renew it on the brokers",
            listener(tls.is_some(), shown),
        ),
    ]
}

fn of_store(sink: &ValidatedSink, externals: &AppliedExternals) -> [Row; 4] {
    let (connection, store) = (&sink.store, externals.store.as_ref().ok());
    let of_token = |is_named: bool, end: Option<Option<Timestamp>>| match (is_named, end) {
        (false, _) => End::Never,
        (true, Some(end)) => End::seen(end),
        (true, None) => End::Unseen,
    };
    [
        (
            "store_ca",
            "the last authority of reductStore.tls.caFrom",
            "put its successor beside it",
            End::seen(connection.authorities.as_deref().and_then(last)),
        ),
        (
            "store_listener",
            "the certificate that the store shows",
            "renew it at the store",
            listener(connection.has_tls(), store.and_then(|store| store.certificate_end)),
        ),
        (
            "store_token",
            "the token of reductStore.tokenFrom",
            "rotate it",
            of_token(connection.token.is_some(), store.map(|store| store.token_end)),
        ),
        (
            "store_admin_token",
            "the token of reductStore.adminTokenFrom",
            "rotate it",
            of_token(connection.admin_token.is_some(), store.map(|store| store.admin_token_end)),
        ),
    ]
}

/// Who speaks TLS has a certificate, whether it was seen or not.
fn listener(has_tls: bool, shown: Option<Timestamp>) -> End {
    if has_tls { shown.map_or(End::Unseen, End::At) } else { End::Never }
}

/// A certificate is of no use from when on the first of its chain has ended.
fn first(pem: &str) -> Option<Timestamp> {
    CertificateFacts::of_pem(pem).iter().map(|facts| facts.not_after).min()
}

/// Authorities are of use until the last of them has ended: old and new ones stand side by side.
fn last(pem: &str) -> Option<Timestamp> {
    CertificateFacts::of_pem(pem).iter().map(|facts| facts.not_after).max()
}
