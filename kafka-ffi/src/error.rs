//! Pure. `NativeError`: what the library or a broker said, and which errors mean what.

use rdkafka_sys as sys;
use sys::RDKafkaErrorCode as Code;

/// A group's coordinator is starting or moving.
const COORDINATOR_NOT_READY: [Code; 3] =
    [Code::CoordinatorLoadInProgress, Code::CoordinatorNotAvailable, Code::NotCoordinator];

/// The brokers do not know us.
const AUTHENTICATION: [Code; 3] = [Code::Authentication, Code::SaslAuthenticationFailed, Code::SSL];

/// The brokers know us and do not let us.
const AUTHORIZATION: [Code; 3] =
    [Code::TopicAuthorizationFailed, Code::GroupAuthorizationFailed, Code::ClusterAuthorizationFailed];

/// An error of librdkafka or of a broker, with the text that came with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NativeError {
    /// What kind of error it is.
    pub code: Code,
    /// The broker's or the library's own words.
    pub message: String,
}

impl NativeError {
    /// Tells whether a broker has answered so: the library's own errors have negative numbers.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        (self.code as i32).is_positive()
    }

    /// Tells whether the brokers do not know the topic.
    #[must_use]
    pub fn is_unknown_topic(&self) -> bool {
        [Code::UnknownTopicOrPartition, Code::UnknownTopic].contains(&self.code)
    }

    /// Tells whether a group's coordinator is just starting or moving: it passes by itself.
    #[must_use]
    pub fn is_coordinator_not_ready(&self) -> bool {
        COORDINATOR_NOT_READY.contains(&self.code)
    }

    /// Tells whether the brokers do not know who we are.
    #[must_use]
    pub fn is_authentication(&self) -> bool {
        AUTHENTICATION.contains(&self.code)
    }

    /// Tells whether the brokers know us and do not let us do this.
    #[must_use]
    pub fn is_authorization(&self) -> bool {
        AUTHORIZATION.contains(&self.code)
    }

    pub(super) fn invalid(message: &str) -> Self {
        Self { code: Code::InvalidArgument, message: message.to_owned() }
    }
}

/// An error unless `code` says success; `message` is the text that came with it.
pub(super) fn check(code: sys::rd_kafka_resp_err_t, message: Option<String>) -> Result<(), NativeError> {
    if code == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Ok(());
    }
    let code = Code::from(code);
    Err(NativeError { code, message: message.filter(|text| !text.is_empty()).unwrap_or(code.to_string()) })
}
