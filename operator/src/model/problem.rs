//! Pure. `Problem`: why something is not as it should be, in the words a user reads.

use kafkasink_crds::resource::Reason;

/// The reason of a condition, and a message of one cause and one remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// From the closed set of reasons.
    pub(crate) reason: Reason,
    /// What is wrong, and what would be right.
    pub(crate) message: String,
}

impl Problem {
    /// Returns a problem.
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
    /// Returns a resource that contradicts itself.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Reason::InvalidSpec, message)
    }
}
