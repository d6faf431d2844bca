//! Pure. `EntryTemplate`: how the name of an entry is made from a message.
//!
//! A template is a path whose segments hold literal text and placeholders:
//!
//! ```text
//!   plant-1 / {topic} / {partition} / day-{date}
//!   literal   whole     whole         literal and placeholder mixed
//! ```
//!
//! Two messages of different partitions never meet in one entry: `{partition}`, and `{topic}` where there is more than
//! one topic, stand as whole segments, and the value of every other placeholder stays within its segment.

use crate::entry_name::{
    EntryName, EntryNameError, SEGMENT_BYTES_MAX, check_last_segment, is_segment_character, topic_path,
};

/// A checked template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryTemplate {
    text: String,
    segments: Vec<Segment>,
}

/// What stands between two `/` of a template, never empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    pieces: Vec<Piece>,
}

/// Literal text or a placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text that stands as it is; letters, digits, `_`, `-`.
    Literal(String),
    /// `{topic}`: the topic's name with `/` in place of `.`, the only piece that may span segments.
    Topic,
    /// `{partition}`: the partition's number.
    Partition,
    /// `{key}`: the message key, always a whole segment.
    Key,
    /// `{header:NAME}`: the first header of that name, always a whole segment.
    Header(String),
    /// `{date}`: the UTC day of the record's time, `2026-11-21`.
    Date,
}

impl EntryTemplate {
    /// The template that holds where a resource names none.
    pub const DEFAULT: &str = "{topic}/{partition}";

    /// Returns the template if each of its names keeps the partitions of `topics` topics apart.
    ///
    /// # Errors
    /// An unknown or unclosed placeholder; a character that the store cannot hold; an empty, too long or reserved
    /// segment; a placeholder that is missing or must not share its segment.
    pub fn parse(text: &str, topics: usize) -> Result<Self, EntryTemplateError> {
        let segments = split(text)?;
        segments.iter().try_for_each(check_segment)?;
        check_last(&segments)?;
        let stands_alone = |piece: &Piece| segments.iter().any(|segment| segment.is_only(piece));
        if !stands_alone(&Piece::Partition) {
            return Err(EntryTemplateError::PartitionMissing);
        }
        if topics > 1 && !stands_alone(&Piece::Topic) {
            return Err(EntryTemplateError::TopicMissing(topics));
        }
        Ok(Self { text: text.to_owned(), segments })
    }

    /// Returns the template as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the segments in order.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Tells whether the message key is part of the name.
    #[must_use]
    pub fn needs_key(&self) -> bool {
        self.pieces().any(|piece| *piece == Piece::Key)
    }

    /// Tells whether the day is part of the name.
    #[must_use]
    pub fn needs_date(&self) -> bool {
        self.pieces().any(|piece| *piece == Piece::Date)
    }

    /// Returns the names of the headers that are part of the name.
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        self.pieces().filter_map(|piece| match piece {
            Piece::Header(name) => Some(name.as_str()),
            Piece::Literal(_) | Piece::Topic | Piece::Partition | Piece::Key | Piece::Date => None,
        })
    }

    /// Checks that the entries of a topic can be held, as far as its name decides that.
    ///
    /// # Errors
    /// The topic's path has an empty or reserved segment (`a..b`, or `q` under a template that ends in `{topic}`).
    pub fn check_topic(&self, topic: &str) -> Result<(), EntryNameError> {
        let sample: Vec<String> = self.segments.iter().map(|segment| segment.sample(topic)).collect();
        EntryName::parse(&sample.join("/")).map(drop)
    }

    fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.segments.iter().flat_map(|segment| &segment.pieces)
    }
}

impl Segment {
    /// Returns what the segment is made of, in order.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    fn is_only(&self, piece: &Piece) -> bool {
        self.pieces.as_slice() == std::slice::from_ref(piece)
    }

    /// Returns the segment with the topic filled in and the shortest legal value for all that comes from messages.
    fn sample(&self, topic: &str) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Literal(literal) => literal.clone(),
            Piece::Topic => topic_path(topic),
            Piece::Partition | Piece::Key | Piece::Header(_) => "0".to_owned(),
            Piece::Date => "2000-01-01".to_owned(),
        };
        self.pieces.iter().map(text).collect()
    }
}

impl Piece {
    fn placeholder(name: &str) -> Result<Self, EntryTemplateError> {
        match (name, name.strip_prefix("header:")) {
            (_, Some("")) => Err(EntryTemplateError::HeaderWithoutName),
            (_, Some(header)) => Ok(Self::Header(header.to_owned())),
            ("topic", None) => Ok(Self::Topic),
            ("partition", None) => Ok(Self::Partition),
            ("key", None) => Ok(Self::Key),
            ("date", None) => Ok(Self::Date),
            (unknown, None) => Err(EntryTemplateError::UnknownPlaceholder(unknown.to_owned())),
        }
    }
}

