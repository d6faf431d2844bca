//! Pure. `StoreError`: everything that can go wrong with the store, sorted once from status and message.

/// What went wrong with a request or with one record of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No connection.
    #[error("cannot reach the store: {0}")]
    Unreachable(String),
    /// No answer in time; the request may still be at work.
    #[error("the store did not answer in time: {0}")]
    TimedOut(String),
    /// The connection broke, or the answer was none that can be read.
    #[error("cannot tell what the store did: {0}")]
    Unclear(String),
    /// The token is wrong, or lacks a permission.
    #[error("the store refuses the token ({status}): {message}")]
    Unauthorized {
        /// 401 or 403.
        status: u16,
        /// What the store said.
        message: String,
    },
    /// The token's or the authorities' file cannot be used.
    #[error("cannot ask the store: {0}")]
    Credentials(String),
    /// Bucket, entry or record is not there.
    #[error("not in the store: {0}")]
    Missing(String),
    /// The place is taken, by this or another message.
    #[error("the place is taken: {0}")]
    Taken(String),
    /// Bucket or entry is being deleted.
    #[error("being deleted in the store: {0}")]
    BeingDeleted(String),
    /// The record is there and has no data: its request was cut off.
    #[error("half-written in the store: {0}")]
    HalfWritten(String),
    /// The request or the record is not what the store takes.
    #[error("the store refuses the request ({status}): {message}")]
    Refused {
        /// The status.
        status: u16,
        /// What the store said.
        message: String,
    },
    /// The request is too large.
    #[error("too large for the store ({status}): {message}")]
    TooLarge {
        /// 413 or 431.
        status: u16,
        /// What the store said.
        message: String,
    },
    /// The request's body did not arrive in whole.
    #[error("the request was cut off: {0}")]
    CutOff(String),
    /// There is no room.
    #[error("the store has no room ({status}): {message}")]
    Full {
        /// 400 (quota) or 507 (disk).
        status: u16,
        /// What the store said.
        message: String,
    },
    /// Too many requests.
    #[error("the store asks to slow down: {0}")]
    Throttled(String),
    /// The store failed.
    #[error("the store failed ({status}): {message}")]
    Failed {
        /// The status.
        status: u16,
        /// What the store said.
        message: String,
    },
}

impl StoreError {
    /// Sorts an HTTP status and what the store said with it.
    #[must_use]
    pub fn from_status(status: u16, message: &str) -> Self {
        let text = message.to_owned();
        match status {
            400 if is_cut_off(message) => Self::CutOff(text),
            400 if message.starts_with("Quota of") => Self::Full { status, message: text },
            401 | 403 => Self::Unauthorized { status, message: text },
            404 => Self::Missing(text),
            408 => Self::TimedOut(text),
            409 if message.starts_with("A record with timestamp") => Self::Taken(text),
            409 => Self::BeingDeleted(text),
            413 | 431 => Self::TooLarge { status, message: text },
            425 => Self::HalfWritten(text),
            429 => Self::Throttled(text),
            500 if message.ends_with("is broken") => Self::HalfWritten(text),
            507 => Self::Full { status, message: text },
            400..500 => Self::Refused { status, message: text },
            _ => Self::Failed { status, message: text },
        }
    }

    /// Tells whether the store is slow or asks to be spared.
    #[must_use]
    pub fn is_distress(&self) -> bool {
        matches!(self, Self::TimedOut(_) | Self::Throttled(_) | Self::Failed { status: 503, .. })
    }

    /// Tells whether a request that ended so never left this process.
    #[must_use]
    pub fn is_unsent(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Credentials(_))
    }

    /// Tells whether a write that ended so may have begun records that it did not finish.
    #[must_use]
    pub fn may_leave_half_written(&self) -> bool {
        matches!(self, Self::Unclear(_) | Self::TimedOut(_) | Self::CutOff(_) | Self::Failed { .. })
    }

    /// Returns the HTTP status, where there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Unreachable(_) | Self::TimedOut(_) | Self::Unclear(_) | Self::Credentials(_) => None,
            Self::Missing(_) => Some(404),
            Self::Taken(_) | Self::BeingDeleted(_) => Some(409),
            Self::HalfWritten(_) => Some(425),
            Self::CutOff(_) => Some(400),
            Self::Throttled(_) => Some(429),
            Self::Unauthorized { status, .. }
            | Self::Refused { status, .. }
            | Self::TooLarge { status, .. }
            | Self::Full { status, .. }
            | Self::Failed { status, .. } => Some(*status),
        }
    }
}

fn is_cut_off(message: &str) -> bool {
    let causes = ["Content is shorter", "Timeout while receiving data", "Error while receiving data"];
    causes.iter().any(|cause| message.starts_with(cause))
}
