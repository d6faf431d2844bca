//! Pure. What a member of a group has, as the consumer protocol writes it.
//!
//! A version, then for each topic its name and its partitions, then data of the member that nobody here reads.

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
        let length = usize::try_from(i16::from_be_bytes(take(&mut rest)?)).ok()?;
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
    use super::partitions;

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
    }
}
