//! Pure. What entry templates take and refuse.

use super::{EntryTemplate, EntryTemplateError, Piece};
use crate::entry_name::EntryNameError;

fn check(text: &str, topics: usize, expected: &Result<Vec<Vec<Piece>>, EntryTemplateError>) {
    let pieces = |template: EntryTemplate| {
        template.segments().iter().map(|segment| segment.pieces().to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(EntryTemplate::parse(text, topics).map(pieces), *expected, "{text:?}");
}

fn refuse(text: &str, expected: EntryTemplateError) {
    check(text, 1, &Err(expected));
}

fn literal(text: &str) -> Piece {
    Piece::Literal(text.to_owned())
}

#[test]
fn splits_into_segments_and_pieces() {
    check(EntryTemplate::DEFAULT, 32, &Ok(vec![vec![Piece::Topic], vec![Piece::Partition]]));
    check(
        "plant-1/{partition}/day_{date}",
        1,
        &Ok(vec![vec![literal("plant-1")], vec![Piece::Partition], vec![literal("day_"), Piece::Date]]),
    );
    check(
        "{header:x/y}/{partition}/{key}",
        1,
        &Ok(vec![vec![Piece::Header("x/y".to_owned())], vec![Piece::Partition], vec![Piece::Key]]),
    );
}

#[test]
fn keeps_partitions_and_topics_apart() {
    refuse("{topic}", EntryTemplateError::PartitionMissing);
    refuse("{topic}/p{partition}", EntryTemplateError::PartitionMissing);
    check("{partition}", 2, &Err(EntryTemplateError::TopicMissing(2)));
    check("t-{topic}/{partition}", 2, &Err(EntryTemplateError::TopicMissing(2)));
    check("all/{partition}", 1, &Ok(vec![vec![literal("all")], vec![Piece::Partition]]));
}

#[test]
fn keeps_values_of_messages_in_their_own_segment() {
    refuse("{partition}/k-{key}", EntryTemplateError::NotAlone("{key}".to_owned()));
    refuse("{partition}/{header:a}{date}", EntryTemplateError::NotAlone("{header:a}".to_owned()));
}

#[test]
fn refuses_what_is_no_template() {
    refuse("", EntryTemplateError::EmptySegment);
    refuse("{partition}/", EntryTemplateError::EmptySegment);
    refuse("/{partition}", EntryTemplateError::EmptySegment);
    refuse("{partition", EntryTemplateError::UnclosedPlaceholder("partition".to_owned()));
    refuse("{partitions}", EntryTemplateError::UnknownPlaceholder("partitions".to_owned()));
    refuse("{header:}/{partition}", EntryTemplateError::HeaderWithoutName);
    refuse("a.b/{partition}", EntryTemplateError::Character('.'));
    refuse("}/{partition}", EntryTemplateError::Character('}'));
    refuse(&format!("{}/{{partition}}", "a".repeat(256)), EntryTemplateError::SegmentTooLong(256));
    let reserved = EntryNameError::ReservedLastSegment("q".to_owned());
    refuse("{partition}/q", EntryTemplateError::ReservedLastSegment(reserved));
}

#[test]
fn tells_what_it_needs_of_a_message() {
    let template = EntryTemplate::parse("{header:a}/{partition}/{header:b}/{key}/{date}", 1).unwrap();
    assert!(template.needs_key() && template.needs_date());
    assert_eq!(template.header_names().collect::<Vec<_>>(), ["a", "b"]);
    let plain = EntryTemplate::parse(EntryTemplate::DEFAULT, 1).unwrap();
    assert!(!plain.needs_key() && !plain.needs_date());
}

#[test]
fn refuses_topics_whose_entries_the_store_cannot_hold() {
    let topic_last = EntryTemplate::parse("{partition}/{topic}", 1).unwrap();
    assert_eq!(topic_last.check_topic("sensors.raw"), Ok(()));
    assert_eq!(topic_last.check_topic("a..b"), Err(EntryNameError::EmptySegment));
    assert_eq!(topic_last.check_topic("a.q"), Err(EntryNameError::ReservedLastSegment("q".to_owned())));
    let topic_first = EntryTemplate::parse(EntryTemplate::DEFAULT, 1).unwrap();
    assert_eq!(topic_first.check_topic("a.q"), Ok(()));
}
