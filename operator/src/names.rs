//! Pure. Names of the objects that belong to a sink, proven to be legal before anything is created.

use std::fmt;

use kafkasink_crds::resource::SINK_NAME_BYTES_MAX;

/// What a sink's objects are called after it: an application of the same name keeps its own Service.
const SUFFIX: &str = "-sink";

/// Longest name of a pod, Service or label value.
const LABEL_BYTES_MAX: usize = 63;

/// A StatefulSet's controller adds that to the set's name and writes the result into a label.
const REVISION_SUFFIX_BYTES: usize = 11;

const _: () = assert!(SINK_NAME_BYTES_MAX + SUFFIX.len() + REVISION_SUFFIX_BYTES <= LABEL_BYTES_MAX);
const _: () = assert!(SINK_NAME_BYTES_MAX + SUFFIX.len() + "-members".len() <= LABEL_BYTES_MAX);
const _: () = assert!(SINK_NAME_BYTES_MAX + SUFFIX.len() + 1 + HASH_DIGITS <= LABEL_BYTES_MAX);

/// Hexadecimal digits of the content hash in a ConfigMap's name.
pub(crate) const HASH_DIGITS: usize = 10;

/// The names of everything that belongs to one sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SinkNames {
    sink: String,
    base: String,
}

impl SinkNames {
    /// Returns the names for a sink of this name.
    ///
    /// # Errors
    /// A name that is too long, or that a Service could not carry.
    pub(crate) fn parse(sink: &str) -> Result<Self, NameError> {
        if sink.len() > SINK_NAME_BYTES_MAX {
            return Err(NameError::Long(sink.len()));
        }
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let begins = sink.starts_with(|c: char| c.is_ascii_lowercase());
        if !begins || sink.ends_with('-') || !sink.chars().all(legal) {
            return Err(NameError::Illegal(sink.to_owned()));
        }
        Ok(Self { sink: sink.to_owned(), base: format!("{sink}{SUFFIX}") })
    }

    /// The name of the sink itself.
    pub(crate) fn sink(&self) -> &str {
        &self.sink
    }

    /// The name of the `StatefulSet`, the `Service`, the `ServiceAccount` and the `PodDisruptionBudget`.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The name of the `ConfigMap` that holds the runtime's configuration with this hash.
    pub(crate) fn config_map(&self, hash: &ContentHash) -> String {
        format!("{}-{hash}", self.base)
    }

    /// The name of the `ConfigMap` that holds the number of members.
    pub(crate) fn members(&self) -> String {
        format!("{}-members", self.base)
    }
}

/// The first digits of the SHA-256 of a file's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContentHash(String);

impl ContentHash {
    /// Returns the hash of a text.
    pub(crate) fn of(text: &str) -> Self {
        use sha2::Digest;
        let digest = sha2::Sha256::digest(text.as_bytes());
        let halves = digest.iter().flat_map(|byte| [byte >> 4, byte & 0xf]).take(HASH_DIGITS);
        Self(halves.filter_map(|half| char::from_digit(u32::from(half), 16)).collect())
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why a sink cannot carry its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameError {
    /// It is too long for the names derived from it.
    #[error("metadata.name must have at most {SINK_NAME_BYTES_MAX} characters, not {0}")]
    Long(usize),
    /// A Service could not be called like that.
    #[error(
        "metadata.name must begin with a lower-case letter and consist of lower-case letters, digits and '-', \
         unlike {0:?}"
    )]
    Illegal(String),
}

#[cfg(test)]
mod tests {
    use super::{ContentHash, NameError, SinkNames};

    fn check(name: &str, expected: &Result<&str, NameError>) {
        let names = SinkNames::parse(name);
        assert_eq!(&names.as_ref().map(SinkNames::base).map_err(Clone::clone), expected, "{name:?}");
    }

    #[test]
    fn derives_names_that_fit() {
        check("cameras", &Ok("cameras-sink"));
        check(&"a".repeat(47), &Ok(&format!("{}-sink", "a".repeat(47))));
    }

    #[test]
    fn refuses_names_that_an_object_could_not_carry() {
        check(&"a".repeat(48), &Err(NameError::Long(48)));
        for name in ["1st", "a.b", "a-"] {
            check(name, &Err(NameError::Illegal(name.to_owned())));
        }
    }

    #[test]
    fn hashes_content() {
        assert_eq!(ContentHash::of("").to_string(), "e3b0c44298");
        assert_ne!(ContentHash::of("a"), ContentHash::of("b"));
    }
}
