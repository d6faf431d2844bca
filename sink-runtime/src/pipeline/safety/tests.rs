//! Pure. When a point becomes safe: by time, by later records, by outliving a restart.

use std::time::{Duration, Instant};

use super::{Basis, SAFE_AFTER, Safety, Sequence};
use crate::ledger::CommitPoint;
use crate::record::{Entry, Offset, TimestampUs};

const BLOCK: Option<u64> = Some(10);

/// Room for twenty entries.
const ROOM: usize = 20 * super::ENTRY;

struct Bench {
    safety: Safety,
    now: Instant,
    offset: i64,
}

impl Bench {
    fn new() -> Self {
        let now = tokio::time::Instant::now().into_std();
        let mut safety = Safety::new(point(0), ROOM);
        safety.restart(None);
        Self { safety, now, offset: 0 }
    }

    /// Proves records at these places, one after another, marks what is reached, and returns the safe offset.
    fn prove(&mut self, entry: &str, places: &[u64]) -> i64 {
        self.safety.begin(&Entry::new(entry), None);
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
        self.safety.confirm(self.now);
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
fn two_blocks_of_later_records_make_safe_at_once() {
    let mut bench = Bench::new();
    bench.prove("a", &[1, 2]);
    let two_blocks_less_one: Vec<u64> = (3..22).collect();
    assert_eq!(bench.prove("a", &two_blocks_less_one), 0, "its block may still be in the cache");
    assert_eq!(bench.prove("a", &[22]), 2);
}

#[test]
fn each_entry_needs_later_records_of_its_own() {
    let mut bench = Bench::new();
    bench.prove("b", &[1]);
    let many: Vec<u64> = (1..40).collect();
    assert_eq!(bench.prove("a", &many), 0);
    let more: Vec<u64> = (2..22).collect();
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
    let started = bench.now + Duration::from_millis(1);
    assert_eq!(bench.safety.restart(Some(started)), Offset(3));
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
fn what_was_proven_before_a_restart_is_told_from_what_was_proven_before_it_was_noticed() {
    let mut bench = Bench::new();
    bench.prove("a", &[1, 2]);
    let started = bench.now + Duration::from_millis(1);
    bench.prove("a", &[3, 4]);
    assert_eq!(bench.safety.restart(Some(started)), Offset(2));
}

#[test]
fn what_the_last_owner_has_committed_is_made_safe_by_time_alone() {
    let mut bench = Bench { safety: Safety::new(point(0), ROOM), ..Bench::new() };
    bench.offset = 5;
    assert_eq!(bench.pass(Duration::from_secs(1)), 0);
    assert_eq!(bench.pass(SAFE_AFTER), 5);
}

#[test]
fn records_below_what_the_entry_held_before_do_not_fill_each_others_blocks() {
    let mut bench = Bench::new();
    bench.safety.begin(&Entry::new("a"), Some(TimestampUs(1_000)));
    bench.prove("a", &[1, 2]);
    let many: Vec<u64> = (3..40).collect();
    assert_eq!(bench.prove("a", &many), 0);
}

#[test]
fn nothing_is_safe_before_the_store_was_seen_once_more() {
    let mut bench = Bench::new();
    let places: Vec<u64> = (1..40).collect();
    let asked = bench.now;
    bench.prove("a", &[1]);
    bench.prove("a", &places[1..]);
    let mut unseen = Bench::new();
    unseen.safety.begin(&Entry::new("a"), None);
    unseen.safety.proven(&Entry::new("a"), TimestampUs(1));
    unseen.safety.reached(unseen.now, point(1));
    unseen.safety.advance(unseen.now + SAFE_AFTER, BLOCK);
    unseen.safety.confirm(asked);
    assert_eq!((bench.safety.point().offset, unseen.safety.point().offset), (Offset(1), Offset(0)));
}

#[test]
fn entries_without_number_stay_within_their_room_and_become_safe_by_time() {
    let mut bench = Bench::new();
    let name = |key: u64| format!("{key:0>255}");
    for round in 1..=100 {
        for key in 0..30 {
            bench.safety.begin(&Entry::new(&name(key)), None);
            bench.safety.proven(&Entry::new(&name(key)), TimestampUs(round));
        }
        bench.offset += 30;
        assert_eq!(bench.pass(Duration::from_secs(1)), 0, "only time makes these safe");
    }
    assert_eq!(bench.pass(SAFE_AFTER), bench.offset);
    let mut few = Bench::new();
    for round in 1..=100 {
        for key in 0..20 {
            few.prove(&name(key), &[round]);
        }
        let counted = few.safety.marks.iter().filter_map(|mark| match &mark.basis {
            Basis::Counted(counts) => Some(counts.len()),
            Basis::Outlived | Basis::Time => None,
        });
        let slots = |length: usize| (length * 8 / 7).next_power_of_two();
        let names = few.safety.sequences.keys().map(|entry| 16 + entry.as_str().len()).sum::<usize>();
        let tables = slots(few.safety.sequences.capacity()) * (size_of::<(Entry, Sequence)>() + 1)
            + slots(20) * (size_of::<(Entry, u64)>() + 1);
        let held = names + tables + counted.sum::<usize>() * size_of::<(Entry, u64)>();
        assert!(held <= ROOM, "{held} of {ROOM}");
    }
}
