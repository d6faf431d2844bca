//! Pure. What a commit carries besides its offset: JSON, read by the next owner of the partition.

use serde::{Deserialize, Serialize};

use crate::ledger::CommitPoint;
use crate::progress::Progress;
use crate::record::{Offset, PlaceState, TimestampUs};
use crate::registry::{GroupStart, LastLife, LifeNumber};
use crate::source::Commit;
use crate::store_start::StoreStart;

/// The version that this program writes; fields it does not know are ignored.
const VERSION: u32 = 2;

/// The version before: it did not tell how far its members may have gone beyond what they had committed.
const VERSION_WITHOUT_REACH: u32 = 1;

/// The metadata of a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitMetadata {
    /// Version of this shape.
    pub v: u32,
    /// Id of the topic, empty where the member does not know it.
    #[serde(default)]
    pub topic: String,
    /// Which life of the topic that is; absent where the registry had not told it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub life: Option<LifeNumber>,
    /// The start of the store, in seconds since 1970-01-01 UTC, under which everything from `safe` on was proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_start: Option<StoreStart>,
    /// Who committed; empty while the last owner's requests were still waited for.
    pub instance: String,
    /// Nothing of the member is under way at the store, and nothing unproven lies above the offset.
    pub clean: bool,
    /// The uid of the sink.
    #[serde(default)]
    pub sink: String,
    /// The fingerprint of the mapping that made the records above `safe`.
    #[serde(default)]
    pub mapping: String,
    /// The state of places at the offset; absent where no place was given yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Place>,
    /// The safe point; absent where it is the offset itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safe: Option<SafePlace>,
    /// The offset below which everything was once committed past; absent where it is the offset itself, as it is but after
    /// going back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven: Option<i64>,
    /// The offset below which lies all that was handed to the store by that mapping, promised before; absent where it is
    /// the offset itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<i64>,
    /// When and with what the group began to read the topic; absent where that is not known any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_start: Option<GroupStart>,
}

/// The state of places, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The last place given in order.
    pub last: u64,
    /// The source time of the message that last moved forward.
    pub src: u64,
}

/// The safe point with the state of places there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SafePlace {
    /// The offset below which nothing is lost even if the store is killed.
    pub offset: i64,
    /// The state of places; absent where no place was given yet.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Place>,
}

/// Who commits, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// What tells this process from a predecessor of the same name.
    pub writer_id: String,
    /// The uid of the sink.
    pub sink_uid: String,
    /// The fingerprint of its mapping.
    pub mapping: String,
}

