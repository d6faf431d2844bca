//! Pure. `StoreError`: which call failed, why, and what that means to the user.

use kafkasink_crds::resource::Reason;
use reduct_rs::{ErrorCode, ReductError};

use crate::model::Problem;

/// A call to a store that failed.
#[derive(Debug, thiserror::Error)]
#[error("failed to {attempt} at {url}")]
pub(crate) struct StoreError {
    attempt: &'static str,
    url: String,
    credential: Credential,
    source: ReductError,
    /// Why nobody answers, where that could be told.
    silence: Option<String>,
}

/// Which field of the resource the token came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Credential {
    /// No token was sent.
    None,
    /// `reductStore.tokenFrom`.
    Token,
    /// `reductStore.adminTokenFrom`.
    AdminToken,
}

impl Credential {
    fn field(self) -> &'static str {
        match self {
            Self::None => "reductStore.tokenFrom",
            Self::Token => "the token of reductStore.tokenFrom",
            Self::AdminToken => "the token of reductStore.adminTokenFrom",
        }
    }
}

/// What is attempted first: only the url and the authorities can prevent it.
pub(super) const PREPARE: &str = "prepare a client";

/// Nobody answers, or not as a store that is up does.
const UNREACHABLE: [ErrorCode; 6] = [
    ErrorCode::ConnectionError,
    ErrorCode::Timeout,
    ErrorCode::Unknown,
    ErrorCode::BadGateway,
    ErrorCode::ServiceUnavailable,
    ErrorCode::GatewayTimeout,
];

impl StoreError {
    pub(super) fn new(attempt: &'static str, url: &str, credential: Credential, source: ReductError) -> Self {
        Self { attempt, url: url.to_owned(), credential, source, silence: None }
    }

    /// Adds why nobody answers.
    pub(super) fn because(self, silence: Option<String>) -> Self {
        Self { silence, ..self }
    }

    /// Tells whether nobody answers.
    pub(super) fn is_unreachable(&self) -> bool {
        UNREACHABLE.contains(&self.source.status)
    }

    /// Tells whether the store does not know what was asked for.
    pub(super) fn is_not_found(&self) -> bool {
        self.source.status == ErrorCode::NotFound
    }

    /// Returns what the user should know and do.
    pub(crate) fn problem(&self) -> Problem {
        let Self { attempt, url, credential, source, silence } = self;
        let (status, text) = (source.status, self.text());
        if status == ErrorCode::UrlParseError {
            return Problem::new(
                Reason::InvalidSpec,
                format!("reductStore.url {url:?} is no URL: {text}; correct it"),
            );
        }
        if *attempt == PREPARE {
            return Problem::new(
                Reason::TlsFailed,
                format!("reductStore.tls.caFrom cannot be used: {text}; correct what it refers to"),
            );
        }
        if status == ErrorCode::Unauthorized {
            let message = match credential {
                Credential::None => format!("{url} asks for a token: {text}; set reductStore.tokenFrom"),
                Credential::Token | Credential::AdminToken => {
                    format!("{url} refuses {}: {text}; check the Secret", credential.field())
                }
            };
            return Problem::new(Reason::AuthenticationFailed, message);
        }
        if status == ErrorCode::Forbidden {
            let field = credential.field();
            return Problem::new(
                Reason::AuthorizationFailed,
                format!("{url} does not let us {attempt}: {text}; give {field} the permission"),
            );
        }
        if self.is_unreachable() {
            let text = silence.as_deref().unwrap_or(text);
            return Problem::new(
                Reason::TargetUnreachable,
                format!(
                    "no ReductStore answers at {url}: {text}; check reductStore.url and that the store runs"
                ),
            );
        }
        let message = format!("{}; wait, and see the store's logs if this lasts", self.cause());
        Problem::new(Reason::TargetRequestFailed, message)
    }

    /// Returns what failed and why, without a remedy.
    pub(crate) fn cause(&self) -> String {
        format!("failed to {} at {}: {}", self.attempt, self.url, self.text())
    }

    fn text(&self) -> &str {
        self.source.message.trim_end_matches('.')
    }
}
