//! Reads the configuration's file. IO: files.

use std::path::Path;

use kafkasink_crds::runtime_config::RuntimeConfig;

use super::check::check;
use super::error::{ConfigError, Problem};

/// Returns the configuration in the file, checked.
///
/// # Errors
/// The file cannot be read, has another shape, or holds a value that cannot work.
pub fn load(file: &Path) -> Result<RuntimeConfig, ConfigError> {
    let text = std::fs::read_to_string(file)
        .map_err(|source| ConfigError::Read { file: file.to_owned(), source })?;
    let config = parse(&text).map_err(|(field, reason)| ConfigError::Shape {
        file: file.to_owned(),
        field,
        reason,
    })?;
    check(&config).map_err(|problem| problem.in_file(file))?;
    check_token_file(&config).map_err(|problem| problem.in_file(file))?;
    Ok(config)
}

fn check_token_file(config: &RuntimeConfig) -> Result<(), Problem> {
    let Some(file) = &config.reduct_store.token_file else {
        return Ok(());
    };
    let readable = std::fs::read_to_string(file).map(drop);
    readable.map_err(|error| {
        Problem::new("reductStore.tokenFile", format!("cannot read {}: {error}", file.display()))
    })
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
