//! Pure. What a partition does with messages that can never be stored.

use std::time::Duration;

use super::{A, Bench, SPAN_MAX, head, message};
use crate::dead_letter::{DeadLetterError, Obstacle};
use crate::pipeline::{Answer, Input};

#[test]
fn intake_ends_while_too_much_waits_for_one_letter() {
    let mut bench = Bench::new(true, None);
    assert_eq!(bench.messages(&[None]), ["deliver"]);
    let most = i64::try_from(SPAN_MAX).unwrap();
    for offset in (1..=most).step_by(2) {
        // The name of the one entry takes the place of two.
        assert_eq!(bench.state.wants_messages(), offset < most - 2, "{offset}");
        // As many are stored as are rejected: that is no flood.
        bench.step(Input::Messages(vec![message(A, offset), message(None, offset + 1)]));
        bench.now = bench.state.due().unwrap();
        if bench.step(Input::Tick) == ["survey"] {
            bench.survey();
        }
        assert_eq!(bench.step(Input::Answer(Answer::Written(Ok(vec![Ok(())])))), ["stored"]);
    }
    assert!(!bench.state.wants_messages() && !bench.state.is_held());
}

#[test]
fn flood_of_rejected_messages_holds_the_partition_and_what_was_good_is_stored() {
    let mut bench = Bench::new(true, None);
    let keys = [vec![A], vec![None; 150], vec![A]].concat();
    assert_eq!(bench.messages(&keys), ["flooded", "deliver"]);
    assert!(bench.state.is_held() && !bench.state.wants_messages());
    // 99 went as letters, 80 at once; the hundredth holds the partition, and what follows stays in Kafka's order.
    assert_eq!(bench.step(Input::Letters(vec![Ok(()); 80])), ["dead-lettered", "deliver"]);
    assert_eq!(bench.step(Input::Letters(vec![Ok(()); 19])), ["dead-lettered"]);
    bench.now = bench.state.due().unwrap();
    assert_eq!(bench.step(Input::Tick), ["survey"]);
    assert_eq!(bench.survey(), ["write"]);
    assert_eq!(bench.step(Input::Answer(Answer::Written(Ok(vec![Ok(())])))), ["stored"]);
    assert_eq!(bench.prove(&[0]), [""; 0]);
    assert_eq!(bench.offset(), 100);
    assert!(!bench.state.wants_messages(), "nothing more by itself");
}

/// The point stands before the letter and is safe, so that nothing below it can be lost; but there is something beyond it.
#[test]
fn restart_of_the_store_is_no_trifle_for_what_is_stored_behind_a_letter() {
    let mut bench = Bench::new(true, None);
    assert_eq!(bench.messages(&[None, A, A]), ["survey", "deliver"]);
    bench.step(Input::Letters(vec![Err(failure(Obstacle::TooLarge))]));
    assert_eq!(bench.survey(), ["write"]);
    assert_eq!(bench.step(Input::Answer(Answer::Written(Ok(vec![Ok(()), Ok(())])))), ["stored"]);
    bench.now = bench.state.due().unwrap();
    while bench.step(Input::Tick) == ["deliver"] {
        bench.step(Input::Letters(vec![Err(failure(Obstacle::TooLarge))]));
        bench.now = bench.state.due().unwrap();
    }
    let heads = Ok(vec![head(1), head(2)]);
    bench.step(Input::Answer(Answer::Shown { heads, took: Duration::ZERO }));
    assert_eq!((bench.offset(), bench.state.shown()), (0, 2));
    assert!(!bench.state.wants_messages(), "more is stored behind a letter that is not taken");
    assert_eq!(bench.see(200), ["go back with a commit"]);
}

#[test]
fn letter_that_cannot_be_delivered_holds_the_partition_until_it_can() {
    let mut bench = Bench::new(true, None);
    assert_eq!(bench.messages(&[None]), ["deliver"]);
    assert_eq!(bench.step(Input::Letters(vec![Err(failure(Obstacle::TooLarge))])), ["letters failing"]);
    assert!(bench.state.is_held() && bench.offset() == 0);
    bench.now = bench.state.due().unwrap();
    assert_eq!(bench.step(Input::Tick), ["deliver"]);
    assert_eq!(bench.step(Input::Letters(vec![Ok(())])), ["dead-lettered"]);
    assert!(!bench.state.is_held() && bench.offset() == 1);
}

fn failure(obstacle: Obstacle) -> DeadLetterError {
    DeadLetterError { topic: "dlq".to_owned(), bytes: 2_000_000, reason: "not taken".to_owned(), obstacle }
}
