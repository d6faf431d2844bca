//! How far a server can be reached: its name, a connection, TLS, a first answer. For the explanation of failures of
//! clients that keep the reason to themselves, and for certificates before they expire.
//!
//! ```text
//! visit ──► trust (the TLS client) ──► witness (what the server has shown)
//!   └─────► fault (what an error means)
//! lately (what was seen, for a few seconds)
//! shown (what was seen of certificates, for an hour)
//! ```
//!
//! Nothing outside this folder names rustls.

mod fault;
mod lately;
mod shown;
mod trust;
mod visit;
mod witness;

pub(crate) use lately::Lately;
pub(crate) use shown::ShownCertificate;
pub(crate) use trust::{TlsClient, Trust};
pub(crate) use visit::{Destination, Visit, visit};
