//! Pure. Which entry holds the attachments of a topic, and which those of one of its partitions.
//!
//! | template                  | topic `a.b`  | partition 3  |
//! |---------------------------|--------------|--------------|
//! | `{topic}/{partition}`     | `a/b`        | `a/b/3`      |
//! | `site/{topic}/{partition}/{key}` | `site/a/b` | `site/a/b/3` |
//! | `{date}/{topic}/{partition}` | `_/a/b`   | `_/a/b/3`    |
//! | `site/{partition}/{topic}` | `site/0/a/b` | `site/3/a/b` |
//! | `site/{partition}` (one topic) | `site`  | `site/3`     |
//! | `{partition}` (one topic) | `0`          | `3`          |
//!
//! A topic's home ends with the segment that names it; where none does, it is what stands before the partition; where
//! nothing does, partition 0 itself. What comes from messages is `_`. Topics whose entries could meet have one home, so
//! that the second finds the first there.

use kafkasink_crds::entry_name::topic_path;
use kafkasink_crds::entry_template::{EntryTemplate, Piece, Segment};

use crate::record::{Entry, Partition, Topic, TopicPartition};

/// The partition whose owner keeps the attachment of the whole topic.
pub const KEEPER: Partition = Partition(0);

/// Stands for what comes from messages.
const ANY: &str = "_";

/// Returns the entry that holds the attachment of a topic.
#[must_use]
pub fn topic_home(template: &EntryTemplate, topic: &Topic) -> Entry {
    let segments = template.segments();
    let named = position(segments, &Piece::Topic);
    let before_partition = position(segments, &Piece::Partition).unwrap_or(segments.len());
    let length = named.map_or(before_partition.max(1), |index| index + 1);
    fill(segments.iter().take(length), topic, KEEPER)
}

/// Returns the entry that holds the attachment of a partition.
#[must_use]
pub fn partition_home(template: &EntryTemplate, partition: &TopicPartition) -> Entry {
    let segments = template.segments();
    let named = [Piece::Topic, Piece::Partition].iter().filter_map(|piece| position(segments, piece)).max();
    let length = named.map_or(segments.len(), |index| index + 1);
    fill(segments.iter().take(length), &partition.topic, partition.partition)
}

/// Returns where a piece stands; alone in its segment, if it does so anywhere: elsewhere it may not tell all apart.
fn position(segments: &[Segment], piece: &Piece) -> Option<usize> {
    let is_only = |segment: &Segment| segment.pieces() == std::slice::from_ref(piece);
    let alone = segments.iter().position(is_only);
    alone.or_else(|| segments.iter().position(|segment| segment.pieces().contains(piece)))
}

fn fill<'a>(segments: impl Iterator<Item = &'a Segment>, topic: &Topic, partition: Partition) -> Entry {
    let text = |piece: &Piece| match piece {
        Piece::Literal(literal) => literal.clone(),
        Piece::Topic => topic_path(topic.as_str()),
        Piece::Partition => partition.to_string(),
        Piece::Key | Piece::Header(_) | Piece::Date => ANY.to_owned(),
    };
    let segments: Vec<String> = segments.map(|segment| segment.pieces().iter().map(text).collect()).collect();
    Entry::new(&segments.join("/"))
}

#[cfg(test)]
mod tests {
    use kafkasink_crds::entry_template::EntryTemplate;

    use super::{partition_home, topic_home};
    use crate::record::{Partition, Topic, TopicPartition};

    fn check(template: &str, topic: &str, partition: &str) {
        let template = EntryTemplate::parse(template, 1).unwrap();
        let third = TopicPartition { topic: Topic::new("a.b"), partition: Partition(3) };
        assert_eq!(topic_home(&template, &third.topic).as_str(), topic, "{template:?}");
        assert_eq!(partition_home(&template, &third).as_str(), partition, "{template:?}");
    }

    #[test]
    fn home_ends_with_the_segment_that_names_the_topic() {
        check("{topic}/{partition}", "a/b", "a/b/3");
        check("site/{topic}/{partition}/{key}", "site/a/b", "site/a/b/3");
        check("site/{topic}/{date}/{partition}", "site/a/b", "site/a/b/_/3");
        check("site/{partition}/{topic}", "site/0/a/b", "site/3/a/b");
        check("{partition}/{topic}/{key}", "0/a/b", "3/a/b");
    }

    #[test]
    fn what_comes_from_messages_is_left_open() {
        check("{date}/{topic}/{partition}", "_/a/b", "_/a/b/3");
        check("day-{date}/{topic}/{partition}", "day-_/a/b", "day-_/a/b/3");
        check("{header:line}/{key}/{partition}", "_/_", "_/_/3");
    }

    #[test]
    fn home_of_an_unnamed_topic_is_what_stands_before_its_partitions() {
        check("site/{partition}", "site", "site/3");
        check("site/hall/{partition}/{key}", "site/hall", "site/hall/3");
        check("{partition}", "0", "3");
        check("{partition}/{key}", "0", "3");
    }

    #[test]
    fn topic_that_shares_a_segment_names_it_still() {
        check("raw-{topic}/{partition}", "raw-a/b", "raw-a/b/3");
        check("raw-{topic}/{topic}/{partition}", "raw-a/b/a/b", "raw-a/b/a/b/3");
    }
}
