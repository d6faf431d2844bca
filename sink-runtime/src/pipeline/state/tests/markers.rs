//! Pure. How a partition gets past what is no message.

use super::{A, Bench};
use crate::pipeline::{Answer, Input};
use crate::record::Offset;

#[test]
fn markers_move_an_idle_partition_and_need_no_proof() {
    let mut bench = Bench::new(false, None);
    assert_eq!(bench.step(Input::Passed(Offset(5))), [""; 0]);
    assert_eq!((bench.state.answered_to(), bench.offset()), (Offset(5), 5));
    assert!(bench.state.is_clean());
    assert!(bench.state.progress().is_safe(), "what was safe stays so, nothing lies between");
    assert_eq!(bench.state.due(), None);
}

#[test]
fn markers_do_not_overtake_messages_that_wait() {
    let mut bench = Bench::new(false, None);
    bench.messages(&[A; 6]);
    assert_eq!(bench.step(Input::Passed(Offset(10))), [""; 0]);
    assert_eq!(bench.survey(), ["write"]);
    let written = || Input::Answer(Answer::Written(Ok(vec![Ok(()), Ok(())])));
    for answered in [2, 4] {
        assert_eq!(bench.step(written()), ["stored", "write"]);
        assert_eq!((bench.state.answered_to(), bench.offset()), (Offset(answered), 0));
    }
    assert_eq!(bench.step(written()), ["stored"]);
    assert_eq!((bench.state.answered_to(), bench.offset()), (Offset(10), 0), "an answer proves nothing");
    assert_eq!(bench.prove(&[0, 1, 2, 3, 4, 5]), [""; 0]);
    assert_eq!(bench.offset(), 10);
}

#[test]
fn messages_behind_markers_move_the_offset_as_ever() {
    let mut bench = Bench::new(false, None);
    bench.messages(&[A; 5]);
    bench.step(Input::Passed(Offset(7)));
    bench.next = 8;
    bench.messages(&[A]);
    bench.survey();
    for _ in 0..3 {
        bench.step(Input::Answer(Answer::Written(Ok(vec![Ok(()), Ok(())]))));
    }
    assert_eq!(bench.state.answered_to(), Offset(9));
    assert_eq!(bench.prove(&[0, 1, 2, 3, 4, 8]), [""; 0]);
    assert_eq!(bench.offset(), 9);
}

#[test]
fn markers_are_read_again_after_going_back_and_hide_no_gap() {
    let mut bench = Bench::written(false);
    bench.step(Input::Passed(Offset(6)));
    bench.prove(&[0, 1]);
    assert_eq!(bench.offset(), 6);
    assert_eq!(bench.see(200), ["go back with a commit"]);
    assert_eq!(bench.offset(), 0);
    // Compaction took both messages meanwhile, and each may have moved the places after it.
    assert_eq!(bench.step(Input::Passed(Offset(3))), [""; 0]);
    assert_eq!(bench.offset(), 3);
    bench.next = 5;
    bench.messages(&[A]);
    assert_eq!(bench.state.slack_us, 5);
}