impl CommitMetadata {
    /// Returns the metadata of a commit.
    #[must_use]
    pub fn new(signature: &Signature, commit: &Commit) -> Self {
        let Progress { point, safe, proven, store_start } = commit.progress;
        let safe = SafePlace { offset: safe.offset.0, at: safe.state.map(Place::from) };
        Self {
            v: VERSION,
            topic: commit.life.map(|life| life.topic_id.to_string()).unwrap_or_default(),
            life: commit.life.and_then(|life| life.life),
            store_start,
            instance: if commit.is_owner { signature.writer_id.clone() } else { String::new() },
            clean: commit.is_clean,
            sink: signature.sink_uid.clone(),
            mapping: commit.other_mapping.as_deref().unwrap_or(&signature.mapping).to_owned(),
            at: point.state.map(Place::from),
            safe: (!commit.progress.is_safe()).then_some(safe),
            proven: (proven > point.offset).then_some(proven.0),
            reach: (commit.promise.reach > point.offset).then_some(commit.promise.reach.0),
            group_start: commit.group_start,
        }
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

    /// Returns the life of the topic that the commit belongs to; none where that was not known.
    #[must_use]
    pub fn last_life(&self) -> Option<LastLife> {
        let topic_id = self.topic.parse().ok()?;
        Some(LastLife { life: self.life, topic_id })
    }

    /// Returns the offset below which lies all that its mapping may have handed to the store, at least the committed one;
    /// none where the version before does not tell.
    #[must_use]
    pub fn reach(&self, offset: Offset) -> Option<Offset> {
        let is_untold = self.v <= VERSION_WITHOUT_REACH && self.reach.is_none() && !self.clean;
        (!is_untold).then(|| self.reach.map_or(offset, Offset).max(offset))
    }

    /// Returns what the commit at an offset says.
    #[must_use]
    pub fn progress(&self, offset: Offset) -> Progress {
        let point = CommitPoint { offset, state: self.at.map(PlaceState::from) };
        let safe = self.safe.filter(|safe| safe.offset < offset.0).map_or(point, |safe| CommitPoint {
            offset: Offset(safe.offset),
            state: safe.at.map(PlaceState::from),
        });
        let proven = self.proven.map_or(offset, |proven| offset.max(Offset(proven)));
        Progress { point, safe, proven, store_start: self.store_start }
    }
}

impl From<PlaceState> for Place {
    fn from(state: PlaceState) -> Self {
        Self { last: state.last.0, src: state.last_source.0 }
    }
}

impl From<Place> for PlaceState {
    fn from(place: Place) -> Self {
        Self { last: TimestampUs(place.last), last_source: TimestampUs(place.src) }
    }
}

#[cfg(test)]
mod tests {
    use super::{CommitMetadata, Signature};
    use crate::ledger::CommitPoint;
    use crate::progress::Progress;
    use crate::record::{Offset, Partition, PlaceState, TimestampUs, Topic, TopicPartition};
    use crate::registry::{LastLife, LifeNumber};
    use crate::source::{Commit, Promise};
    use crate::store_start::StoreStart;

    fn point(offset: i64, last: u64) -> CommitPoint {
        let state = PlaceState { last: TimestampUs(last), last_source: TimestampUs(last - 2) };
        CommitPoint { offset: Offset(offset), state: Some(state) }
    }

    fn commit(progress: Progress, life: Option<LastLife>, is_owner: bool) -> Commit {
        let partition = TopicPartition { topic: Topic::new("t"), partition: Partition(0) };
        let (promise, group_start) = (Promise::first(progress.point.offset), None);
        Commit {
            partition,
            progress,
            life,
            is_clean: false,
            is_owner,
            other_mapping: None,
            promise,
            group_start,
        }
    }

    fn text(progress: Progress, life: Option<LastLife>, is_owner: bool) -> String {
        let signature =
            Signature { writer_id: "a-0".to_owned(), sink_uid: "u".to_owned(), mapping: "m".to_owned() };
        CommitMetadata::new(&signature, &commit(progress, life, is_owner)).to_text()
    }

