//! Pure. Who a member of a group is, by its id, and what it has, as the consumer protocol writes it.
//!
//! An assignment is a version, then for each topic its name and its partitions, then data of the member that nobody here reads.

/// Most bytes of a topic's name: a longer one is no topic of Kafka.
const NAME_MAX: usize = 249;

/// Bytes of what brokers put behind the name in a member's id: a dash and a random UUID.
const RANDOM_BYTES: usize = 37;

/// Returns the name in a member's id: its `group.instance.id` where it has one, else its `client.id`.
pub(super) fn instance_id(member_id: &str) -> &str {
    let split = member_id.len().checked_sub(RANDOM_BYTES).and_then(|end| member_id.split_at_checked(end));
    split.filter(|(_, random)| random.starts_with('-')).map_or(member_id, |(name, _)| name)
}

/// Returns topics and partitions; none where the bytes end too early. A member that has nothing yet has no bytes.
pub(super) fn partitions(assignment: &[u8]) -> Option<Vec<(String, i32)>> {
    if assignment.is_empty() {
        return Some(Vec::new());
    }
    let mut rest = assignment;
    let _version = i16::from_be_bytes(take(&mut rest)?);
    let topics = i32::from_be_bytes(take(&mut rest)?);
    let mut found = Vec::new();
    for _ in 0..topics {
        let length = usize::try_from(i16::from_be_bytes(take(&mut rest)?))
            .ok()
            .filter(|length| *length <= NAME_MAX)?;
        let (name, behind) = rest.split_at_checked(length)?;
        rest = behind;
        let name = String::from_utf8_lossy(name);
        for _ in 0..i32::from_be_bytes(take(&mut rest)?) {
            found.push((name.clone().into_owned(), i32::from_be_bytes(take(&mut rest)?)));
        }
    }
    Some(found)
}

fn take<const BYTES: usize>(rest: &mut &[u8]) -> Option<[u8; BYTES]> {
    let (first, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::{instance_id, partitions};

    #[test]
    fn name_of_a_member_stands_before_what_is_random() {
        assert_eq!(instance_id("m-0-8f1a1a35-44d5-4ef5-a0e8-52a1c4ecb0c1"), "m-0");
        for other in ["short", "a name that is long and was made up by another kind of broker"] {
            assert_eq!(instance_id(other), other);
        }
    }

    const TWO_TOPICS: &[u8] =
        b"\0\x01\0\0\0\x02\0\x01a\0\0\0\x02\0\0\0\x03\0\0\0\x07\0\x02bc\0\0\0\x01\0\0\0\0\xFF\xFF\xFF\xFF";

    #[test]
    fn all_partitions_of_all_topics_are_read() {
        let expected = [("a", 3), ("a", 7), ("bc", 0)];
        let expected = expected.map(|(topic, partition)| (topic.to_owned(), partition));
        assert_eq!(partitions(TWO_TOPICS), Some(expected.to_vec()));
    }

    #[test]
    fn member_without_an_assignment_has_nothing() {
        assert_eq!(partitions(b""), Some(Vec::new()));
        assert_eq!(partitions(b"\0\x01\0\0\0\0\xFF\xFF\xFF\xFF"), Some(Vec::new()));
    }

    #[test]
    fn broken_bytes_are_no_assignment() {
        // Without the data of the member behind them the bytes are whole.
        let whole = TWO_TOPICS.len() - 4;
        for end in 1..whole {
            assert_eq!(partitions(&TWO_TOPICS[..end]), None, "{end} bytes");
        }
        assert_eq!(partitions(b"\0\x01\0\0\0\x01\xFF\xFFa"), None, "a name of negative length");
        let long = [b"\0\x01\0\0\0\x01\0\xFA".as_slice(), &[b'a'; 250], b"\0\0\0\0"].concat();
        assert_eq!(partitions(&long), None, "a name that no topic has");
    }
}
