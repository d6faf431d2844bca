//! Pure. `TopicName`: the name of a Kafka topic, checked by the broker's own rule.

use serde::{Deserialize, Serialize};

use crate::text_type::{text_conversions, text_type};

/// Longest topic name that a broker takes, in bytes.
pub const TOPIC_NAME_BYTES_MAX: usize = 249;

/// The name of a Kafka topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TopicName(String);

text_type!(TopicName, TopicNameError);

impl TopicName {
    /// What a topic name looks like, as a regular expression; `.` and `..` match but are refused all the same.
    pub const PATTERN: &str = "^[a-zA-Z0-9._-]{1,249}$";

    /// Returns the name if a broker would take it.
    ///
    /// # Errors
    /// Empty or too long; a character other than letters, digits, `.`, `_`, `-`; exactly `.` or `..`.
    pub fn parse(text: &str) -> Result<Self, TopicNameError> {
        if text.is_empty() || text.len() > TOPIC_NAME_BYTES_MAX {
            return Err(TopicNameError::Length(text.len()));
        }
        if let Some(character) = text.chars().find(|&c| !is_topic_character(c)) {
            return Err(TopicNameError::Character(character));
        }
        if matches!(text, "." | "..") {
            return Err(TopicNameError::Dots(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

fn is_topic_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-')
}

/// Why a text is no topic name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicNameError {
    /// It is empty or too long.
    #[error("a topic name must have 1 to {TOPIC_NAME_BYTES_MAX} characters, not {0}")]
    Length(usize),
    /// It holds a character that brokers refuse.
    #[error("a topic name must consist of letters, digits, '.', '_' and '-', without {0:?}")]
    Character(char),
    /// It is a directory name to the broker.
    #[error("a topic must not be named {0:?}")]
    Dots(String),
}

#[cfg(test)]
mod tests {
    use super::{TopicName, TopicNameError};

    fn check(text: &str, expected: &Result<(), TopicNameError>) {
        assert_eq!(TopicName::parse(text).map(drop), *expected, "{text:?}");
    }

    #[test]
    fn takes_what_a_broker_takes() {
        check("cameras", &Ok(()));
        check("plant-1.sensors_raw", &Ok(()));
        check(&"a".repeat(249), &Ok(()));
        check("...", &Ok(()));
    }

    #[test]
    fn refuses_what_a_broker_refuses() {
        check("", &Err(TopicNameError::Length(0)));
        check(&"a".repeat(250), &Err(TopicNameError::Length(250)));
        check("a/b", &Err(TopicNameError::Character('/')));
        check("ümlaut", &Err(TopicNameError::Character('ü')));
        check("..", &Err(TopicNameError::Dots("..".to_owned())));
    }
}