    #[test]
    fn progress_travels_in_the_metadata() {
        let progress =
            Progress { safe: point(1, 5), store_start: Some(StoreStart(1_000)), ..Progress::at(point(3, 7)) };
        let text = text(progress, None, true);
        let fixed =
            r#"{"v":2,"topic":"","storeStart":1000,"instance":"a-0","clean":false,"sink":"u","mapping":"m","#;
        assert_eq!(
            text,
            format!(r#"{fixed}"at":{{"last":7,"src":5}},"safe":{{"offset":1,"last":5,"src":3}}}}"#)
        );
        assert_eq!(CommitMetadata::parse(&text).unwrap().progress(Offset(3)), progress);
    }

    #[test]
    fn a_safe_point_needs_no_second_one_and_a_guest_bears_no_name() {
        let safe = Progress::at(point(3, 7));
        let text = text(safe, None, false);
        assert!(text.contains(r#""instance":"""#) && !text.contains("safe"), "{text}");
        assert_eq!(CommitMetadata::parse(&text).unwrap().progress(Offset(3)), safe);
    }

    #[test]
    fn what_was_committed_past_before_going_back_travels_until_it_is_reached_again() {
        for (proven, is_told) in [(2, false), (3, false), (9, true)] {
            let at = Progress { proven: Offset(proven), ..Progress::at(point(3, 7)) };
            let text = text(at, None, true);
            assert_eq!(text.contains(r#""proven":9"#), is_told, "{text}");
            let told = CommitMetadata::parse(&text).unwrap().progress(Offset(3)).proven;
            assert_eq!(told, Offset(proven.max(3)));
        }
    }

    #[test]
    fn topic_and_life_travel_in_the_metadata() {
        let at = Progress::at(point(3, 7));
        let topic_id = "-_-_______8BI0VniavN7w".parse().unwrap();
        for life in [None, Some(LifeNumber(2))] {
            let last = Some(LastLife { life, topic_id });
            let text = text(at, last, true);
            assert!(text.contains(r#""topic":"-_-_______8BI0VniavN7w""#), "{text}");
            assert_eq!(CommitMetadata::parse(&text).unwrap().last_life(), last);
        }
        assert_eq!(CommitMetadata::parse(&text(at, None, true)).unwrap().last_life(), None);
    }

    #[test]
    fn reach_travels_where_it_is_beyond_the_offset() {
        let signature =
            Signature { writer_id: String::new(), sink_uid: String::new(), mapping: String::new() };
        let at = Progress::at(point(3, 7));
        for (reach, is_told) in [(2, false), (3, false), (70_000, true)] {
            let commit = Commit { promise: Promise::first(Offset(reach)), ..commit(at, None, true) };
            let text = CommitMetadata::new(&signature, &commit).to_text();
            assert_eq!(text.contains("reach"), is_told, "{text}");
            let told = CommitMetadata::parse(&text).unwrap().reach(Offset(3));
            assert_eq!(told, Some(Offset(reach.max(3))));
        }
    }

    #[test]
    fn version_before_tells_the_reach_only_of_clean_ends() {
        let reach = |text: &str| CommitMetadata::parse(text).unwrap().reach(Offset(5));
        assert_eq!(reach(r#"{"v":1,"instance":"a","clean":false}"#), None);
        assert_eq!(reach(r#"{"v":1,"instance":"a","clean":true}"#), Some(Offset(5)));
        assert_eq!(reach(r#"{"v":2,"instance":"a","clean":false}"#), Some(Offset(5)));
    }

    #[test]
    fn longest_metadata_is_a_quarter_of_what_a_broker_takes() {
        let [writer_id, sink_uid] = ["w", "s"].map(|name| name.repeat(255));
        let signature = Signature { writer_id, sink_uid, mapping: "0123456789abcdef".to_owned() };
        let end = |offset| point(offset, u64::MAX);
        let progress = Progress {
            point: end(i64::MAX - 1),
            safe: end(i64::MAX - 2),
            store_start: Some(StoreStart(i64::MIN)),
            proven: Offset(i64::MAX),
        };
        let topic_id = "-_-_______8BI0VniavN7w".parse().unwrap();
        let life = Some(LastLife { life: Some(LifeNumber(u32::MAX)), topic_id });
        let promise = Promise::first(Offset(i64::MAX));
        let text =
            CommitMetadata::new(&signature, &Commit { promise, ..commit(progress, life, true) }).to_text();
        assert!(text.len() <= 1_024, "{} bytes: {text}", text.len());
    }

    #[test]
    fn fields_of_later_versions_are_ignored_and_foreign_text_is_none() {
        let later = r#"{"v":2,"instance":"a","clean":false,"safe":{"offset":1},"new":7}"#;
        let parsed = CommitMetadata::parse(later).unwrap();
        assert_eq!(parsed.progress(Offset(9)).safe, CommitPoint { offset: Offset(1), state: None });
        assert_eq!(CommitMetadata::parse(""), None);
        assert_eq!(CommitMetadata::parse("burrow"), None);
    }
}
