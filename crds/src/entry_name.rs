//! Pure. `EntryName`: the name of an entry in a bucket, checked for what the store can hold.
//!
//! An entry name is a path: segments joined by `/`, each a directory of the store. Nothing is ever bent to fit:
//! what the store cannot hold is an error here.

use serde::{Deserialize, Serialize};

use crate::text_type::{text_conversions, text_type};

/// Longest segment of an entry name, in bytes: the store makes it a directory.
pub const SEGMENT_BYTES_MAX: usize = 255;

/// Longest entry name, in bytes: the store makes it a path below its own folder, and paths end at 4,096 bytes.
pub const NAME_BYTES_MAX: usize = 2_048;

/// Last segments that the store's HTTP interface takes for itself: such an entry could not be read singly.
pub const RESERVED_LAST_SEGMENTS: [&str; 3] = ["batch", "q", "rename"];

/// The name of an entry that the store can hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntryName(String);

text_type!(EntryName, EntryNameError);

impl EntryName {
    /// Returns the name if the store can hold it.
    ///
    /// # Errors
    /// A character other than letters, digits, `_`, `-`, `/` (`$meta` is refused by that); an empty or too long
    /// segment; a reserved last segment; too many bytes in all.
    pub fn parse(text: &str) -> Result<Self, EntryNameError> {
        if text.len() > NAME_BYTES_MAX {
            return Err(EntryNameError::TooLong(text.len()));
        }
        for segment in text.split('/') {
            check_segment(segment)?;
        }
        check_last_segment(text.rsplit('/').next().unwrap_or(text))?;
        Ok(Self(text.to_owned()))
    }
}

/// Returns the path that stands for a topic in an entry name: its name with `/` in place of `.`.
#[must_use]
pub fn topic_path(topic: &str) -> String {
    topic.replace('.', "/")
}

/// Tells whether the store takes the character inside a segment.
#[must_use]
pub fn is_segment_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-')
}

/// Checks one segment of an entry name.
///
/// # Errors
/// Empty, too long, or with a character that the store refuses.
pub fn check_segment(segment: &str) -> Result<(), EntryNameError> {
    if segment.is_empty() {
        return Err(EntryNameError::EmptySegment);
    }
    if segment.len() > SEGMENT_BYTES_MAX {
        return Err(EntryNameError::SegmentTooLong(segment.len()));
    }
    match segment.chars().find(|&c| !is_segment_character(c)) {
        Some(character) => Err(EntryNameError::Character(character)),
        None => Ok(()),
    }
}

/// Checks that the last segment of an entry name is free to use.
///
/// # Errors
/// One of [`RESERVED_LAST_SEGMENTS`].
pub fn check_last_segment(segment: &str) -> Result<(), EntryNameError> {
    if RESERVED_LAST_SEGMENTS.contains(&segment) {
        return Err(EntryNameError::ReservedLastSegment(segment.to_owned()));
    }
    Ok(())
}

/// Why a text is no entry name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryNameError {
    /// It holds a character that the store refuses.
    #[error("an entry name must consist of letters, digits, '_', '-' and '/', without {0:?}")]
    Character(char),
    /// It is empty, or `/` stands at an end or twice in a row.
    #[error("an entry name must not have an empty segment")]
    EmptySegment,
    /// A segment is too long.
    #[error("a segment of an entry name must have at most {SEGMENT_BYTES_MAX} bytes, not {0}")]
    SegmentTooLong(usize),
    /// It is too long.
    #[error("an entry name must have at most {NAME_BYTES_MAX} bytes, not {0}")]
    TooLong(usize),
    /// The store keeps the last segment for itself.
    #[error("an entry name must not end in the segment {0:?}, which the store keeps for itself")]
    ReservedLastSegment(String),
}

#[cfg(test)]
mod tests {
    use super::{EntryName, EntryNameError, topic_path};

    fn check(text: &str, expected: &Result<(), EntryNameError>) {
        assert_eq!(EntryName::parse(text).map(drop), *expected, "{text:?}");
    }

    #[test]
    fn takes_what_the_store_can_hold() {
        check("cameras/0", &Ok(()));
        check("sensors/raw/3", &Ok(()));
        check("batch/q/rename/0", &Ok(()));
        check(&"a".repeat(255), &Ok(()));
    }

    #[test]
    fn refuses_what_the_store_cannot_hold() {
        check("", &Err(EntryNameError::EmptySegment));
        check("/a", &Err(EntryNameError::EmptySegment));
        check("a/", &Err(EntryNameError::EmptySegment));
        check("a//b", &Err(EntryNameError::EmptySegment));
        check("a.b", &Err(EntryNameError::Character('.')));
        check("a b", &Err(EntryNameError::Character(' ')));
        check("a/$meta", &Err(EntryNameError::Character('$')));
        check(&"a".repeat(256), &Err(EntryNameError::SegmentTooLong(256)));
        check(&vec!["a"; 1_024].join("/"), &Ok(()));
        check(&vec!["a"; 1_025].join("/"), &Err(EntryNameError::TooLong(2_049)));
        for last in ["batch", "q", "rename"] {
            check(&format!("a/{last}"), &Err(EntryNameError::ReservedLastSegment(last.to_owned())));
        }
    }

    #[test]
    fn turns_dots_of_a_topic_into_slashes() {
        assert_eq!(topic_path("sensors.raw"), "sensors/raw");
        assert_eq!(topic_path("cameras"), "cameras");
    }
}
