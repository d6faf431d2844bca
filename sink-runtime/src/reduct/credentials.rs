//! `StoreCredentials`: the token and the store's authorities, as their files stood at one moment. IO: files.

use std::path::{Path, PathBuf};

use crate::pem::{self, Content};
use crate::secret::Secret;
use crate::writer::StoreError;

/// The token and the authorities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StoreCredentials {
    /// Absent: no authentication.
    pub(super) token: Option<Secret>,
    /// Authorities besides those of the system, in PEM.
    pub(super) authorities: Option<String>,
}

impl StoreCredentials {
    /// Reads the files.
    ///
    /// # Errors
    /// One of them cannot be read, or does not hold what it should, for example because it is just being written.
    pub(super) async fn read(
        token_file: Option<&PathBuf>,
        ca_file: Option<&PathBuf>,
    ) -> Result<Self, StoreError> {
        let token = match token_file {
            Some(file) => Some(read_token(file).await?),
            None => None,
        };
        let authorities = match ca_file {
            Some(file) => Some(read_authorities(file).await?),
            None => None,
        };
        Ok(Self { token, authorities })
    }
}

async fn read_token(file: &Path) -> Result<Secret, StoreError> {
    let text = read(file).await?;
    let token = text.trim();
    if token.is_empty() {
        return Err(StoreError::Credentials(format!("{} holds no token", file.display())));
    }
    Ok(Secret::new(token))
}

async fn read_authorities(file: &Path) -> Result<String, StoreError> {
    let text = read(file).await?;
    let problem = |what: &str| StoreError::Credentials(format!("{} {what}", file.display()));
    pem::check(&text, Content::Certificates).map_err(problem)?;
    Ok(text)
}

async fn read(file: &Path) -> Result<String, StoreError> {
    let text = tokio::fs::read_to_string(file).await;
    text.map_err(|error| StoreError::Credentials(format!("cannot read {}: {error}", file.display())))
}