fn split(text: &str) -> Result<Vec<Segment>, EntryTemplateError> {
    let mut segments = Vec::new();
    let mut segment = Segment::default();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('/') {
            segments.push(std::mem::take(&mut segment));
            rest = after;
            continue;
        }
        let (piece, after) = take_piece(rest)?;
        segment.pieces.push(piece);
        rest = after;
    }
    segments.push(segment);
    Ok(segments)
}

fn take_piece(text: &str) -> Result<(Piece, &str), EntryTemplateError> {
    if let Some(after) = text.strip_prefix('{') {
        let (name, rest) =
            after.split_once('}').ok_or_else(|| EntryTemplateError::UnclosedPlaceholder(after.to_owned()))?;
        return Ok((Piece::placeholder(name)?, rest));
    }
    let (literal, rest) = text.split_at(text.find(['/', '{']).unwrap_or(text.len()));
    match literal.chars().find(|&c| !is_segment_character(c)) {
        Some(character) => Err(EntryTemplateError::Character(character)),
        None => Ok((Piece::Literal(literal.to_owned()), rest)),
    }
}

fn check_segment(segment: &Segment) -> Result<(), EntryTemplateError> {
    if segment.pieces.is_empty() {
        return Err(EntryTemplateError::EmptySegment);
    }
    let mut literal_bytes = 0;
    for piece in &segment.pieces {
        match piece {
            Piece::Literal(text) => literal_bytes += text.len(),
            Piece::Key | Piece::Header(_) if segment.pieces.len() > 1 => {
                return Err(EntryTemplateError::NotAlone(piece.to_string()));
            }
            Piece::Key | Piece::Header(_) | Piece::Topic | Piece::Partition | Piece::Date => {}
        }
    }
    if literal_bytes > SEGMENT_BYTES_MAX {
        return Err(EntryTemplateError::SegmentTooLong(literal_bytes));
    }
    Ok(())
}

fn check_last(segments: &[Segment]) -> Result<(), EntryTemplateError> {
    match segments.last().map(Segment::pieces) {
        Some([Piece::Literal(text)]) => {
            check_last_segment(text).map_err(EntryTemplateError::ReservedLastSegment)
        }
        Some(_) | None => Ok(()),
    }
}

impl std::fmt::Display for Piece {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Literal(text) => formatter.write_str(text),
            Self::Topic => formatter.write_str("{topic}"),
            Self::Partition => formatter.write_str("{partition}"),
            Self::Key => formatter.write_str("{key}"),
            Self::Header(name) => write!(formatter, "{{header:{name}}}"),
            Self::Date => formatter.write_str("{date}"),
        }
    }
}

/// Why a text is no entry template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryTemplateError {
    /// A `{` has no `}`.
    #[error("a placeholder must be closed by '}}': {0:?}")]
    UnclosedPlaceholder(String),
    /// No placeholder has that name.
    #[error(
        "a placeholder must be {{topic}}, {{partition}}, {{key}}, {{header:NAME}} or {{date}}, not {{{0}}}"
    )]
    UnknownPlaceholder(String),
    /// `{header:}` names no header.
    #[error("the placeholder {{header:NAME}} must name a header")]
    HeaderWithoutName,
    /// The store cannot hold the character.
    #[error(
        "an entry template must consist of placeholders, letters, digits, '_', '-' and '/', without {0:?}"
    )]
    Character(char),
    /// The template is empty, or `/` stands at an end or twice in a row.
    #[error("an entry template must not have an empty segment")]
    EmptySegment,
    /// The literal text of a segment is too long.
    #[error("a segment of an entry template must have at most {SEGMENT_BYTES_MAX} bytes, not {0}")]
    SegmentTooLong(usize),
    /// A value of unknown length and kind shares its segment.
    #[error("{0} must be a whole segment of the entry template")]
    NotAlone(String),
    /// Partitions would share an entry.
    #[error("an entry template must contain {{partition}} as a whole segment")]
    PartitionMissing,
    /// Topics would share an entry.
    #[error("an entry template for {0} topics must contain {{topic}} as a whole segment")]
    TopicMissing(usize),
    /// The store keeps the last segment for itself.
    #[error("the last segment of an entry template must be free to use")]
    ReservedLastSegment(#[source] EntryNameError),
}

#[cfg(test)]
mod tests;
