//! Pure. Where partitions begin.

use std::sync::Arc;

use kafkasink_crds::runtime_config::StartFrom;

use super::{Facts, Start, Truncated, start, start_of_new};
use crate::kafka::{CommitMetadata, Signature};
use crate::ledger::CommitPoint;
use crate::progress::Progress;
use crate::record::{Offset, Partition, PlaceState, TimestampUs, Topic, TopicPartition};
use crate::registry::GroupStart;
use crate::source::{Commit, Promise};
use crate::store_start::StoreStart;

/// When the group began.
const BEGUN_AT: u64 = 1_795_262_400;

fn signature(writer: &str, mapping: &str) -> Signature {
    Signature { writer_id: writer.to_owned(), sink_uid: "uid".to_owned(), mapping: mapping.to_owned() }
}

fn point(offset: i64, last: Option<u64>) -> CommitPoint {
    let state = last.map(|last| PlaceState { last: TimestampUs(last), last_source: TimestampUs(last) });
    CommitPoint { offset: Offset(offset), state }
}

fn committed(by: &Signature, is_clean: bool, progress: Progress) -> CommitMetadata {
    promised(by, is_clean, progress, progress.point.offset.0)
}

fn promised(by: &Signature, is_clean: bool, progress: Progress, reach: i64) -> CommitMetadata {
    let promise = Promise::first(Offset(reach));
    CommitMetadata::new(by, &Commit { is_clean, promise, ..commit(progress, None) })
}

fn commit(progress: Progress, other_mapping: Option<Arc<str>>) -> Commit {
    Commit {
        partition: partition("t", 0),
        progress,
        life: None,
        is_clean: false,
        is_owner: true,
        other_mapping,
        promise: Promise::first(progress.point.offset),
        group_start: Some(GroupStart { at: BEGUN_AT, partitions: 2 }),
    }
}

/// A commit at 15 that is safe up to 12.
fn progress() -> Progress {
    Progress {
        safe: point(12, Some(6)),
        store_start: Some(StoreStart(7)),
        ..Progress::at(point(15, Some(9)))
    }
}

fn begin(committed: Option<i64>, metadata: Option<CommitMetadata>, from: StartFrom) -> Start {
    start(&Facts { committed, metadata, low: 10, high: 20 }, from, &signature("me", "m"))
}

#[test]
fn partition_without_a_commit_begins_where_the_sink_says() {
    for (from, offset) in [(StartFrom::Earliest, 10), (StartFrom::Latest, 20)] {
        let start = begin(None, None, from);
        assert_eq!(start.progress, Progress::at(point(offset, None)));
        assert!(!start.is_fenced && start.other_mapping.is_none());
    }
}

#[test]
fn only_a_clean_or_own_commit_needs_no_wait() {
    let by = |writer, is_clean| Some(committed(&signature(writer, "m"), is_clean, progress()));
    let is_fenced = |metadata| begin(Some(15), metadata, StartFrom::Latest).is_fenced;
    assert!(!is_fenced(by("other", true)));
    assert!(!is_fenced(by("me", false)));
    assert!(is_fenced(by("other", false)));
    assert!(is_fenced(None));
}

#[test]
fn start_goes_on_as_the_commit_says() {
    let metadata = committed(&signature("me", "m"), true, progress());
    let start = begin(Some(15), Some(metadata.clone()), StartFrom::Latest);
    assert_eq!((start.progress, start.other_mapping, start.lost), (progress(), None, 0));
}

#[test]
fn records_above_the_safe_point_stay_those_of_the_mapping_that_made_them() {
    let before = committed(&signature("before", "old"), true, progress());
    let first = begin(Some(15), Some(before), StartFrom::Latest);
    assert_eq!(first.other_mapping.as_deref(), Some("old"));
    // The first member of the new mapping crashes after it has committed its start.
    let commit = commit(first.progress, first.other_mapping);
    let metadata = CommitMetadata::new(&signature("first", "m"), &commit);
    let second = begin(Some(15), Some(metadata), StartFrom::Latest);
    assert_eq!(second.other_mapping.as_deref(), Some("old"), "they are not its own either");
}

