//! Pure. How many messages a partition takes before the store has shown any.

use std::time::Duration;

use super::{A, Bench, DELAY, SPAN_MAX, message};
use crate::pipeline::{Answer, Effect, Input, Request};
use crate::record::Entry;
use crate::writer::Head;

/// Most messages that are taken beyond the limit: a batch of two that waits, and one on its way.
const OVERSHOOT: usize = 4;

/// Lets a partition take and write messages with these keys while it wants more; returns what it has written.
fn fill(bench: &mut Bench, key: impl Fn(i64) -> &'static str) -> Vec<(Entry, Head)> {
    let mut written = Vec::new();
    while bench.state.wants_messages() {
        let messages = [bench.next, bench.next + 1].map(|offset| message(Some(key(offset)), offset));
        bench.next += 2;
        let mut input = Some(Input::Messages(messages.into()));
        while let Some(effects) = input.take().map(|input| bench.state.step(bench.now, input)) {
            let request = effects
                .into_iter()
                .find_map(|effect| if let Effect::Send(request) = effect { Some(request) } else { None });
            input = request.map(|request| Input::Answer(answer(request, &mut written)));
        }
    }
    written
}

fn answer(request: Request, written: &mut Vec<(Entry, Head)>) -> Answer {
    if let Request::Survey(entries) = request {
        return Answer::Surveyed(Ok(entries.into_iter().map(|(entry, from)| (entry, from, None)).collect()));
    }
    let Request::Write(batch) = request else {
        panic!("nothing else is asked where all is new: {request:?}");
    };
    let head = |place, identity| Head { place, identity: Some(identity) };
    written.extend(batch.records.iter().map(|it| (it.entry.clone(), head(it.place, it.identity))));
    Answer::Written(Ok(vec![Ok(()); batch.records.len()]))
}

#[test]
fn long_names_of_many_entries_leave_room_for_fewer_messages_until_they_are_shown() {
    let mut alike = Bench::new(false, None);
    let count = fill(&mut alike, |_| A.unwrap()).len();
    assert!((SPAN_MAX - 6..=SPAN_MAX + OVERSHOOT).contains(&count), "{count}: one name is hardly noticed");

    let mut bench = Bench::new(false, None);
    let long = |offset: i64| &*format!("{offset:0>240}").leak();
    let written = fill(&mut bench, long);
    let room = SPAN_MAX * usize::try_from(crate::memory::PROOF).unwrap();
    let names: usize = written.iter().map(|(entry, _)| entry.as_str().len()).sum();
    assert!(names <= room, "{names} bytes of names in {room}");
    assert!(written.len() < SPAN_MAX / 2, "{}", written.len());

    bench.now += DELAY * 2;
    assert_eq!(bench.step(Input::Tick), ["read back"]);
    bench.step(Input::Answer(Answer::Shown { heads: Ok(written), took: Duration::ZERO }));
    assert!(bench.state.wants_messages(), "what was shown takes no room");
}
