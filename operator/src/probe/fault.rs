//! Pure. What an error on the way to a server means.

use std::io;

use rustls::{CertificateError as Cause, Error};

use crate::certificate::CertificateFacts;
use crate::model::{Distrust, Obstacle};

/// How the resolver's errors begin, which says nothing.
const LOOKUP: &str = "failed to lookup address information: ";

/// The first byte of an alert of TLS, where something else was expected.
const TLS_ALERT: u8 = 0x15;

/// Returns why a name does not resolve.
pub(super) fn of_name(error: &io::Error) -> Obstacle {
    let text = error.to_string();
    Obstacle::Name(text.strip_prefix(LOOKUP).unwrap_or(&text).to_lowercase())
}

/// Returns why nobody takes a connection.
pub(super) fn of_connection(error: &io::Error) -> Obstacle {
    Obstacle::Connection(error.kind().to_string())
}

/// Returns why TLS does not begin with a server that was asked for by this name and has shown these certificates.
///
/// A connection that is merely closed tells nothing of TLS: what stands between us and a server closes it too, above all a
/// load balancer with nobody behind it.
pub(super) fn of_handshake(error: &io::Error, asked: &str, shown: &[CertificateFacts]) -> Obstacle {
    let Some(cause) = of_tls(error) else { return Obstacle::HungUp };
    if let Error::InvalidCertificate(cause) = cause {
        return Obstacle::Distrusted(distrust(cause, asked, shown));
    }
    if matches!(cause, Error::InvalidMessage(_)) {
        return Obstacle::NoTls;
    }
    of_refusal(cause)
}

/// Returns why nothing is answered to the first words.
pub(super) fn of_silence(error: &io::Error) -> Obstacle {
    of_tls(error).map_or(Obstacle::HungUp, of_refusal)
}

/// Returns what a first byte says that is no answer.
pub(super) fn of_answer(first: u8) -> Option<Obstacle> {
    (first == TLS_ALERT).then_some(Obstacle::WantsTls)
}

/// Tells whether a server that has hung up in this way may be one that knows no TLS.
pub(super) fn may_be_plain(obstacle: &Obstacle, shown: &[CertificateFacts]) -> bool {
    *obstacle == Obstacle::HungUp && shown.is_empty()
}

fn of_refusal(cause: &Error) -> Obstacle {
    if let Error::AlertReceived(alert) = cause {
        return Obstacle::Refusal(format!("{alert:?}"));
    }
    Obstacle::Tls(cause.to_string())
}

fn of_tls(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

fn distrust(cause: &Cause, asked: &str, shown: &[CertificateFacts]) -> Distrust {
    let own = shown.first();
    if matches!(cause, Cause::UnknownIssuer) {
        return own.map_or_else(
            || Distrust::Other(cause.to_string()),
            |facts| Distrust::Issuer(facts.issuer.clone()),
        );
    }
    if matches!(cause, Cause::NotValidForName | Cause::NotValidForNameContext { .. }) {
        let names = own.map_or_else(Vec::new, |facts| facts.names.clone());
        return Distrust::Name { asked: asked.to_owned(), names };
    }
    // Any certificate of the chain may be the one.
    if matches!(cause, Cause::Expired | Cause::ExpiredContext { .. }) {
        return Distrust::Expired(shown.iter().map(|facts| facts.not_after).min());
    }
    if matches!(cause, Cause::NotValidYet | Cause::NotValidYetContext { .. }) {
        return Distrust::NotYetValid(shown.iter().map(|facts| facts.not_before).max());
    }
    Distrust::Other(cause.to_string())
}
