//! Pure. `EntryShapes`: which entries a sink may write, so that two sinks that could write the same one are told apart
//! before either of them runs.
//!
//! ```text
//!   template  {topic}/{partition}/{date}, topic a.b   ──►   a / b / digits / dddd-dd-dd
//! ```
//!
//! A shape is a sequence of characters and classes of characters. It takes every name that the template can make, and
//! perhaps more: what one message puts into two places is not compared, nor how long a value is. So two sinks that are
//! said to keep apart do, and two that are said to meet mostly could.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::entry_name::{is_segment_character, topic_path};
use crate::entry_template::{EntryTemplate, Piece, Segment};

/// The shapes of all entries that a sink may write, one per topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryShapes(Vec<Vec<Unit>>);

/// One place in a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unit {
    class: Class,
    /// Whether any number of such characters may follow.
    repeats: bool,
}

/// What may stand in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    One(char),
    Digit,
    /// Whatever the store takes inside a segment.
    Any,
}

impl EntryShapes {
    /// Returns the shapes of the entries that a template makes of topics.
    #[must_use]
    pub fn of<'a>(template: &EntryTemplate, topics: impl IntoIterator<Item = &'a str>) -> Self {
        Self(topics.into_iter().map(|topic| shape(template, topic)).collect())
    }

    /// Tells whether a message of one sink and a message of the other could go to the same entry.
    #[must_use]
    pub fn can_meet(&self, other: &Self) -> bool {
        self.0.iter().any(|one| other.0.iter().any(|another| overlap(one, another)))
    }
}

fn shape(template: &EntryTemplate, topic: &str) -> Vec<Unit> {
    let segments: Vec<Vec<Unit>> = template.segments().iter().map(|segment| units(segment, topic)).collect();
    segments.join(&once(Class::One('/')))
}

fn units(segment: &Segment, topic: &str) -> Vec<Unit> {
    let literal = |text: &str| text.chars().map(|character| once(Class::One(character))).collect::<Vec<_>>();
    let of = |piece: &Piece| -> Vec<Unit> {
        match piece {
            Piece::Literal(text) => literal(text),
            Piece::Topic => literal(&topic_path(topic)),
            Piece::Partition => vec![Unit { class: Class::Digit, repeats: true }],
            Piece::Key | Piece::Header(_) => vec![Unit { class: Class::Any, repeats: true }],
            Piece::Date => "dddd-dd-dd".chars().map(date_unit).collect(),
        }
    };
    segment.pieces().iter().flat_map(of).collect()
}

fn date_unit(character: char) -> Unit {
    once(if character == 'd' { Class::Digit } else { Class::One(character) })
}

fn once(class: Class) -> Unit {
    Unit { class, repeats: false }
}

/// Tells whether one text fits both shapes: walks through both at once, one character a step, over every pair of places
/// that can be reached.
fn overlap(one: &[Unit], other: &[Unit]) -> bool {
    let mut reached = BTreeSet::from([(0, 0)]);
    let mut ahead = vec![(0, 0)];
    while let Some((i, j)) = ahead.pop() {
        let (Some(a), Some(b)) = (one.get(i), other.get(j)) else {
            if i == one.len() && j == other.len() {
                return true;
            }
            continue;
        };
        if !a.class.shares_a_character(b.class) {
            continue;
        }
        let next = a.places_after(i).flat_map(|i| b.places_after(j).map(move |j| (i, j)));
        ahead.extend(next.filter(|places| reached.insert(*places)));
    }
    false
}

impl Unit {
    /// Where one may stand after a character of the unit at `place`.
    fn places_after(self, place: usize) -> RangeInclusive<usize> {
        if self.repeats { place..=place + 1 } else { place + 1..=place + 1 }
    }
}

impl Class {
    fn shares_a_character(self, other: Self) -> bool {
        match (self, other) {
            (Self::One(one), Self::One(another)) => one == another,
            (Self::One(one), Self::Digit) | (Self::Digit, Self::One(one)) => one.is_ascii_digit(),
            (Self::One(one), Self::Any) | (Self::Any, Self::One(one)) => is_segment_character(one),
            (Self::Digit | Self::Any, Self::Digit | Self::Any) => true,
        }
    }
}

#[cfg(test)]
mod tests;
