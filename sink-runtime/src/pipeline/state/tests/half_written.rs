//! Pure. How a partition gets past records that were never finished.

use std::time::Duration;

use super::{A, Bench, free, half};
use crate::pipeline::{Answer, Effect, Input, Request};
use crate::writer::StoreError;

#[test]
fn half_written_record_is_deleted_after_it_has_said_so_for_two_seconds() {
    let mut bench = Bench::new(false, None);
    bench.messages(&[A, A]);
    bench.survey();
    let taken = Err(StoreError::from_status(409, "A record with timestamp 1 already exists"));
    assert_eq!(bench.step(Input::Answer(Answer::Written(Ok(vec![Ok(()), taken])))), ["stored", "check"]);
    assert_eq!(bench.check_nothing(), ["probe"]);
    assert_eq!(bench.step(Input::Answer(Answer::Probed(vec![half()]))), ["failing"]);
    bench.now += Duration::from_secs(1);
    assert!(bench.step(Input::Tick).is_empty(), "its request may still be at work");
    bench.now += Duration::from_secs(1);
    assert_eq!(bench.step(Input::Tick), ["probe"]);
    assert_eq!(bench.step(Input::Answer(Answer::Probed(vec![half()]))), ["failing", "mend"]);
    assert_eq!(bench.step(Input::Answer(Answer::Mended(Ok(())))), ["write"]);
}

#[test]
fn half_written_records_are_deleted_at_once_with_those_of_the_next_batch() {
    let mut bench = Bench::unseen(false, None);
    bench.see(100);
    bench.messages(&[A, A, A, A]);
    // Nobody knows whether the last owner died within a request, and how far that reached.
    assert_eq!(bench.survey(), ["probe"]);
    assert_eq!(bench.step(Input::Answer(Answer::Probed(vec![half(), half()]))), ["failing"]);
    bench.now += Duration::from_secs(2);
    let probe = bench.state.step(bench.now, Input::Tick);
    assert!(matches!(probe.as_slice(), [Effect::Send(Request::Probe(places))] if places.len() == 4));
    let answers = vec![half(), half(), half(), free()];
    let mend = bench.state.step(bench.now, Input::Answer(Answer::Probed(answers)));
    let Some(Effect::Send(Request::Mend(places))) = mend.last() else {
        panic!("{mend:?}");
    };
    let deleted: Vec<u64> = places.iter().map(|(_, place)| place.0).collect();
    assert_eq!(deleted, [1_000_000, 1_001_000, 1_002_000]);
    assert_eq!(bench.step(Input::Answer(Answer::Mended(Ok(())))), ["write"]);
}

#[test]
fn deletion_of_which_the_end_is_unknown_begins_with_the_question_again() {
    let mut bench = Bench::unseen(false, None);
    bench.see(100);
    bench.messages(&[A, A]);
    bench.survey();
    let halves = || Input::Answer(Answer::Probed(vec![half(), half()]));
    bench.step(halves());
    bench.now += Duration::from_secs(2);
    bench.step(Input::Tick);
    assert_eq!(bench.step(halves()), ["failing", "mend"]);
    let unclear = StoreError::Unclear("reset".to_owned());
    assert_eq!(bench.step(Input::Answer(Answer::Mended(Err(unclear)))), ["failing"]);
    bench.now = bench.state.due().unwrap();
    assert_eq!(bench.step(Input::Tick), ["probe"]);
    assert_eq!(bench.step(Input::Answer(Answer::Probed(vec![free(), free()]))), ["write"]);
}
