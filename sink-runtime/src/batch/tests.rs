//! Pure. What a batch takes and what it turns away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Batch, BatchLimits, OpenBatch, Planned};
use crate::budget::Hold;
use crate::invariants::places_unique;
use crate::record::{
    Entry, Headers, Identity, Label, Life, Message, Offset, Record, Resolution, SourceTime, TimestampUs,
};

const LIMITS: BatchLimits =
    BatchLimits { records: 3, bytes: 10, header_bytes: 1_000, age: Duration::from_millis(100) };

fn planned(place: u64, body: usize, labels: &[(&str, &str)]) -> Planned {
    let label = |(name, value): &(&str, &str)| Label { name: (*name).to_owned(), value: (*value).to_owned() };
    let record = Record {
        entry: Entry::new("e"),
        place: TimestampUs(place),
        source: SourceTime { microseconds: place.into(), resolution: Resolution::Milliseconds },
        identity: Identity { life: Life::FIRST, offset: Offset(0) },
        labels: labels.iter().map(label).collect(),
        content_type: Arc::from("text/plain"),
        body: Bytes::from(vec![0; body]),
    };
    let message = Message {
        offset: Offset(0),
        timestamp_ms: None,
        key: None,
        value: None,
        headers: Headers::Readable(vec![]),
        hold: Hold::none(),
    };
    Planned { message, record: Arc::new(record) }
}

fn check(records: Vec<Planned>, expected: &[bool]) {
    let now = Instant::now_for_tests();
    let mut open = OpenBatch::default();
    let taken: Vec<bool> =
        records.into_iter().map(|planned| open.push(now, Box::new(planned), LIMITS).is_ok()).collect();
    assert_eq!(taken, expected);
    assert!(places_unique(open.take().iter().map(|planned| &*planned.record)));
}

/// A point in time without asking a clock for its own sake.
trait NowForTests {
    fn now_for_tests() -> Self;
}

impl NowForTests for Instant {
    fn now_for_tests() -> Self {
        tokio::time::Instant::now().into_std()
    }
}

#[test]
fn limits_of_records_bytes_and_labels_hold() {
    check((0..4).map(|place| planned(place, 1, &[])).collect(), &[true, true, true, false]);
    check(vec![planned(0, 6, &[]), planned(1, 5, &[])], &[true, false]);
    let long = "x".repeat(600);
    check(vec![planned(0, 1, &[("a", &long)]), planned(1, 1, &[("a", &long)])], &[true, false]);
}

#[test]
fn larger_record_travels_alone() {
    check(vec![planned(0, 50, &[]), planned(1, 0, &[])], &[true, false]);
}

#[test]
fn records_of_one_place_follow_one_another() {
    let mut open = OpenBatch::default();
    let now = Instant::now_for_tests();
    for _ in 0..3 {
        assert!(open.push(now, Box::new(planned(5, 1, &[])), LIMITS).is_ok());
    }
    let places: Vec<u64> = open.take().iter().map(|planned| planned.record.place.0).collect();
    assert_eq!(places, [5, 6, 7]);
}

#[test]
fn batch_knows_all_names_of_each_entry() {
    let records = vec![planned(0, 1, &[("a", "1")]).record, planned(1, 1, &[("b", "2")]).record];
    let batch = Batch::new(records);
    let names: Vec<&str> = batch.names[&Entry::new("e")].iter().map(String::as_str).collect();
    assert_eq!(names, ["a", "b"]);
}
