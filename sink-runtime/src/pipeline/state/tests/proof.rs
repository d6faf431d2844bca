//! Pure. What a partition does to prove what it wrote, and how it ends.

use std::time::Duration;

use super::{A, Bench, DELAY, PATIENCE, head};
use crate::pipeline::{Answer, Checked, Input, KnownReason};
use crate::record::Entry;
use crate::writer::StoreError;

#[test]
fn stop_waits_for_the_one_request_and_its_proof_and_begins_nothing() {
    let mut bench = Bench::new(false, None);
    bench.messages(&[A, A, A, A]);
    bench.survey();
    assert_eq!(bench.stop(PATIENCE), [""; 0]);
    assert!(!bench.state.is_clean());
    let written = Answer::Written(Ok(vec![Ok(()), Ok(())]));
    assert_eq!(bench.step(Input::Answer(written)), ["stored"]);
    assert!(!bench.state.is_clean());
    assert_eq!(bench.prove(&[0, 1]), ["stopped"]);
    assert!(bench.state.is_clean());
    assert_eq!(bench.offset(), 2);
}

#[test]
fn stop_gives_up_where_it_may_not_ask_any_more() {
    let mut bench = Bench::written(false);
    assert_eq!(bench.stop(PATIENCE), [""; 0]);
    bench.now = bench.state.due().unwrap();
    assert_eq!(bench.step(Input::Tick), ["read back"]);
    assert_eq!(bench.step(Input::Answer(Answer::NotSent)), ["stopped"]);
    assert!(!bench.state.is_clean());
    assert_eq!(bench.offset(), 0);
}

#[test]
fn stop_breaks_a_question_off_before_its_write_and_still_proves_what_was_written() {
    let mut bench = Bench::written(false);
    assert_eq!(bench.messages(&[Some("b"), Some("b")]), ["survey"]);
    assert_eq!(bench.stop(PATIENCE), ["break off"]);
    assert_eq!(bench.step(Input::Tick), [""; 0], "it is told once");
    assert_eq!(bench.step(Input::Answer(Answer::BrokenOff)), [""; 0]);
    assert_eq!(bench.prove(&[0, 1]), ["stopped"]);
    assert!(bench.state.is_clean());
    assert_eq!(bench.offset(), 2);
}

#[test]
fn stop_lets_a_proof_go_on_for_a_while_and_then_breaks_it_off() {
    let mut bench = Bench::written(false);
    bench.now = bench.state.due().unwrap();
    assert_eq!(bench.step(Input::Tick), ["read back"]);
    assert_eq!(bench.stop(PATIENCE), [""; 0]);
    bench.now = bench.state.due().unwrap();
    assert_eq!(bench.step(Input::Tick), ["break off"]);
    assert_eq!(bench.state.due(), None, "nothing is awaited but the answer");
    assert_eq!(bench.step(Input::Answer(Answer::BrokenOff)), ["stopped"]);
    assert!(!bench.state.is_clean());
    assert_eq!(bench.offset(), 0);
}

#[test]
fn stop_does_not_wait_long_for_a_store_that_shows_nothing() {
    let mut bench = Bench::written(false);
    bench.stop(PATIENCE);
    let mut effects = Vec::new();
    for _ in 0..20 {
        bench.now = bench.state.due().unwrap_or(bench.now);
        effects = bench.step(Input::Tick);
        if effects == ["stopped"] {
            break;
        }
        let failed = Err(StoreError::Unreachable("gone".to_owned()));
        effects = bench.step(Input::Answer(Answer::Shown { heads: failed, took: Duration::ZERO }));
    }
    assert_eq!(effects.last(), Some(&"stopped"));
    assert!(!bench.state.is_clean());
}

/// Ends with two records unproven and so much time, against a store that fails for so long; tells whether it ends clean, and
/// how long that takes.
fn end_against(patience: Duration, failing_for: Duration) -> (bool, Duration) {
    let mut bench = Bench::written(false);
    let begun = bench.now;
    let mut effects = bench.stop(patience);
    while effects != ["stopped"] {
        bench.now = bench.state.due().expect("it waits for a moment");
        assert_eq!(bench.step(Input::Tick), ["read back"]);
        let failed = || Err(StoreError::Unreachable("gone".to_owned()));
        let is_failing = bench.now < begun + failing_for;
        let heads = if is_failing { failed() } else { Ok(vec![head(0), head(1)]) };
        effects = bench.step(Input::Answer(Answer::Shown { heads, took: Duration::ZERO }));
        effects.retain(|effect| *effect != "failing");
    }
    (bench.state.is_clean(), bench.now - begun)
}

#[test]
fn stop_proves_what_was_written_for_as_long_as_it_may_and_no_longer() {
    let seconds = Duration::from_secs;
    let (is_clean, took) = end_against(PATIENCE, seconds(8));
    assert!(!is_clean && took <= PATIENCE, "{took:?}");
    let (is_proven, lasted) = end_against(seconds(18), seconds(8));
    assert!(is_proven && lasted >= seconds(8) && lasted <= seconds(18), "{lasted:?}");
}

#[test]
fn partition_that_is_taken_away_while_it_stops_ends_earlier_and_never_later() {
    let mut bench = Bench::written(false);
    assert_eq!(bench.stop(Duration::from_secs(18)), [""; 0]);
    assert_eq!(bench.stop(Duration::from_secs(30)), [""; 0]);
    assert_eq!(bench.stop(DELAY / 2), ["stopped"], "what it wrote is not ripe by then");
    assert!(!bench.state.is_clean());
}

