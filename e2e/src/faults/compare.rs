//! Holds what the store returned against what was produced, partition by partition. Pure.

use std::ops::Add;

use crate::faults::workload::Workload;
use crate::trial::Produced;
use crate::trial::checker::{self, Stored};

/// Findings of one kind that are kept in words; there may be thousands.
const FINDINGS_MAX: usize = 10;

/// A message as it lies in the topic, at the offset that is its index.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Truth {
    /// Its number in the workload.
    pub number: u64,
    /// Its time in milliseconds since 1970-01-01 UTC.
    pub timestamp_ms: i64,
}

/// What was found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Verdict {
    /// Messages of the topic.
    pub produced: u64,
    /// Messages with a record.
    pub stored: u64,
    /// Messages without one.
    pub missing: u64,
    /// Records beyond the first of their message, and records of no message.
    pub duplicates: u64,
    /// Records that differ from their message.
    pub differing: u64,
    /// The first few of each kind, in words.
    pub findings: Vec<String>,
}

impl Verdict {
    /// Returns whether every message has one record, byte for byte.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.stored == self.produced && self.missing == 0 && self.duplicates == 0 && self.differing == 0
    }
}

impl Add for Verdict {
    type Output = Self;

    /// Returns the verdict on this part and another.
    fn add(mut self, other: Self) -> Self {
        self.findings.extend(other.findings);
        Self {
            produced: self.produced + other.produced,
            stored: self.stored + other.stored,
            missing: self.missing + other.missing,
            duplicates: self.duplicates + other.duplicates,
            differing: self.differing + other.differing,
            findings: self.findings,
        }
    }
}

/// Takes the records of one partition one after the other, so that not all are in memory at once.
pub struct Comparison<'a> {
    partition: i32,
    workload: &'a Workload,
    truths: &'a [Truth],
    /// Where the first record of each message was found.
    places: Vec<Option<u64>>,
    verdict: Verdict,
}

impl<'a> Comparison<'a> {
    /// Begins to compare a partition.
    #[must_use]
    pub fn new(partition: i32, workload: &'a Workload, truths: &'a [Truth]) -> Self {
        let produced = truths.len() as u64;
        let verdict = Verdict { produced, ..Verdict::default() };
        Self { partition, workload, truths, places: vec![None; truths.len()], verdict }
    }

    /// Takes one record.
    pub fn take(&mut self, stored: &Stored) {
        let offset = stored.labels.get("kafka_offset").and_then(|offset| offset.parse::<i64>().ok());
        let Some(offset) = offset else {
            return self.double(&format!("a record without offset at {}", stored.timestamp_us));
        };
        // A negative offset is one that was not produced.
        let index = usize::try_from(offset).unwrap_or(usize::MAX);
        let (Some(truth), Some(place)) = (self.truths.get(index), self.places.get_mut(index)) else {
            return self
                .double(&format!("offset {offset}, which was not produced, at {}", stored.timestamp_us));
        };
        if let Some(first) = place {
            let places = format!("offset {offset} at {first} and at {}", stored.timestamp_us);
            return self.double(&places);
        }
        *place = Some(stored.timestamp_us);
        self.verdict.stored += 1;
        let produced = Produced {
            message: self.workload.message(truth.number),
            partition: self.partition,
            offset,
            timestamp_ms: truth.timestamp_ms,
            life: None,
        };
        if let Err(difference) = checker::compare_one(&produced, stored) {
            self.verdict.differing += 1;
            self.find(&format!("differs: offset {offset}: {difference:#}"));
        }
    }

    /// Ends the comparison: what was not seen by now is missing.
    #[must_use]
    pub fn finish(mut self) -> Verdict {
        let missing: Vec<usize> = self
            .places
            .iter()
            .enumerate()
            .filter(|(_, place)| place.is_none())
            .map(|(index, _)| index)
            .collect();
        self.verdict.missing = missing.len() as u64;
        for (first, last) in ranges(&missing).into_iter().take(FINDINGS_MAX) {
            self.find(&format!("missing: offsets {first} to {last}"));
        }
        self.verdict
    }

    fn double(&mut self, what: &str) {
        self.verdict.duplicates += 1;
        self.find(&format!("twice: {what}"));
    }

    fn find(&mut self, what: &str) {
        if self.verdict.findings.len() < FINDINGS_MAX {
            self.verdict.findings.push(format!("partition {}: {what}", self.partition));
        }
    }
}

/// Joins neighbours.
fn ranges(numbers: &[usize]) -> Vec<(usize, usize)> {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Comparison, Truth, Verdict};
    use crate::faults::scenario::Times;
    use crate::faults::workload::Workload;
    use crate::trial::checker::Stored;
    use crate::trial::expected::expected;

    const WORKLOAD: Workload = Workload { seed: 1, partitions: 1, times: Times::Now, start_ms: 0 };

    fn record(offset: usize) -> Stored {
        let message = WORKLOAD.message(offset as u64 + 10);
        let expected = expected(&message, i64::try_from(offset).unwrap());
        let (labels, content_type): (BTreeMap<_, _>, _) = (expected.labels, expected.content_type);
        Stored { partition: 0, timestamp_us: 5_000_000, labels, content_type, body: message.value.unwrap() }
    }

    fn check(records: &[Stored], is_right: impl Fn(&Verdict) -> bool) {
        let truths: Vec<Truth> = (10..13).map(|number| Truth { number, timestamp_ms: 5_000 }).collect();
        let mut comparison = Comparison::new(0, &WORKLOAD, &truths);
        for record in records {
            comparison.take(record);
        }
        let verdict = comparison.finish();
        assert!(is_right(&verdict), "{verdict:?}");
    }

    #[test]
    fn everything_once_is_clean() {
        check(&[record(2), record(0), record(1)], Verdict::is_clean);
    }

    #[test]
    fn absent_records_are_missing_and_named() {
        check(&[record(0)], |v| v.missing == 2 && v.findings == ["partition 0: missing: offsets 1 to 2"]);
    }

    #[test]
    fn second_record_and_record_of_no_message_are_duplicates() {
        let all = [record(0), record(1), record(2)];
        let of_none = Stored { labels: BTreeMap::from([("kafka_offset".into(), "3".into())]), ..record(0) };
        check(&[all.as_slice(), &[record(1)]].concat(), |v| {
            v.duplicates == 1 && v.stored == 3 && !v.is_clean()
        });
        check(&[all.as_slice(), &[of_none]].concat(), |v| v.duplicates == 1 && !v.is_clean());
    }

    #[test]
    fn changed_byte_is_a_difference() {
        let changed = Stored { body: b"x".to_vec(), ..record(1) };
        check(&[record(0), changed, record(2)], |v| v.differing == 1 && !v.is_clean());
    }
}
