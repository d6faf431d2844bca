//! Pure. `StoreError`: which call failed, why, and what that means to the user.

use kafkasink_crds::resource::Reason;
use reduct_rs::{ErrorCode, ReductError};

use crate::model::{Distrust, Obstacle, Problem};

/// A call to a store that failed.
#[derive(Debug, thiserror::Error)]
#[error("failed to {attempt} at {url}")]
pub(crate) struct StoreError {
    attempt: &'static str,
    url: String,
    credential: Credential,
    source: ReductError,
    /// What stands between us and the store, as far as that was looked at.
    obstacle: Option<Box<Obstacle>>,
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

/// What stands in the place of the store's reason where the answer has none.
const UNEXPLAINED: &str = "Unknown";

/// What the client says of answers that it does not understand.
const FOREIGN: [&str; 3] = ["x-reduct-api header", "Unsupported API version", "Failed to parse response"];

/// What is said in the place of a store that is away, or of one that must not be asked.
const GATEWAY: [ErrorCode; 5] = [
    ErrorCode::Unauthorized,
    ErrorCode::Forbidden,
    ErrorCode::BadGateway,
    ErrorCode::ServiceUnavailable,
    ErrorCode::GatewayTimeout,
];

impl StoreError {
    pub(super) fn new(attempt: &'static str, url: &str, credential: Credential, source: ReductError) -> Self {
        Self { attempt, url: url.to_owned(), credential, source, obstacle: None }
    }

    /// Adds why nobody answers.
    pub(super) fn because(self, obstacle: Option<Obstacle>) -> Self {
        Self { obstacle: obstacle.map(Box::new), ..self }
    }

    /// Tells whether nobody answers.
    pub(super) fn is_unreachable(&self) -> bool {
        UNREACHABLE.contains(&self.source.status)
    }

    /// Tells whether the store does not know what was asked for.
    pub(super) fn is_not_found(&self) -> bool {
        self.source.status == ErrorCode::NotFound && !self.is_foreign()
    }

    /// Tells whether somebody answers who is no store, or none that we understand: a store says why it refuses, and which
    /// version it is.
    fn is_foreign(&self) -> bool {
        let text = &self.source.message;
        let is_gateway = GATEWAY.contains(&self.source.status);
        (text == UNEXPLAINED && !is_gateway) || FOREIGN.iter().any(|word| text.contains(word))
    }

    /// Returns what the user should know and do.
    pub(crate) fn problem(&self) -> Problem {
        let Self { attempt, url, credential, source, .. } = self;
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
        if let Some(obstacle) = &self.obstacle {
            return blocked(url, obstacle);
        }
        if self.is_foreign() {
            let message = format!(
                "what answers at {url} is no ReductStore, or of a version that is not understood ({text}); correct \
                 reductStore.url, its path above all"
            );
            return Problem::new(Reason::TargetUnreachable, message);
        }
        if self.is_unreachable() {
            let message = format!(
                "no ReductStore answers at {url}: {text}; check reductStore.url and that the store runs"
            );
            return Problem::new(Reason::TargetUnreachable, message);
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

/// What stands between us and the store, and what would be right.
fn blocked(url: &str, obstacle: &Obstacle) -> Problem {
    let reason = if obstacle.is_about_tls() { Reason::TlsFailed } else { Reason::TargetUnreachable };
    let message = format!("no ReductStore answers at {url}: {obstacle}; {}", remedy(obstacle));
    Problem::new(reason, message)
}

fn remedy(obstacle: &Obstacle) -> &'static str {
    match obstacle {
        Obstacle::Name(_) => "correct reductStore.url, or create what has that name",
        Obstacle::Connection(_) | Obstacle::Silence | Obstacle::HungUp => {
            "check host and port of reductStore.url, that the store runs, and that network policies let the operator through"
        }
        Obstacle::NoTls => "write http:// in reductStore.url, or give the store a certificate",
        Obstacle::WantsTls => "write https:// in reductStore.url",
        Obstacle::Distrusted(Distrust::Issuer(_)) => {
            "let reductStore.tls.caFrom hold the authority that signed it"
        }
        Obstacle::Distrusted(Distrust::Name { .. }) => {
            "call the store by a name of its certificate in reductStore.url, or have the certificate made for this name too"
        }
        Obstacle::Distrusted(Distrust::Expired(_)) => "renew the store's certificate",
        Obstacle::Distrusted(Distrust::NotYetValid(_)) => "check the clocks of the store and of this cluster",
        Obstacle::Distrusted(Distrust::Other(_)) | Obstacle::Refusal(_) | Obstacle::Tls(_) => {
            "check reductStore.tls.caFrom and the store's certificate"
        }
    }
}
