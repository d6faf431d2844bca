//! Pure. Nothing is handed out that a promise which the broker has taken does not cover.

use std::time::Duration;

use super::{A, Bench, PATIENCE, WANTED, WINDOW, message, name};
use crate::ledger::CommitPoint;
use crate::pipeline::{Answer, Beginning, Effect, GroupView, Input, KnownReason, Refusal};
use crate::progress::Progress;
use crate::record::Offset;
use crate::source::Promise;
use crate::writer::StoreError;

/// Lets a partition read so far that the promise which the broker has taken is used up, with a broker that says nothing.
fn used_up() -> Bench {
    let mut bench = Bench::new(false, None);
    bench.next = WINDOW - 1;
    let effects = bench.state.step(bench.now, Input::Passed(Offset(WINDOW - 1)));
    assert_eq!(effects.iter().map(name).collect::<Vec<_>>(), [WANTED]);
    bench
}

fn taken(promise: Promise) -> Input {
    Input::Group(GroupView { taken: Some(promise), bound: None })
}

/// Returns a partition of which 0 is committed, and safe or not, where another mapping may have gone to 9.
fn after_another(is_bounded: bool, is_safe: bool) -> Bench {
    let at = |offset| CommitPoint { offset: Offset(offset), state: None };
    let safe = at(if is_safe { 0 } else { -1 });
    let beginning = Beginning {
        progress: Progress { safe, ..Progress::at(at(0)) },
        reach: Offset(9),
        is_bounded,
        other_mapping: Some("old".into()),
        fenced_until: None,
        life: None,
        is_admitted: true,
    };
    Bench::begin_at(tokio::time::Instant::now().into_std(), false, beginning)
}

#[test]
fn promise_is_renewed_when_half_of_it_is_used_up() {
    let mut bench = Bench::new(false, None);
    assert_eq!(bench.state.promise().reach, Offset(WINDOW));
    bench.step(Input::Passed(Offset(WINDOW / 2)));
    assert_eq!(bench.state.promise().reach, Offset(WINDOW));
    bench.step(Input::Passed(Offset(WINDOW / 2 + 1)));
    assert_eq!(bench.state.promise().reach, Offset(WINDOW + WINDOW / 2 + 1));
}

#[test]
fn batch_beyond_the_promise_waits_until_the_broker_has_taken_another() {
    let mut bench = used_up();
    assert_eq!(bench.messages(&[A, A]), [""; 0]);
    assert_eq!(bench.state.known_reason(), Some(KnownReason::CommitWait));
    let time_alone = bench.state.due();
    assert!(time_alone.is_none_or(|due| due > bench.now + Duration::from_mins(1)), "{time_alone:?}");
    assert_eq!(bench.take(), ["survey"]);
    assert_eq!(bench.survey(), ["write"]);
    assert_eq!(bench.state.known_reason(), None);
}

#[test]
fn whoever_ends_well_promises_no_more_than_was_handed_out() {
    let mut bench = Bench::written(false);
    assert_eq!(bench.state.promise().reach, Offset(WINDOW));
    assert_eq!(bench.state.last_promise().reach, Offset(2), "unproven yet");
    bench.prove(&[0, 1]);
    assert_eq!((bench.offset(), bench.state.last_promise().reach), (2, Offset(2)));
}

#[test]
fn what_lies_behind_a_message_that_holds_is_remembered_at_the_end() {
    let mut bench = Bench::new(false, None);
    bench.messages(&[A, A]);
    bench.survey();
    let refused = || Err(StoreError::from_status(422, "Invalid batched header"));
    bench.step(Input::Answer(Answer::Written(refused())));
    bench.check_nothing();
    assert_eq!(bench.step(Input::Answer(Answer::Written(refused()))), ["held", "check"]);
    assert_eq!(bench.check_nothing(), ["write"]);
    assert_eq!(bench.step(Input::Answer(Answer::Written(Ok(vec![Ok(())])))), ["stored"]);
    bench.prove(&[1]);
    assert_eq!((bench.offset(), bench.state.last_promise().reach), (0, Offset(2)));
    assert_eq!(bench.state.promise().reach, Offset(2), "even if it is killed now");
}

#[test]
fn promise_is_taken_back_where_a_message_holds_the_partition_and_counts_for_nothing_then() {
    let mut bench = Bench::new(false, None);
    let before = bench.state.promise();
    assert_eq!(bench.messages(&[A, None]), ["held"]);
    assert_eq!(bench.state.promise(), before, "the record before it is still on its way");
    bench.now = bench.state.due().unwrap();
    assert_eq!(bench.step(Input::Tick), ["survey"]);
    bench.survey();
    bench.step(Input::Answer(Answer::Written(Ok(vec![Ok(())]))));
    let held = bench.state.promise();
    assert_eq!((held.reach, held.turn), (Offset(1), before.turn + 1));
    // The store does not show the record: the partition goes back, and the message that held it comes again.
    bench.now = bench.state.due().unwrap();
    bench.step(Input::Tick);
    let nothing = Input::Answer(Answer::Shown { heads: Ok(Vec::new()), took: Duration::ZERO });
    let effects: Vec<&str> = bench.state.step(bench.now, nothing).iter().map(name).collect();
    assert_eq!(effects, ["missing", "go back", WANTED]);
    for promise in [before, held] {
        bench.state.step(bench.now, taken(promise));
        assert!(!bench.state.reach.covers(Offset(1)), "{promise:?} is not the last that the broker takes");
    }
    bench.take();
    assert!(bench.state.reach.covers(Offset(1)));
}

