//! Pure. Which sinks meet. The property begins with an entry and writes it down as a template twice, each time in
//! another way: whatever the ways, two templates that can both make this entry must be said to meet.

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::{prop_assert, prop_assert_eq};

use super::EntryShapes;
use crate::entry_template::{EntryTemplate, Piece};

fn shapes(template: &str, topic: &str) -> EntryShapes {
    EntryShapes::of(&EntryTemplate::parse(template, 1).unwrap(), [topic])
}

fn check(one: (&str, &str), other: (&str, &str), expected: bool) {
    let (first, second) = (shapes(one.0, one.1), shapes(other.0, other.1));
    assert_eq!(first.can_meet(&second), expected, "{one:?} {other:?}");
    assert_eq!(second.can_meet(&first), expected, "{other:?} {one:?}");
}

#[test]
fn one_topic_meets_itself_and_no_other() {
    let default = EntryTemplate::DEFAULT;
    check((default, "cameras"), (default, "cameras"), true);
    check((default, "cameras"), (default, "camera"), false);
    check((default, "sensors.raw"), (default, "sensors"), false);
    check((default, "sensors.raw"), (default, "sensors_raw"), false);
    check((default, "a"), ("site/{topic}/{partition}", "a"), false);
}

#[test]
fn a_topic_may_spell_what_another_sink_writes_otherwise() {
    check(("{topic}/{partition}", "sensors.3"), ("{topic}/{partition}/{key}", "sensors"), true);
    check(("{topic}/{partition}", "sensors.3"), ("{topic}/{partition}/{date}", "sensors"), false);
    check(("{topic}/{partition}", "a.b"), ("a/{topic}/{partition}", "b"), true);
    check(("{partition}/x", "a"), ("{partition}/{header:line}", "b"), true);
}

#[test]
fn only_what_can_stand_in_a_place_meets() {
    check(("{partition}/{key}", "a"), ("{partition}/{key}", "b"), true);
    check(("x/{partition}", "a"), ("{partition}/{partition}", "b"), false);
    check(("{partition}/{date}", "a"), ("{partition}/day-{date}", "b"), false);
    check(("{partition}/{date}", "a"), ("{partition}/2026-11-{partition}", "b"), true);
    check(("{partition}/p{partition}", "a"), ("{partition}/p1{partition}", "b"), true);
    check(("{partition}/p{partition}", "a"), ("{partition}/p{partition}x", "b"), false);
}

#[test]
fn any_pair_of_topics_is_enough() {
    let template = EntryTemplate::parse(EntryTemplate::DEFAULT, 2).unwrap();
    let one = EntryShapes::of(&template, ["a", "b"]);
    assert!(one.can_meet(&EntryShapes::of(&template, ["c", "b"])));
    assert!(!one.can_meet(&EntryShapes::of(&template, ["c", "d"])));
}

/// How a segment is written into a template, where it can be.
#[derive(Clone, Copy, Debug)]
enum Form {
    Literal,
    Key,
    Header,
    Partition,
    /// Its last digits are the partition's.
    PartitionAtEnd,
    /// The first day in it is the date.
    Date,
}

const DAY: &str = "2026-11-21";

fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9_-]{1,4}",
        (0..300_u32).prop_map(|number| number.to_string()),
        (0..30_u32).prop_map(|number| format!("p{number}")),
        Just(DAY.to_owned()),
        Just(format!("day-{DAY}")),
    ]
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![
        Just(Form::Literal),
        Just(Form::Key),
        Just(Form::Header),
        Just(Form::Partition),
        Just(Form::PartitionAtEnd),
        Just(Form::Date),
    ]
}

/// A way to write an entry of up to six segments: the form of each, and which run of them is the topic.
fn way() -> impl Strategy<Value = (Vec<Form>, usize, usize)> {
    (proptest::collection::vec(form(), 6), 0..6_usize, 0..3_usize)
}

