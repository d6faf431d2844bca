//! Pure. `TopicId`: what tells a topic from another one of the same name, before or after it.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// The id that Kafka gave a topic when it was created. It reads as Kafka's own tools print it, 22 characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TopicId([u8; 16]);

/// A text that is no topic id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a topic id must be 16 bytes in base64 for URLs, is {0:?}")]
pub struct TopicIdError(String);

impl TopicId {
    /// Returns the mark that tells the records of a topic's later lives from those of its first: the first four bytes.
    #[must_use]
    pub fn life_mark(self) -> u32 {
        let [first, second, third, fourth, ..] = self.0;
        u32::from_be_bytes([first, second, third, fourth])
    }
}

impl FromStr for TopicId {
    type Err = TopicIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok();
        let id = bytes.and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
        id.map(Self).ok_or_else(|| TopicIdError(text.to_owned()))
    }
}

impl TryFrom<String> for TopicId {
    type Error = TopicIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TopicId> for String {
    fn from(id: TopicId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for TopicId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::TopicId;

    #[test]
    fn id_reads_as_kafka_prints_it() {
        let id: TopicId = "-_-_______8BI0VniavN7w".parse().unwrap();
        assert_eq!(id.to_string(), "-_-_______8BI0VniavN7w");
        assert_eq!(id.life_mark(), 0xfbff_bfff);
    }

    #[test]
    fn refuses_what_is_no_id() {
        for text in
            ["", "AAAA", "+/+///////8BI0VniavN7w", "-_-_______8BI0VniavN7w==", "-_-_______8BI0VniavN7wAA"]
        {
            assert!(text.parse::<TopicId>().is_err(), "{text:?}");
        }
    }
}
