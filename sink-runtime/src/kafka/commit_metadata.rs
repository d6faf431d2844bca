//! Pure. What a commit carries besides its offset: JSON, read by the next owner of the partition.

use serde::{Deserialize, Serialize};

use crate::ledger::CommitPoint;
use crate::record::{Offset, PlaceState, TimestampUs};

/// The version that this program writes; fields it does not know are ignored.
const VERSION: u32 = 1;

/// The metadata of a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitMetadata {
    /// Version of this shape.
    pub v: u32,
    /// Id of the topic, empty where the member does not know it.
    #[serde(default)]
    pub topic: String,
    /// Who committed.
    pub instance: String,
    /// Nothing of the member is under way at the store, and nothing unproven lies above the offset.
    pub clean: bool,
    /// The state of places at the offset; absent where no place was given yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Place>,
}

/// The state of places, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The last place given in order.
    pub last: u64,
    /// The source time of the message that last moved forward.
    pub src: u64,
}

impl CommitMetadata {
    /// Returns the metadata of a commit by `instance`.
    #[must_use]
    pub fn new(instance: &str, is_clean: bool, state: Option<PlaceState>) -> Self {
        let at = state.map(|state| Place { last: state.last.0, src: state.last_source.0 });
        Self { v: VERSION, topic: String::new(), instance: instance.to_owned(), clean: is_clean, at }
    }

    /// Returns the metadata that a text holds; none where another program wrote it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Returns the text that is committed.
    ///
    /// # Panics
    /// Never: numbers, strings and flags are always JSON.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("numbers, strings and flags are always JSON")
    }

    /// Returns the commit point at an offset.
    #[must_use]
    pub fn point(&self, offset: Offset) -> CommitPoint {
        let state =
            |place: Place| PlaceState { last: TimestampUs(place.last), last_source: TimestampUs(place.src) };
        CommitPoint { offset, state: self.at.map(state) }
    }
}

#[cfg(test)]
mod tests {
    use super::CommitMetadata;
    use crate::record::{Offset, PlaceState, TimestampUs};

    #[test]
    fn state_travels_in_the_metadata() {
        let state = Some(PlaceState { last: TimestampUs(7), last_source: TimestampUs(5) });
        let text = CommitMetadata::new("a-0", true, state).to_text();
        assert_eq!(text, r#"{"v":1,"topic":"","instance":"a-0","clean":true,"at":{"last":7,"src":5}}"#);
        assert_eq!(CommitMetadata::parse(&text).unwrap().point(Offset(3)).state, state);
    }

    #[test]
    fn fields_of_later_versions_are_ignored_and_foreign_text_is_none() {
        let later = r#"{"v":2,"instance":"a","clean":false,"safe":{"offset":1}}"#;
        assert_eq!(CommitMetadata::parse(later).map(|metadata| metadata.clean), Some(false));
        assert_eq!(CommitMetadata::parse(""), None);
        assert_eq!(CommitMetadata::parse("burrow"), None);
    }
}
