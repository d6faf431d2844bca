//! Pure. When a point becomes safe: by time, by later records, by outliving a restart.

use std::time::{Duration, Instant};

use super::{SAFE_AFTER, Safety};
use crate::ledger::CommitPoint;
use crate::record::{Entry, Offset, TimestampUs};

const BLOCK: Option<u64> = Some(10);

struct Bench {
    safety: Safety,
    now: Instant,
    offset: i64,
}

impl Bench {
    fn new() -> Self {
        let now = tokio::time::Instant::now().into_std();
        Self { safety: Safety::new(point(0)), now, offset: 0 }
    }

    /// Proves records at these places, one after another, marks what is reached, and returns the safe offset.
    fn prove(&mut self, entry: &str, places: &[u64]) -> i64 {
        for place in places {
            self.safety.proven(&Entry::new(entry), TimestampUs(*place));
            self.offset += 1;
        }
        self.pass(Duration::from_secs(1))
    }

    fn pass(&mut self, time: Duration) -> i64 {
        self.now += time;
        self.safety.reached(self.now, point(self.offset));
        self.safety.advance(self.now, BLOCK);
        self.safety.point().offset.0
    }
}

fn point(offset: i64) -> CommitPoint {
    CommitPoint { offset: Offset(offset), state: None }
}

#[test]
fn proven_records_are_safe_after_a_while() {
    let mut bench = Bench::new();
    assert_eq!(bench.prove("a", &[1, 2, 3]), 0);
    assert_eq!(bench.safety.due(), Some(bench.now + SAFE_AFTER));
    assert_eq!(bench.pass(SAFE_AFTER), 3);
    assert_eq!(bench.safety.due(), None);
}

#[test]
fn a_blocks_worth_of_later_records_makes_safe_at_once() {
    let mut bench = Bench::new();
    bench.prove("a", &[1, 2]);
    assert_eq!(bench.prove("a", &[3, 4, 5, 6, 7, 8, 9, 10, 11]), 0, "nine more may share its block");
    assert_eq!(bench.prove("a", &[12]), 2);
}

#[test]
fn each_entry_needs_later_records_of_its_own() {
    let mut bench = Bench::new();
    bench.prove("b", &[1]);
    let many: Vec<u64> = (1..40).collect();
    assert_eq!(bench.prove("a", &many), 0);
    let more: Vec<u64> = (2..12).collect();
    assert_eq!(bench.prove("b", &more), 1);
}

#[test]
fn a_late_record_is_made_safe_by_time_alone() {
    let mut bench = Bench::new();
    bench.prove("a", &[100, 50]);
    let many: Vec<u64> = (101..140).collect();
    assert_eq!(bench.prove("a", &many), 0);
    assert_eq!(bench.pass(SAFE_AFTER), 41);
}

#[test]
fn what_is_found_after_a_restart_has_outlived_it() {
    let mut bench = Bench::new();
    bench.prove("a", &[1, 2, 3]);
    bench.safety.restart();
    bench.offset = 2;
    assert_eq!(bench.pass(Duration::from_secs(1)), 2, "nothing had to be written");
    assert_eq!(bench.prove("a", &[3]), 2, "this one had to");
}

#[test]
fn points_above_the_one_gone_back_to_are_forgotten() {
    let mut bench = Bench::new();
    bench.prove("a", &[1, 2]);
    bench.prove("a", &[3, 4]);
    bench.safety.go_back(point(2));
    bench.offset = 2;
    assert_eq!(bench.pass(SAFE_AFTER), 2);
    assert_eq!(bench.safety.due(), None);
}

#[test]
fn what_is_no_record_is_as_safe_as_what_lies_before() {
    let mut bench = Bench::new();
    bench.offset = 3;
    assert_eq!(bench.pass(Duration::ZERO), 3, "nothing lies before");
    assert_eq!(bench.prove("a", &[1, 2]), 3);
    bench.offset = 9;
    assert_eq!(bench.pass(Duration::ZERO), 3, "the records before are not safe");
    assert_eq!(bench.pass(SAFE_AFTER), 9);
    assert_eq!(bench.safety.due(), None);
}
