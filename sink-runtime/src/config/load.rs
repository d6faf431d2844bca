//! Reads the configuration's file. IO: files.

use std::path::Path;

use kafkasink_crds::runtime_config::RuntimeConfig;

use super::check::check;
use super::error::{ConfigError, Problem};
use crate::kafka::KafkaCredentials;
use crate::pem::{self, Content};

/// Returns the configuration in the file, checked, as are the files that it names.
///
/// # Errors
/// A file cannot be read, or holds what cannot work.
pub fn load(file: &Path) -> Result<RuntimeConfig, ConfigError> {
    let config = reload(file)?;
    check_files(&config).map_err(|problem| problem.in_file(file))?;
    Ok(config)
}

/// Returns the configuration in the file, checked; whoever uses the files that it names follows them by himself.
///
/// # Errors
/// The file cannot be read, has another shape, or holds a value that cannot work.
pub fn reload(file: &Path) -> Result<RuntimeConfig, ConfigError> {
    let text = std::fs::read_to_string(file)
        .map_err(|source| ConfigError::Read { file: file.to_owned(), source })?;
    let config = parse(&text).map_err(|(field, reason)| ConfigError::Shape {
        file: file.to_owned(),
        field,
        reason,
    })?;
    check(&config).map_err(|problem| problem.in_file(file))?;
    Ok(config)
}

fn check_files(config: &RuntimeConfig) -> Result<(), Problem> {
    KafkaCredentials::read(&config.kafka).map_err(|error| Problem::new(error.field, error.reason))?;
    let store = &config.reduct_store;
    let ca_file = store.tls.as_ref().and_then(|tls| tls.ca_file.as_ref());
    if let Some(file) = &store.token_file {
        read("reductStore.tokenFile", file)?;
    }
    if let Some(file) = ca_file {
        let field = "reductStore.tls.caFile";
        pem::check(&read(field, file)?, Content::Certificates)
            .map_err(|problem| Problem::new(field, format!("{} {problem}", file.display())))?;
    }
    Ok(())
}

fn read(field: &str, file: &Path) -> Result<String, Problem> {
    let text = std::fs::read_to_string(file);
    text.map_err(|error| Problem::new(field, format!("cannot read {}: {error}", file.display())))
}

/// Returns the configuration, or the path of the wrong field and what is wrong with it in one line.
fn parse(text: &str) -> Result<RuntimeConfig, (String, String)> {
    let mut wrong_field = None;
    let options = serde_saphyr::options! { with_snippet: false };
    let parsed = serde_saphyr::with_deserializer_from_str_with_options(text, options, |deserializer| {
        serde_path_to_error::deserialize(deserializer).map_err(|error| {
            wrong_field = Some(error.path().to_string());
            error.into_inner()
        })
    });
    parsed.map_err(|error: serde_saphyr::Error| {
        let reason = error.to_string();
        let line = reason.lines().next().unwrap_or_default().to_owned();
        (wrong_field.unwrap_or_else(|| ".".to_owned()), line)
    })
}

#[cfg(test)]
mod tests;
