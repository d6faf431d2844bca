//! Pure. What follows from a start of the store.

use std::time::{Duration, Instant};

use super::super::safety::SAFE_AFTER;
use super::{Consequence, Standing, StoreSeen};
use crate::ledger::CommitPoint;
use crate::progress::Progress;
use crate::record::Offset;
use crate::store_start::StoreStart;

fn point(offset: i64) -> CommitPoint {
    CommitPoint { offset: Offset(offset), state: None }
}

fn progress(safe: i64, committed: i64, start: Option<i64>) -> Progress {
    Progress { safe: point(safe), store_start: start.map(StoreStart), ..Progress::at(point(committed)) }
}

fn seen(now: Instant, start: i64) -> StoreSeen {
    let uptime = Duration::from_mins(10);
    StoreSeen { start: StoreStart(start), asked_at: now, seen_at: now, uptime, block_records: None }
}

/// A partition that waits for records of another mapping, which has stored none beyond the point.
fn draining() -> Standing {
    let mut standing = Standing::new(progress(5, 9, Some(100)), Some("old".into()), 10_000);
    standing.bounded(point(9));
    standing
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[test]
fn same_store_goes_on_where_it_was() {
    let mut standing = Standing::new(progress(5, 9, Some(100)), None, 10_000);
    assert!(!standing.is_open(), "nothing is known of the store yet");
    assert_eq!(standing.see(seen(now(), 103), point(9), true), Consequence::None);
    assert!(standing.is_open());
    assert_eq!(
        standing.progress(point(9)),
        progress(5, 9, Some(100)),
        "the start never gets newer by itself"
    );
}

#[test]
fn another_start_than_that_of_the_commit_means_going_back() {
    let mut standing = Standing::new(progress(5, 9, Some(100)), None, 10_000);
    assert_eq!(standing.see(seen(now(), 200), point(9), true), Consequence::GoBack);
    assert_eq!(standing.progress(point(9)).store_start, Some(StoreStart(100)), "not before it went back");
    assert_eq!(standing.restart(), (progress(5, 5, Some(200)), Offset(5)));
}

#[test]
fn restart_takes_nothing_back_from_a_partition_that_is_safe() {
    let mut standing = Standing::new(progress(9, 9, Some(100)), None, 10_000);
    assert_eq!(standing.see(seen(now(), 200), point(9), true), Consequence::None);
    assert_eq!(standing.progress(point(9)).store_start, Some(StoreStart(200)));
    assert_eq!(standing.see(seen(now(), 300), point(9), false), Consequence::GoBack, "something is unproven");
}

#[test]
fn within_one_member_no_restart_is_too_close() {
    let mut standing = Standing::new(progress(5, 9, None), None, 10_000);
    assert_eq!(standing.see(seen(now(), 100), point(9), true), Consequence::None);
    assert_eq!(standing.see(seen(now(), 102), point(9), true), Consequence::GoBack);
}

#[test]
fn records_of_another_mapping_are_waited_for_until_they_are_safe() {
    let begun = now();
    let mut standing = draining();
    standing.see(seen(begun, 100), point(9), true);
    assert!(!standing.is_open() && standing.is_draining());
    standing.advance(begun + SAFE_AFTER, point(9));
    assert!(!standing.is_open(), "the store may have been restarted since it was seen");
    assert_eq!(standing.other_mapping().as_deref(), Some("old"));
    standing.see(seen(begun + SAFE_AFTER, 100), point(9), true);
    assert!(standing.is_open() && standing.progress(point(9)).is_safe());
    assert_eq!(standing.other_mapping(), None);
}

#[test]
fn restart_just_before_the_last_look_is_no_end_of_the_wait() {
    let begun = now();
    let mut standing = draining();
    standing.see(seen(begun, 100), point(9), true);
    standing.advance(begun + SAFE_AFTER, point(9));
    let last_look = begun + SAFE_AFTER + Duration::from_secs(2);
    assert_eq!(standing.see(seen(last_look, 278), point(9), true), Consequence::Refuse);
    standing.see(seen(last_look + Duration::from_secs(5), 278), point(9), true);
    assert!(standing.is_refused() && !standing.is_open(), "the store runs on, and the records may be gone");
    assert_eq!(standing.other_mapping().as_deref(), Some("old"));
}

#[test]
fn records_of_another_mapping_are_never_replayed() {
    let mut standing = draining();
    assert_eq!(standing.see(seen(now(), 200), point(9), true), Consequence::Refuse);
    assert!(standing.is_refused() && !standing.is_open());
}

#[test]
fn nothing_ends_before_it_is_known_how_far_the_other_mapping_has_gone() {
    let begun = now();
    let mut safe = Standing::new(progress(9, 9, Some(100)), Some("old".into()), 10_000);
    assert_eq!(safe.see(seen(begun, 200), point(9), true), Consequence::None);
    assert!(!safe.is_open() && safe.is_unbounded());
    safe.bounded(point(9));
    assert!(safe.is_open() && !safe.is_unbounded());
    let mut standing = Standing::new(progress(5, 9, Some(100)), Some("old".into()), 10_000);
    standing.see(seen(begun, 100), point(9), true);
    standing.see(seen(begun + SAFE_AFTER, 100), point(9), true);
    assert!(!standing.is_open() && standing.is_draining());
    standing.bounded(point(9));
    standing.see(seen(begun + SAFE_AFTER, 100), point(9), true);
    assert!(standing.is_open());
}