/// Writes a segment in a form; as it is where the form does not fit.
fn written(segment: &str, form: Form) -> String {
    let end = segment.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let number = &segment[end..];
    let is_number = number.parse::<u32>().is_ok_and(|value| value.to_string() == number);
    match form {
        Form::Key => "{key}".to_owned(),
        Form::Header => "{header:h}".to_owned(),
        Form::Partition if end == 0 && is_number => "{partition}".to_owned(),
        Form::PartitionAtEnd if is_number => format!("{}{{partition}}", &segment[..end]),
        Form::Date => segment.replacen(DAY, "{date}", 1),
        Form::Literal | Form::Partition | Form::PartitionAtEnd => segment.to_owned(),
    }
}

/// Writes an entry as a template and a topic that make it; `partition` is the segment that must be the partition.
fn template(entry: &[String], partition: usize, way: &(Vec<Form>, usize, usize)) -> (String, String) {
    let (forms, begin, length) = way;
    let topic: Vec<_> = entry.iter().skip(*begin).take(*length).cloned().collect();
    let has_topic = !topic.is_empty() && !(*begin..begin + topic.len()).contains(&partition);
    let mut segments = Vec::new();
    for (index, segment) in entry.iter().enumerate() {
        if index == partition {
            segments.push("{partition}".to_owned());
        } else if has_topic && index == *begin {
            segments.push("{topic}".to_owned());
        } else if !has_topic || !(*begin..begin + topic.len()).contains(&index) {
            segments.push(written(segment, forms[index]));
        }
    }
    let topic = if has_topic { topic.join(".") } else { "elsewhere".to_owned() };
    (segments.join("/"), topic)
}

/// The digits that partitions are written with are digits of both: an index into the segments.
fn entry() -> impl Strategy<Value = (Vec<String>, usize, usize)> {
    let number = (0..300_u32).prop_map(|number| number.to_string());
    let segments = proptest::collection::vec(segment(), 0..4);
    (segments, number.clone(), number, any::<proptest::sample::Index>(), any::<proptest::sample::Index>())
        .prop_map(|(mut segments, first, second, at, then)| {
            let first_at = at.index(segments.len() + 1);
            segments.insert(first_at, first);
            let second_at = then.index(segments.len() + 1);
            segments.insert(second_at, second);
            (segments, if second_at <= first_at { first_at + 1 } else { first_at }, second_at)
        })
}

/// Tells whether a template makes an entry of messages of a topic: every piece finds its value there.
fn makes(template: &EntryTemplate, topic: &str, entry: &[String]) -> bool {
    let mut rest = entry.iter();
    let is_made = template.segments().iter().all(|segment| match segment.pieces() {
        [Piece::Topic] => topic.split('.').all(|part| rest.next().is_some_and(|found| found == part)),
        pieces => rest.next().is_some_and(|found| fills(pieces, found)),
    });
    is_made && rest.next().is_none()
}

/// Tells whether pieces within one segment make a text.
fn fills(pieces: &[Piece], text: &str) -> bool {
    let left = pieces.iter().try_fold(text, |left, piece| match piece {
        Piece::Literal(literal) => left.strip_prefix(literal.as_str()),
        Piece::Date => left.strip_prefix(DAY),
        Piece::Partition => Some(left.trim_start_matches(|c: char| c.is_ascii_digit())),
        Piece::Key | Piece::Header(_) => Some(""),
        Piece::Topic => None,
    });
    left == Some("")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn never_says_no_to_two_ways_of_writing_one_entry(entry in entry(), one in way(), other in way()) {
        let (segments, first, second) = entry;
        let mut made = Vec::new();
        for (partition, way) in [(first, &one), (second, &other)] {
            let (text, topic) = template(&segments, partition, way);
            let Ok(parsed) = EntryTemplate::parse(&text, 1) else { return Ok(()) };
            prop_assert!(makes(&parsed, &topic, &segments), "{text} with {topic} does not make {segments:?}");
            made.push(EntryShapes::of(&parsed, [topic.as_str()]));
        }
        prop_assert!(made[0].can_meet(&made[1]), "{segments:?}");
        prop_assert_eq!(made[1].can_meet(&made[0]), true);
    }
}
