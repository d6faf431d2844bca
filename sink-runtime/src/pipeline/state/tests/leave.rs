//! Pure. Nothing is mapped or written before the registry has given leave.

use std::time::Duration;

use super::{A, Bench, PATIENCE};
use crate::pipeline::cut::Cut;
use crate::pipeline::{Answer, Done, Effect, Input, Request};
use crate::record::{Entry, Life, TimestampUs};
use crate::registry::{Admission, LifeNumber, RegistryError};

pub(super) fn admission(life: u32) -> Input {
    let topic_id = "-_-_______8BI0VniavN7w".parse().ok();
    let admission = Admission::Admitted { life: LifeNumber(life), topic_id };
    Input::Answer(Answer::Registry(Ok(Done::Admission(admission))))
}

#[test]
fn leave_to_write_is_the_first_thing_that_is_asked() {
    let mut bench = Bench::begin(false, Some(Duration::from_secs(17)), false);
    assert_eq!(bench.see(100), [""; 0]);
    assert_eq!(bench.messages(&[A, A]), [""; 0], "not while the last owner may write");
    bench.now = bench.state.due().unwrap();
    assert_eq!(bench.step(Input::Tick), ["ask for leave"]);
    assert_eq!(bench.step(admission(1)), ["admitted", "survey"]);
}

#[test]
fn records_of_a_later_life_carry_its_mark() {
    let mut bench = Bench::begin(false, None, false);
    bench.state.cut = Cut::None;
    assert_eq!(bench.see(100), ["ask for leave"]);
    assert_eq!(bench.messages(&[A, A]), [""; 0], "nothing is mapped before the life is known");
    bench.step(admission(2));
    let found = vec![(Entry::new("a/0"), TimestampUs(0), None)];
    let effects = bench.state.step(bench.now, Input::Answer(Answer::Surveyed(Ok(found))));
    let Some(Effect::Send(Request::Write(batch))) = effects.into_iter().next() else {
        panic!("nothing is written");
    };
    assert!(batch.records.iter().all(|record| record.identity.life == Life(Some(0xfbff_bfff))));
}

#[test]
fn registry_that_does_not_answer_is_asked_again_and_stopping_does_not_wait_for_it() {
    let mut bench = Bench::begin(false, None, false);
    bench.see(100);
    let failed = RegistryError::NotKept { home: Entry::new("a") };
    assert_eq!(bench.step(Input::Answer(Answer::Registry(Err(failed)))), ["registry failing"]);
    bench.now = bench.state.due().unwrap();
    assert_eq!(bench.step(Input::Tick), ["ask for leave"]);
    let waiting = Ok(Done::Admission(Admission::Waiting));
    assert_eq!(bench.step(Input::Answer(Answer::Registry(waiting))), [""; 0]);
    assert_eq!(bench.stop(PATIENCE), ["stopped"]);
    assert!(bench.state.is_clean());
}
