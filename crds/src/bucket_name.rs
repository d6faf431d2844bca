//! Pure. `BucketName`: the name of a ReductStore bucket, checked by the store's own rule.

use serde::{Deserialize, Serialize};

use crate::text_type::{text_conversions, text_type};

/// Longest bucket name, in bytes: the store makes it a directory.
pub const BUCKET_NAME_BYTES_MAX: usize = 255;

/// The name of a ReductStore bucket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BucketName(String);

text_type!(BucketName, BucketNameError);

impl BucketName {
    /// What a bucket name looks like, as a regular expression.
    pub const PATTERN: &str = "^[A-Za-z0-9_-]{1,255}$";

    /// Returns the name if the store would take it.
    ///
    /// # Errors
    /// Empty or too long; a character other than letters, digits, `_`, `-`.
    pub fn parse(text: &str) -> Result<Self, BucketNameError> {
        if text.is_empty() || text.len() > BUCKET_NAME_BYTES_MAX {
            return Err(BucketNameError::Length(text.len()));
        }
        if let Some(character) = text.chars().find(|&c| !is_bucket_character(c)) {
            return Err(BucketNameError::Character(character));
        }
        Ok(Self(text.to_owned()))
    }
}

fn is_bucket_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-')
}

/// Why a text is no bucket name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BucketNameError {
    /// It is empty or too long.
    #[error("a bucket name must have 1 to {BUCKET_NAME_BYTES_MAX} characters, not {0}")]
    Length(usize),
    /// It holds a character that the store refuses.
    #[error("a bucket name must consist of letters, digits, '_' and '-', without {0:?}")]
    Character(char),
}

#[cfg(test)]
mod tests {
    use super::{BucketName, BucketNameError};

    fn check(text: &str, expected: &Result<(), BucketNameError>) {
        assert_eq!(BucketName::parse(text).map(drop), *expected, "{text:?}");
    }

    #[test]
    fn takes_what_the_store_takes() {
        check("plant", &Ok(()));
        check("Plant_1-north", &Ok(()));
    }

    #[test]
    fn refuses_what_the_store_refuses() {
        check("", &Err(BucketNameError::Length(0)));
        check(&"a".repeat(256), &Err(BucketNameError::Length(256)));
        check("$system", &Err(BucketNameError::Character('$')));
        check("plant.north", &Err(BucketNameError::Character('.')));
    }
}