#[test]
fn nothing_above_the_safe_point_needs_no_other_mapping() {
    let safe = committed(&signature("before", "old"), true, Progress::at(point(15, Some(9))));
    assert_eq!(begin(Some(15), Some(safe), StartFrom::Latest).other_mapping, None);
    let taken = committed(&signature("before", "old"), true, progress());
    assert_eq!(begin(Some(4), Some(taken), StartFrom::Latest).other_mapping, None, "retention took it all");
}

#[test]
fn what_retention_took_is_counted_from_the_commit_and_not_from_the_safe_point() {
    let lost = |offset| begin(Some(offset), None, StartFrom::Earliest).lost;
    assert_eq!((lost(4), lost(10), lost(25)), (6, 0, 0));
    let metadata = committed(&signature("me", "m"), true, progress());
    let start = start(
        &Facts { committed: Some(15), metadata: Some(metadata), low: 14, high: 20 },
        StartFrom::Earliest,
        &signature("me", "m"),
    );
    assert_eq!(
        (start.lost, start.progress.safe.offset),
        (0, Offset(12)),
        "the way back is found out when it is gone"
    );
}

#[test]
fn what_was_stored_before_going_back_is_not_lost_when_retention_takes_it() {
    let gone_back = Progress { proven: Offset(15), ..Progress::at(point(5, Some(3))) };
    let metadata = committed(&signature("me", "m"), false, gone_back);
    let begin = |low| {
        let facts = Facts { committed: Some(5), metadata: Some(metadata.clone()), low, high: 20 };
        let start = start(&facts, StartFrom::Earliest, &signature("me", "m"));
        (start.progress.point.offset.0, start.progress.proven.0, start.lost)
    };
    assert_eq!(begin(0), (5, 15, 0));
    assert_eq!(begin(10), (10, 15, 0), "all of it was stored");
    assert_eq!(begin(15), (15, 15, 0));
    assert_eq!(begin(18), (18, 18, 3), "counted from what was committed before going back");
}

#[test]
fn log_that_lost_its_end_is_read_from_its_start_and_told() {
    let gone_back = Progress { proven: Offset(30), ..progress() };
    let metadata = committed(&signature("me", "m"), true, gone_back);
    let start = begin(Some(25), Some(metadata), StartFrom::Latest);
    let truncated = Truncated { committed: Offset(25), end: Offset(20) };
    assert_eq!((start.truncated, start.lost), (Some(truncated), 0));
    assert_eq!(start.progress.point, point(10, Some(9)));
    assert_eq!(start.progress.proven, Offset(10), "what comes again may be something else");
    assert_eq!(begin(Some(20), None, StartFrom::Latest).truncated, None);
}

#[test]
fn commit_out_of_range_begins_at_the_log_start_and_has_nothing_to_go_back_to() {
    let metadata = committed(&signature("me", "m"), true, progress());
    let start = begin(Some(4), Some(metadata), StartFrom::Latest);
    assert!(start.progress.is_safe());
    assert_eq!(start.progress.point, point(10, Some(9)));
}

fn partition(topic: &str, number: i32) -> TopicPartition {
    TopicPartition { topic: Topic::new(topic), partition: Partition(number) }
}

/// Where a partition begins whose sink says `Latest`, so many seconds after the group has begun, by what is committed for
/// partition 0 of some topics.
fn begin_new(number: i32, seconds: u64, commits: &[(&str, Option<CommitMetadata>)]) -> StartFrom {
    let commits: Vec<_> = commits.iter().map(|(topic, told)| (partition(topic, 0), told.clone())).collect();
    let given = commits.iter().map(|(of, told)| (of, told.as_ref()));
    start_of_new(StartFrom::Latest, &partition("t", number), BEGUN_AT + seconds, given)
}

fn begun() -> CommitMetadata {
    committed(&signature("other", "m"), false, Progress::at(point(0, None)))
}

#[test]
fn latest_holds_only_for_a_group_that_has_only_begun() {
    let read = committed(&signature("other", "m"), false, progress());
    assert_eq!(begin_new(1, 9, &[]), StartFrom::Latest);
    assert_eq!(begin_new(1, 9, &[("t", Some(begun())), ("u", Some(begun()))]), StartFrom::Latest);
    assert_eq!(begin_new(1, 9, &[("t", Some(begun())), ("u", Some(read))]), StartFrom::Earliest);
    assert_eq!(begin_new(1, 9, &[("t", None)]), StartFrom::Earliest);
}

