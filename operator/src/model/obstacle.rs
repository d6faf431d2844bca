//! Pure. What stands between us and a server, from its name to TLS, in the words a user reads.

use std::fmt;

use jiff::Timestamp;

/// What stands between us and a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// Its name does not resolve; why.
    Name(String),
    /// Nobody takes the connection; why.
    Connection(String),
    /// It takes the connection and says nothing.
    Silence,
    /// It closes the connection instead of answering.
    HungUp,
    /// It speaks no TLS, and was expected to.
    NoTls,
    /// It speaks TLS, and was not expected to.
    WantsTls,
    /// We do not accept its certificate.
    Distrusted(Distrust),
    /// It does not accept us by TLS, mostly for our certificate or the lack of one; its words.
    Refusal(String),
    /// TLS fails otherwise.
    Tls(String),
}

/// Why a server's certificate is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Distrust {
    /// No authority that is trusted has signed it.
    Issuer(String),
    /// It is made for other names.
    Name {
        /// The name by which the server was asked for.
        asked: String,
        /// The names that stand in the certificate.
        names: Vec<String>,
    },
    /// It is not valid any more.
    Expired(Option<Timestamp>),
    /// It is not valid yet.
    NotYetValid(Option<Timestamp>),
    /// Something else.
    Other(String),
}

impl Obstacle {
    /// Tells whether the server is there, and only TLS fails.
    pub(crate) fn is_about_tls(&self) -> bool {
        match self {
            Self::Name(_) | Self::Connection(_) | Self::Silence | Self::HungUp => false,
            Self::NoTls | Self::WantsTls | Self::Distrusted(_) | Self::Refusal(_) | Self::Tls(_) => true,
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(cause) => write!(formatter, "the name does not resolve ({cause})"),
            Self::Connection(cause) | Self::Tls(cause) => formatter.write_str(cause),
            Self::Silence => formatter.write_str("the connection is taken, and nothing is said"),
            Self::HungUp => formatter.write_str("the connection is taken and closed without an answer"),
            Self::NoTls => formatter.write_str("no TLS is spoken there"),
            Self::WantsTls => formatter.write_str("TLS is expected there"),
            Self::Distrusted(distrust) => write!(formatter, "the certificate {distrust}"),
            Self::Refusal(alert) => write!(formatter, "we are refused by TLS ({alert})"),
        }
    }
}

impl fmt::Display for Distrust {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issuer(issuer) => write!(formatter, "is signed by {issuer}, which is not trusted"),
            Self::Name { asked, names } if names.is_empty() => {
                write!(formatter, "is made for no name, and not for {asked}")
            }
            Self::Name { asked, names } => {
                write!(formatter, "is made for {}, and not for {asked}", names.join(", "))
            }
            Self::Expired(Some(end)) => write!(formatter, "expired on {end}"),
            Self::Expired(None) => formatter.write_str("has expired"),
            Self::NotYetValid(Some(begin)) => write!(formatter, "is valid only from {begin} on"),
            Self::NotYetValid(None) => formatter.write_str("is not valid yet"),
            Self::Other(cause) => write!(formatter, "is not accepted ({cause})"),
        }
    }
}
