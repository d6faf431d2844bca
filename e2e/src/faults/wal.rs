//! The form of the store's write-ahead logs, as far as is needed to tear one. Pure.
//!
//! A log is a run of entries and an end mark, in a file that is longer from the start: type (1 byte), length (8 bytes,
//! big-endian), data, checksum (8 bytes); the mark is a type of 255.

use std::ops::Range;

const END_MARK: u8 = 255;
const HEAD_BYTES: usize = 9;
const CHECKSUM_BYTES: usize = 8;

/// Returns where the last entry lies; none if the log is empty or is no log.
#[must_use]
pub fn last_entry(log: &[u8]) -> Option<Range<usize>> {
    let mut last = None;
    let mut at = 0;
    while *log.get(at)? != END_MARK {
        let length = log.get(at + 1..at + HEAD_BYTES)?.try_into().ok().map(u64::from_be_bytes)?;
        let end = at.checked_add(HEAD_BYTES + CHECKSUM_BYTES)?.checked_add(usize::try_from(length).ok()?)?;
        last = Some(at..end);
        at = end;
    }
    last
}

/// Returns how long the file must be for its log to end inside its last entry.
#[must_use]
pub fn torn_length(log: &[u8]) -> Option<u64> {
    let last = last_entry(log)?;
    u64::try_from(last.start + last.len() / 2).ok()
}

#[cfg(test)]
mod tests {
    use super::{last_entry, torn_length};

    fn log(sizes: &[usize]) -> Vec<u8> {
        let mut log = Vec::new();
        for size in sizes {
            log.push(0);
            log.extend((*size as u64).to_be_bytes());
            log.extend(vec![7; size + 8]);
        }
        log.push(255);
        log.extend([0; 100]);
        log
    }

    #[test]
    fn last_entry_is_found_before_the_end_mark() {
        assert_eq!(last_entry(&log(&[10, 30])), Some(27..27 + 47));
        assert_eq!(torn_length(&log(&[10, 30])), Some(27 + 23));
    }

    #[test]
    fn log_without_entries_cannot_be_torn() {
        assert_eq!(last_entry(&log(&[])), None);
        assert_eq!(last_entry(&[]), None);
    }

    #[test]
    fn log_that_is_torn_already_is_left_alone() {
        let mut torn = log(&[10, 30]);
        torn.truncate(50);
        assert_eq!(last_entry(&torn), None);
    }
}