#[test]
fn offset_moves_when_the_store_shows_what_it_took() {
    let mut bench = Bench::written(false);
    assert_eq!(bench.offset(), 0);
    assert_eq!(bench.state.due(), Some(bench.now + DELAY * 3 / 2));
    assert_eq!(bench.prove(&[0, 1]), [""; 0]);
    assert_eq!(bench.offset(), 2);
    assert!(bench.state.is_clean());
}

#[test]
fn what_the_store_does_not_show_is_read_and_written_again() {
    let mut bench = Bench::written(false);
    assert_eq!(bench.prove(&[0]), ["missing", "go back"]);
    assert_eq!(bench.offset(), 1);
    assert!(!bench.state.is_clean() || bench.state.wants_messages());
    bench.next = 1;
    assert_eq!(bench.messages(&[A, A]), [""; 0], "not at once");
    bench.now = bench.state.due().unwrap();
    assert_eq!(bench.step(Input::Tick), ["check"]);
    assert_eq!(bench.step(Input::Answer(Answer::Checked(Ok(Checked::default())))), ["write"]);
    assert_eq!(bench.step(Input::Answer(Answer::Written(Ok(vec![Ok(()), Ok(())])))), ["rewritten", "stored"]);
    assert_eq!(bench.prove(&[1, 2]), [""; 0]);
    assert_eq!(bench.offset(), 3);
}

#[test]
fn restart_of_the_store_takes_everything_unsafe_back() {
    let mut bench = Bench::written(false);
    bench.prove(&[0, 1]);
    bench.now += Duration::from_mins(6);
    assert_eq!(bench.see(200), ["go back with a commit"]);
    assert_eq!(bench.offset(), 0);
    bench.next = 0;
    assert_eq!(bench.messages(&[A, A]), ["check"]);
    let checked = Checked { heads: vec![head(0)], horizons: Vec::new() };
    assert_eq!(bench.step(Input::Answer(Answer::Checked(Ok(checked)))), ["found", "write"]);
    assert_eq!(bench.offset(), 1, "what is found after the restart has outlived it");
    assert_eq!(bench.step(Input::Answer(Answer::Written(Ok(vec![Ok(())])))), ["rewritten", "stored"]);
}

#[test]
fn expired_records_are_not_written_again() {
    let mut bench = Bench::written(false);
    bench.prove(&[0, 1]);
    bench.see(200);
    bench.next = 0;
    bench.messages(&[A, A]);
    let horizons = vec![(Entry::new("a/0"), head(1).1.place)];
    let checked = Checked { heads: Vec::new(), horizons };
    assert_eq!(bench.step(Input::Answer(Answer::Checked(Ok(checked)))), ["expired", "write"]);
    assert_eq!(bench.offset(), 1);
}

#[test]
fn partition_asks_for_nothing_before_the_store_was_seen() {
    let mut bench = Bench::unseen(false, None);
    assert_eq!(bench.messages(&[A, A]), [""; 0]);
    assert_eq!(bench.state.due(), None);
    assert_eq!(bench.see(100), ["survey"]);
}

#[test]
fn letters_are_not_sent_twice_when_their_messages_come_again() {
    let mut bench = Bench::new(true, None);
    bench.messages(&[A, None, A]);
    bench.step(Input::Letters(vec![Ok(())]));
    bench.survey();
    bench.now = bench.state.due().unwrap_or(bench.now);
    bench.step(Input::Tick);
    bench.survey();
    bench.step(Input::Answer(Answer::Written(Ok(vec![Ok(()), Ok(())]))));
    assert_eq!(bench.prove(&[2]), ["missing", "go back"]);
    bench.next = 0;
    assert_eq!(bench.messages(&[A, None, A]), [""; 0], "no letter");
}

#[test]
fn partition_says_why_it_stands_still() {
    let reason_of = |bench: &Bench| bench.state.known_reason();
    assert_eq!(reason_of(&Bench::unseen(false, None)), Some(KnownReason::StoreAway));
    assert_eq!(reason_of(&Bench::new(false, Some(Duration::from_secs(17)))), Some(KnownReason::FencingWait));
    let mut held = Bench::new(false, None);
    held.messages(&[None]);
    assert_eq!(reason_of(&held), Some(KnownReason::Hold));
    for (error, expected) in [
        (StoreError::Unreachable("gone".to_owned()), KnownReason::BackOff),
        (StoreError::TimedOut("late".to_owned()), KnownReason::LockTimeout),
    ] {
        let mut bench = Bench::written(false);
        assert!(bench.state.has_backlog(), "what is not shown has not ended");
        assert_eq!(reason_of(&bench), None);
        bench.now = bench.state.due().unwrap();
        bench.step(Input::Tick);
        bench.step(Input::Answer(Answer::Shown { heads: Err(error), took: Duration::ZERO }));
        assert_eq!(reason_of(&bench), Some(expected));
        bench.now = bench.state.due().unwrap();
        bench.step(Input::Tick);
        assert_eq!(reason_of(&bench), None, "it asks again");
        let heads = Ok(vec![head(0), head(1)]);
        bench.step(Input::Answer(Answer::Shown { heads, took: Duration::ZERO }));
        assert!(!bench.state.has_backlog());
        assert_eq!(bench.state.shown(), 2);
    }
    let mut bench = Bench::written(false);
    bench.prove(&[0, 1]);
    bench.see(200);
    assert_eq!(reason_of(&bench), Some(KnownReason::Replay), "the store was restarted");
    bench.stop(PATIENCE);
    assert_eq!(reason_of(&bench), Some(KnownReason::Draining));
}