#[test]
fn partition_that_comes_after_the_group_has_begun_is_read_from_its_beginning() {
    assert_eq!(begin_new(1, 9, &[("t", Some(begun()))]), StartFrom::Latest, "the second of two");
    assert_eq!(begin_new(2, 9, &[("t", Some(begun()))]), StartFrom::Earliest, "a third");
    assert_eq!(begin_new(1, 61, &[("t", Some(begun()))]), StartFrom::Earliest, "a leader was away");
    assert_eq!(
        begin_new(0, 9, &[("u", Some(begun()))]),
        StartFrom::Latest,
        "another topic's member was quicker"
    );
    assert_eq!(begin_new(0, 61, &[("u", Some(begun()))]), StartFrom::Earliest, "the topic is new");
    let ahead = GroupStart { at: BEGUN_AT + 3_600, partitions: 2 };
    let ahead = CommitMetadata { group_start: Some(ahead), ..begun() };
    assert_eq!(begin_new(1, 9, &[("t", Some(ahead))]), StartFrom::Earliest, "a clock that was wrong");
    let untold = CommitMetadata { group_start: None, ..begun() };
    assert_eq!(begin_new(1, 9, &[("t", Some(untold))]), StartFrom::Earliest, "the version before");
}

/// Begins by the mapping `m` where a commit at 15 of a log from 10 to 20 promises as much; returns the reach, and the mapping
/// that is waited for.
fn begin_beyond(by: &Signature, is_clean: bool, reach: i64) -> (i64, Option<String>) {
    let metadata = promised(by, is_clean, Progress::at(point(15, Some(9))), reach);
    let start = begin(Some(15), Some(metadata), StartFrom::Latest);
    (start.reach.0, start.other_mapping.map(|mapping| mapping.to_string()))
}

#[test]
fn what_another_mapping_may_have_stored_beyond_its_commit_is_remembered() {
    let old = || Some("old".to_owned());
    assert_eq!(begin_beyond(&signature("other", "old"), true, 15), (15, None), "it has gone no further");
    assert_eq!(begin_beyond(&signature("other", "old"), true, 18), (18, old()), "a message held it");
    assert_eq!(begin_beyond(&signature("me", "old"), false, 18), (18, old()), "it was killed");
    assert_eq!(begin_beyond(&signature("me", "m"), false, 18), (18, None), "its own it finds");
}

#[test]
fn nobody_has_stored_what_was_not_there_unless_he_is_still_at_work() {
    let old = || Some("old".to_owned());
    assert_eq!(begin_beyond(&signature("me", "old"), false, 70_000), (20, old()));
    assert_eq!(begin_beyond(&signature("other", "old"), false, 70_000), (70_000, old()));
}

#[test]
fn what_retention_took_nobody_stores_again() {
    let old = signature("other", "old");
    let begin = |reach, low| {
        let metadata = Some(promised(&old, false, progress(), reach));
        let facts = Facts { committed: Some(15), metadata, low, high: 40 };
        let start = start(&facts, StartFrom::Latest, &signature("me", "m"));
        (start.progress.point.offset.0, start.reach.0, start.other_mapping.is_some())
    };
    assert_eq!(begin(30, 29), (29, 30, true));
    assert_eq!(begin(30, 30), (30, 30, false));
}

#[test]
fn whoever_does_not_tell_may_have_stored_whatever_is_there() {
    let old = |mapping: &str| {
        let text = format!(r#"{{"v":1,"instance":"other","clean":false,"mapping":"{mapping}"}}"#);
        CommitMetadata::parse(&text)
    };
    let begin = |metadata| {
        let start = begin(Some(15), metadata, StartFrom::Latest);
        (start.reach.0, start.other_mapping.is_some())
    };
    assert_eq!(begin(old("old")), (20, true));
    assert_eq!(begin(old("m")), (20, false));
    assert_eq!(begin(None), (20, false), "somebody has set the offset");
}