#[test]
fn message_that_another_mapping_may_have_stored_beyond_the_commit_refuses_the_partition() {
    let mut bench = after_another(true, true);
    bench.see(100);
    assert_eq!(bench.step(Input::Passed(Offset(7))), [""; 0], "nothing was found yet");
    bench.next = 8;
    let messages = Input::Messages(vec![message(A, 8), message(A, 9)]);
    let refused = bench.state.step(bench.now, messages);
    let beyond = Refusal::StoredBeyond { point: Offset(7), reach: Offset(9) };
    assert!(matches!(refused.as_slice(), [Effect::Refused(refusal)] if *refusal == beyond), "{refused:?}");
    assert!(bench.state.is_held() && !bench.state.wants_messages());
    assert_eq!(bench.state.other_mapping().as_deref(), Some("old"), "commits bear its name");
    assert_eq!(bench.state.promise(), Promise::first(Offset(9)));
}

#[test]
fn partition_goes_on_where_the_other_mapping_was_given_nothing_beyond_the_commit() {
    let mut bench = after_another(false, true);
    bench.see(100);
    assert_eq!(bench.messages(&[A, A]), [""; 0], "nobody knows yet");
    assert_eq!(bench.state.promise(), Promise::first(Offset(9)));
    let bound = Input::Group(GroupView { taken: None, bound: Some(Offset(0)) });
    let effects: Vec<&str> = bench.state.step(bench.now, bound).iter().map(name).collect();
    assert_eq!(effects, [WANTED], "nothing is written before the broker knows by whom");
    assert_eq!(bench.state.known_reason(), Some(KnownReason::CommitWait));
    assert_eq!(bench.take(), ["survey"]);
}

#[test]
fn partition_goes_on_where_nothing_but_markers_lies_beyond_the_commit() {
    let mut bench = after_another(true, true);
    bench.see(100);
    assert_eq!(bench.step(Input::Passed(Offset(8))), [""; 0]);
    assert_eq!(bench.state.known_reason(), Some(KnownReason::MappingDrain), "a message may still come");
    bench.next = 9;
    assert_eq!(bench.step(Input::Passed(Offset(9))), [""; 0]);
    assert_eq!((bench.state.other_mapping(), bench.offset()), (None, 9));
    assert_eq!(bench.messages(&[A, A]), ["survey"]);
}

#[test]
fn first_message_that_the_other_mapping_cannot_have_reached_lets_the_partition_go_on() {
    let mut bench = after_another(true, true);
    bench.see(100);
    bench.next = 9;
    assert_eq!(bench.messages(&[A, A]), ["survey"]);
}

#[test]
fn markers_that_come_before_anything_is_known_leave_what_is_safe_safe() {
    let mut bench = after_another(false, true);
    bench.see(100);
    bench.step(Input::Passed(Offset(3)));
    bench.next = 3;
    assert!(bench.state.progress().is_safe());
    assert_eq!(bench.step(Input::Group(GroupView { taken: None, bound: Some(Offset(3)) })), [""; 0]);
    assert_eq!(bench.messages(&[A, A]), ["survey"], "there is nothing to wait for");
}

#[test]
fn what_is_waited_for_is_told_when_it_is_known() {
    let mut bench = after_another(true, false);
    assert_eq!(bench.see(100), [""; 0], "it may still be refused");
    assert_eq!(bench.step(Input::Passed(Offset(9))), ["drains"]);
    assert_eq!(bench.step(Input::Tick), [""; 0], "once");
    bench.now += crate::pipeline::safety::SAFE_AFTER;
    bench.see(100);
    bench.next = 9;
    assert_eq!(bench.messages(&[A, A]), ["survey"]);
}

#[test]
fn nothing_is_promised_before_the_entries_are_known_to_be_ours() {
    let mut bench = Bench::begin(false, None, false);
    bench.see(100);
    bench.messages(&[A, A]);
    assert_eq!(bench.state.promise().reach, Offset(0));
    bench.step(super::leave::admission(1));
    assert_eq!(bench.state.promise().reach, Offset(2 + WINDOW));
}

#[test]
fn write_that_was_never_sent_is_not_handed_out_and_gives_no_proof_up() {
    let mut bench = Bench::written(false);
    assert_eq!(bench.messages(&[A, A]), ["write"]);
    assert_eq!(bench.stop(PATIENCE), [""; 0]);
    assert!(!bench.state.is_clean(), "it may still leave");
    assert_eq!(bench.step(Input::Answer(Answer::NotSent)), [""; 0], "what was written before is shown first");
    assert_eq!(bench.prove(&[0, 1]), ["stopped"]);
    assert_eq!((bench.offset(), bench.state.last_promise().reach), (2, Offset(2)));
    assert!(bench.state.is_clean());
}

/// Ends after an answer to the first write; returns whether the end is clean, and the reach.
fn end_after(answer: Answer) -> (bool, i64) {
    let mut bench = Bench::new(false, None);
    bench.messages(&[A, A]);
    assert_eq!(bench.survey(), ["write"]);
    assert_eq!(bench.step(Input::Answer(answer)), ["failing"]);
    assert_eq!(bench.stop(PATIENCE), ["stopped"]);
    (bench.state.is_clean(), bench.state.last_promise().reach.0)
}

#[test]
fn only_what_may_have_left_makes_an_end_unclean() {
    let refused = || StoreError::Unreachable("refused".to_owned());
    let written = |error| end_after(Answer::Written(Err(error)));
    assert_eq!(end_after(Answer::Unprepared(refused())), (true, 0));
    assert_eq!(end_after(Answer::Unprepared(StoreError::from_status(403, "no"))), (true, 0));
    assert_eq!(written(refused()), (true, 0));
    assert_eq!(written(StoreError::Unclear("reset".to_owned())), (false, 2));
    assert_eq!(written(StoreError::from_status(507, "no space left")), (false, 2));
}
