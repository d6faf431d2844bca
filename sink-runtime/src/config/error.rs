//! Pure. `ConfigError`: one line that names the file, the field and what would be right.

use std::path::{Path, PathBuf};

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot read the file", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The file is not YAML of the right shape.
    #[error("{}: {field}: {reason}", .file.display())]
    Shape {
        /// The file.
        file: PathBuf,
        /// Path of the field, `.` for the file itself.
        field: String,
        /// What is wrong.
        reason: String,
    },
    /// A value is wrong.
    #[error("{}: {problem}", .file.display())]
    Value {
        /// The file.
        file: PathBuf,
        /// The field and what is wrong with it: no cause, since the message holds all of it.
        problem: Problem,
    },
}

/// A field and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct Problem {
    /// Path of the field.
    pub field: String,
    /// What is wrong, as a sentence that goes on after a colon.
    pub reason: String,
}

impl Problem {
    /// Returns the problem of a field.
    pub(super) fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }

    pub(super) fn in_file(self, file: &Path) -> ConfigError {
        ConfigError::Value { file: file.to_owned(), problem: self }
    }
}

/// Returns a problem where a condition does not hold.
pub(super) fn expect(
    holds: bool,
    field: impl Into<String>,
    reason: impl FnOnce() -> String,
) -> Result<(), Problem> {
    if holds { Ok(()) } else { Err(Problem::new(field, reason())) }
}
