//! Pure. The nouns of the program: the `Message` that came in, the `Record` that goes out, and what names them.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::budget::Hold;

/// Name of a Kafka topic; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Arc<str>);

/// Number of a partition within its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(pub i32);

/// One partition of one topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic.
    pub topic: Topic,
    /// The partition within it.
    pub partition: Partition,
}

/// Position of a message within its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub i64);

/// Name of an entry of the bucket; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry(Arc<str>);

/// Time of a record in microseconds since 1970-01-01 UTC: its key within an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimestampUs(pub u64);

/// Which life of a topic a message belongs to: a topic that is deleted and created again counts its offsets anew.
///
/// The first life has no mark; a later one is marked by the first four bytes of the topic's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Life(pub Option<u32>);

/// What tells a record from all others of its entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The life of the topic.
    pub life: Life,
    /// The message it came from.
    pub offset: Offset,
}

/// A header of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Name as the producer gave it.
    pub name: String,
    /// Value; absent and empty are two things.
    pub value: Option<Bytes>,
}

/// A message as it came from Kafka.
#[derive(Debug)]
pub struct Message {
    /// Where it stands in its partition.
    pub offset: Offset,
    /// Its own time in milliseconds since 1970-01-01 UTC; absent in messages of format version 0.
    pub timestamp_ms: Option<i64>,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value; absent in a tombstone.
    pub value: Option<Bytes>,
    /// Its headers in order.
    pub headers: Headers,
    /// Its share of the memory budget, given back when the message is dropped.
    pub hold: Hold,
}

/// The headers of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Headers {
    /// All of them, in order.
    Readable(Vec<Header>),
    /// A name is not UTF-8, which the Kafka client cannot hand out, only pass on.
    Unreadable(SealedHeaders),
}

/// Headers as the Kafka client holds them: nothing here reads them, a dead letter carries them on as they were.
#[derive(Clone)]
pub struct SealedHeaders {
    content: Arc<dyn Any + Send + Sync>,
    bytes: usize,
}

/// How finely the source of a record's time counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Whole milliseconds: the microseconds within are free to choose.
    Milliseconds,
    /// Microseconds or finer.
    Microseconds,
}

/// The time that the mapping chose for a message, before it was given a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceTime {
    /// Microseconds since 1970-01-01 UTC; below zero where the source says so.
    pub microseconds: i128,
    /// How finely the source counts.
    pub resolution: Resolution,
}

/// What decides the next place of a partition; it travels in the commit metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceState {
    /// The last place that was given in order.
    pub last: TimestampUs,
    /// The source time of the message that last moved forward.
    pub last_source: TimestampUs,
}

/// A label of a record: a legal name and a legal, non-empty value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Name, of `a-z 0-9 _ . -`.
    pub name: String,
    /// Value, printable ASCII without `,` and `"`.
    pub value: String,
}

/// A record as it goes to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The entry it belongs to.
    pub entry: Entry,
    /// Its time in the store.
    pub place: TimestampUs,
    /// The time its message named.
    pub source: SourceTime,
    /// The message it came from, which identifies it within the entry.
    pub identity: Identity,
    /// Its labels, each name once; the label of a moved time is not among them.
    pub labels: Vec<Label>,
    /// Its content type.
    pub content_type: Arc<str>,
    /// The message's value, byte for byte.
    pub body: Bytes,
}

/// Label that holds the offset: the identity of a record within its entry.
pub const LABEL_OFFSET: &str = "kafka_offset";

/// Label that holds the mark of the topic's life, eight hexadecimal digits, from the second life on.
pub const LABEL_LIFE: &str = "kafka_life";

/// Label that holds the source time of a record that is stored elsewhere.
pub const LABEL_TIMESTAMP: &str = "kafka_timestamp";

impl Topic {
    /// Returns the topic of that name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(Arc::from(name))
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Entry {
    /// Returns the entry of that name, which the caller has checked.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(Arc::from(name))
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Life {
    /// The life of a topic that was never deleted.
    pub const FIRST: Self = Self(None);

    /// Reads a label's value; none where it is no mark.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mark = (text.len() == 8).then(|| u32::from_str_radix(text, 16).ok()).flatten()?;
        Some(Self(Some(mark)))
    }

    /// Returns the label's value; none for the first life.
    #[must_use]
    pub fn label(self) -> Option<String> {
        self.0.map(|mark| format!("{mark:08x}"))
    }
}

impl Offset {
    /// Returns the offset after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl TimestampUs {
    /// Returns the time `distance` microseconds later, at most the largest there is.
    #[must_use]
    pub fn later(self, distance: u64) -> Self {
        Self(self.0.saturating_add(distance))
    }

    /// Returns the time `distance` microseconds earlier, at least zero.
    #[must_use]
    pub fn earlier(self, distance: u64) -> Self {
        Self(self.0.saturating_sub(distance))
    }
}

impl Header {
    /// Returns the bytes of name and value.
    #[must_use]
    pub fn size(&self) -> usize {
        self.name.len() + self.value.as_ref().map_or(0, Bytes::len)
    }
}

impl SealedHeaders {
    /// Seals headers; `bytes` is the size of those among them that can be read.
    #[must_use]
    pub fn new(content: impl Any + Send + Sync, bytes: usize) -> Self {
        Self { content: Arc::new(content), bytes }
    }

    /// Returns the headers to whoever knows their type.
    #[must_use]
    pub fn content<T: Any>(&self) -> Option<&T> {
        self.content.downcast_ref()
    }
}

impl Message {
    /// Returns the bytes that the message occupies: key, value, headers.
    #[must_use]
    pub fn size(&self) -> usize {
        let bytes = |value: &Option<Bytes>| value.as_ref().map_or(0, Bytes::len);
        let headers = match &self.headers {
            Headers::Readable(headers) => headers.iter().map(Header::size).sum(),
            Headers::Unreadable(sealed) => sealed.bytes,
        };
        bytes(&self.key) + bytes(&self.value) + headers
    }
}

impl Record {
    /// Tells whether the record lies outside its source's own millisecond or microsecond.
    #[must_use]
    pub fn is_displaced(&self) -> bool {
        let place = i128::from(self.place.0);
        match self.source.resolution {
            Resolution::Milliseconds => place.div_euclid(1_000) != self.source.microseconds.div_euclid(1_000),
            Resolution::Microseconds => place != self.source.microseconds,
        }
    }

    /// Returns all labels of the record, with that of a moved time where it applies.
    pub fn all_labels(&self) -> impl Iterator<Item = (&str, std::borrow::Cow<'_, str>)> {
        let moved =
            self.is_displaced().then(|| (LABEL_TIMESTAMP, self.source.microseconds.to_string().into()));
        self.labels.iter().map(|label| (label.name.as_str(), label.value.as_str().into())).chain(moved)
    }
}

impl fmt::Debug for SealedHeaders {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SealedHeaders").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl PartialEq for SealedHeaders {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.content, &other.content)
    }
}

impl Eq for SealedHeaders {}

impl fmt::Display for Topic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.topic, self.partition)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for TimestampUs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
