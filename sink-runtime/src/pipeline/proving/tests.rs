//! Pure. When records are read back, by which questions, and what an answer means.

use std::time::{Duration, Instant};

use super::{Answered, GAP_US_MAX, Proving, RIPE_ENOUGH, ranges};
use crate::pipeline::request::ReadBack;
use crate::record::{Entry, Identity, Life, Offset, TimestampUs};
use crate::writer::Head;

const DELAY: Duration = Duration::from_secs(2);

fn identity(offset: i64) -> Identity {
    Identity { life: Life::FIRST, offset: Offset(offset) }
}

fn answered(at: Instant, offset: i64, place: u64) -> Answered {
    Answered { entry: Entry::new("e"), place: TimestampUs(place), identity: identity(offset), at }
}

fn head(offset: i64, place: u64) -> (Entry, Head) {
    (Entry::new("e"), Head { place: TimestampUs(place), identity: Some(identity(offset)) })
}

fn spans(question: Option<ReadBack>) -> Vec<(u64, u64)> {
    match question {
        Some(ReadBack::Ranges(ranges)) => ranges.iter().map(|range| (range.first.0, range.last.0)).collect(),
        Some(ReadBack::Points(places)) => places.iter().map(|(_, place)| (place.0, place.0)).collect(),
        None => Vec::new(),
    }
}

#[test]
fn records_wait_for_the_delay_and_a_while_for_company() {
    let now = tokio::time::Instant::now().into_std();
    let mut proving = Proving::new(DELAY);
    assert_eq!(proving.due(), None);
    proving.push(answered(now, 0, 5));
    proving.push(answered(now + Duration::from_millis(500), 1, 6));
    proving.push(answered(now + Duration::from_millis(1_500), 2, 7));
    let due = proving.due().unwrap();
    assert_eq!(due, now + Duration::from_secs(3));
    assert_eq!(spans(proving.ask(due)), [(5, 6)], "the third is not ripe");
    assert_eq!(proving.len(), 3);
}

#[test]
fn many_ripe_records_wait_for_no_company() {
    let now = tokio::time::Instant::now().into_std();
    let mut proving = Proving::new(DELAY);
    for offset in 0..i64::try_from(RIPE_ENOUGH).unwrap() {
        proving.push(answered(now, offset, offset.unsigned_abs()));
    }
    assert_eq!(proving.due(), Some(now + DELAY));
}

#[test]
fn only_the_own_identity_at_the_place_is_proof() {
    let now = tokio::time::Instant::now().into_std();
    let mut proving = Proving::new(DELAY);
    for (offset, place) in [(0, 5), (1, 6), (2, 7), (3, 8)] {
        proving.push(answered(now, offset, place));
    }
    proving.ask(now + DELAY * 2);
    let heads = [head(0, 5), head(9, 6), head(2, 1_000), (Entry::new("f"), head(3, 8).1)];
    let shown = proving.shown(now, &heads, Duration::ZERO);
    let offsets = |records: &[Answered]| records.iter().map(|r| r.identity.offset.0).collect::<Vec<_>>();
    assert_eq!(offsets(&shown.proven), [0]);
    assert_eq!(offsets(&shown.missing), [1, 2, 3]);
    assert!(proving.is_empty());
}

#[test]
fn question_without_an_answer_is_asked_again() {
    let now = tokio::time::Instant::now().into_std();
    let mut proving = Proving::new(DELAY);
    proving.push(answered(now, 0, 5));
    proving.push(answered(now, 1, 6));
    proving.ask(now + DELAY * 2);
    proving.unanswered();
    assert_eq!(spans(proving.ask(now + DELAY * 3)), [(5, 6)]);
}

#[test]
fn ranges_do_not_span_what_is_not_sought() {
    let places = |places: &[u64]| places.iter().map(|p| (Entry::new("e"), TimestampUs(*p))).collect();
    let found = ranges(places(&[1, 3, 20_000_000, 2]), GAP_US_MAX);
    let found: Vec<_> = found.iter().map(|range| (range.first.0, range.last.0)).collect();
    assert_eq!(found, [(1, 3), (20_000_000, 20_000_000)]);
}

#[test]
fn ranges_get_shorter_where_they_show_more_than_was_sought() {
    let now = tokio::time::Instant::now().into_std();
    let ask = |gate: &mut Proving| {
        gate.push(answered(now, 0, 0));
        gate.push(answered(now, 1, 9_000_000));
        spans(gate.ask(now + DELAY * 2)).len()
    };
    let mut proving = Proving::new(DELAY);
    assert_eq!(ask(&mut proving), 1);
    let many: Vec<_> = (0..5).map(|offset| head(offset, offset.unsigned_abs())).collect();
    proving.shown(now, &many, Duration::ZERO);
    assert_eq!(ask(&mut proving), 2);
}

#[test]
fn points_are_asked_where_blocks_overlap() {
    let now = tokio::time::Instant::now().into_std();
    let mut proving = Proving::new(DELAY);
    proving.push(answered(now, 0, 5));
    proving.ask(now + DELAY * 2);
    proving.shown(now, &[head(0, 5)], Duration::from_millis(60));
    proving.push(answered(now, 1, 6));
    proving.push(answered(now, 2, 7));
    assert!(matches!(proving.ask(now + DELAY * 2), Some(ReadBack::Points(places)) if places.len() == 2));
}

#[test]
fn what_is_remembered_of_a_message_is_what_the_memory_plan_counts() {
    assert!(Proving::BYTES_EACH as u64 <= crate::memory::PROOF, "{}", Proving::BYTES_EACH);
    let mut proving = Proving::new(Duration::ZERO);
    let now = tokio::time::Instant::now().into_std();
    for place in 0..20_000 {
        let identity = Identity { life: Life::FIRST, offset: Offset(place) };
        let place = TimestampUs(place.unsigned_abs());
        proving.push(Answered { entry: Entry::new("e"), place, identity, at: now });
    }
    assert!(proving.waiting.capacity() <= 20_000 + super::GROWTH, "{}", proving.waiting.capacity());
}

#[test]
fn names_take_the_place_of_messages_while_records_bear_them() {
    let now = tokio::time::Instant::now().into_std();
    let mut proving = Proving::new(Duration::ZERO);
    let name = |offset: i64| Entry::new(&format!("{:0>255}", offset / 2));
    for offset in 0..4_i64 {
        let (place, identity) = (TimestampUs(offset.unsigned_abs()), identity(offset));
        proving.push(Answered { entry: name(offset), place, identity, at: now });
    }
    let two_names = proving.displaced_by_names();
    assert!(two_names * Proving::BYTES_EACH >= 2 * 255 && two_names <= 8, "{two_names}");
    proving.ask(now);
    proving.unanswered();
    assert_eq!(proving.displaced_by_names(), two_names);
    proving.ask(now);
    proving.shown(now, &[], Duration::ZERO);
    assert_eq!(proving.displaced_by_names(), 0);
    proving.push(answered(now, 9, 9));
    proving.clear();
    assert_eq!(proving.displaced_by_names(), 0);
}
