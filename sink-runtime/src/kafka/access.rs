//! Pure. `Access`: whether the brokers let this member in, and which errors say that they do not.

use std::sync::atomic::{AtomicBool, Ordering};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tracing::{debug, error};

/// Whether the brokers let this member in.
#[derive(Debug, Default)]
pub struct Access {
    is_refused: AtomicBool,
}

impl Access {
    /// Notes that a broker does not let the member in; tells whether that is news.
    pub(super) fn refuse(&self) -> bool {
        !self.is_refused.swap(true, Ordering::Relaxed)
    }

    /// Notes that a broker lets the member in; tells whether that is news.
    pub(super) fn admit(&self) -> bool {
        self.is_refused.swap(false, Ordering::Relaxed)
    }

    /// Tells whether the brokers do not let the member in.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.is_refused.load(Ordering::Relaxed)
    }
}

/// Takes an error that a client reports, and tells of it once where it says that either side does not accept the other.
pub(super) fn note(access: &Access, error: &KafkaError, reason: &str) {
    let reason = readable(reason);
    if is_refusal(error, reason) && access.refuse() {
        error!(%error, reason, "the brokers and this member do not accept each other, mend its credentials or certificates");
    } else {
        debug!(%error, reason, "the kafka client reports an error");
    }
}

/// Tells whether an error says that either side does not accept the other.
fn is_refusal(error: &KafkaError, reason: &str) -> bool {
    let codes =
        [RDKafkaErrorCode::Authentication, RDKafkaErrorCode::SaslAuthenticationFailed, RDKafkaErrorCode::SSL];
    // By TLS 1.3 the broker judges our certificate when the handshake is over for us: then it is a broken connection.
    error.rdkafka_error_code().is_some_and(|code| codes.contains(&code)) || reason.contains("SSL alert")
}

/// Returns what a reason of the client library says to people: without the time that it took, which differs each time.
pub(super) fn readable(reason: &str) -> &str {
    reason.rsplit_once(" (after ").map_or(reason, |(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::{Access, KafkaError, RDKafkaErrorCode, is_refusal, readable};

    #[test]
    fn refusals_are_told_from_broken_connections() {
        let check = |code, reason: &str, expected| {
            assert_eq!(is_refusal(&KafkaError::Global(code), reason), expected, "{code:?} {reason}");
        };
        check(RDKafkaErrorCode::Authentication, "", true);
        check(RDKafkaErrorCode::SSL, "", true);
        check(RDKafkaErrorCode::BrokerTransportFailure, "Connect to 127.0.0.1:1 failed", false);
        let alert =
            "Receive failed: error:0A000412:SSL routines::sslv3 alert bad certificate: SSL alert number 42";
        check(RDKafkaErrorCode::BrokerTransportFailure, alert, true);
    }

    #[test]
    fn news_are_news_once() {
        let access = Access::default();
        assert!(access.refuse() && !access.refuse() && access.is_refused());
        assert!(access.admit() && !access.admit() && !access.is_refused());
    }

    #[test]
    fn times_are_no_part_of_a_reason() {
        assert_eq!(readable("a: refused (after 308ms in state AUTH_REQ)"), "a: refused");
        assert_eq!(readable("a: refused"), "a: refused");
    }
}
