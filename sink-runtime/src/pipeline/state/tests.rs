//! Pure. What a partition asks for, step by step.

use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::{Beginning, PartitionState, StateSettings};
use crate::batch::BatchLimits;
use crate::budget::Hold;
use crate::dead_letter::{DeadLetterError, Obstacle};
use crate::ledger::CommitPoint;
use crate::map::Mapper;
use crate::pipeline::{Answer, Checked, Effect, Input, MadeBy, Request, StoreSeen};
use crate::progress::Progress;
use crate::record::{
    Entry, Headers, Identity, Life, Message, Offset, Partition, TimestampUs, Topic, TopicPartition,
};
use crate::store_start::StoreStart;
use crate::writer::{Head, StoreError};

mod markers;

/// Time from an answer until it is read back.
const DELAY: Duration = Duration::from_secs(2);

/// Most messages without an end.
const SPAN_MAX: usize = 40;

const MAPPING: &str = "
entry: '{key}/{partition}'
timestamp: {from: Message}
labels: {headers: {policy: All}}
contentType: {default: application/octet-stream}
";

struct Bench {
    state: PartitionState,
    now: Instant,
    /// The offset of the next message.
    next: i64,
}

impl Bench {
    /// Returns a partition that has seen the store.
    fn new(has_dead_letters: bool, fenced_for: Option<Duration>) -> Self {
        let mut bench = Self::unseen(has_dead_letters, fenced_for);
        bench.see(100);
        bench
    }

    /// Returns a partition of which the store has taken two records.
    fn written(has_dead_letters: bool) -> Self {
        let mut bench = Self::new(has_dead_letters, None);
        bench.messages(&[A, A]);
        bench.survey();
        assert_eq!(bench.step(Input::Answer(Answer::Written(Ok(vec![Ok(()), Ok(())])))), ["stored"]);
        bench
    }

    fn unseen(has_dead_letters: bool, fenced_for: Option<Duration>) -> Self {
        let now = tokio::time::Instant::now().into_std();
        let limits =
            BatchLimits { records: 2, bytes: 100, header_bytes: 10_000, age: Duration::from_millis(100) };
        let mapper = Mapper::new(&serde_saphyr::from_str(MAPPING).unwrap(), 1).unwrap();
        let partition = TopicPartition { topic: Topic::new("t"), partition: Partition(0) };
        let mapper = mapper.partition(&partition, Life::FIRST, None);
        let settings = StateSettings { limits, has_dead_letters, commit_delay: DELAY, span_max: SPAN_MAX };
        let beginning = Beginning {
            progress: Progress::at(CommitPoint { offset: Offset(0), state: None }),
            made_by: MadeBy::OwnMapping,
            fenced_until: fenced_for.map(|wait| now + wait),
        };
        let random = SmallRng::seed_from_u64(1);
        Self { state: PartitionState::new(settings, partition, mapper, beginning, random), now, next: 0 }
    }

    /// Shows the partition a store that has run since `start`.
    fn see(&mut self, start: i64) -> Vec<&'static str> {
        let seen = StoreSeen {
            start: StoreStart(start),
            asked_at: self.now,
            seen_at: self.now,
            uptime: Duration::from_mins(5),
            block_records: None,
        };
        self.step(Input::Store(seen))
    }

    /// Lets the time of the next read-back come, and answers it.
    fn prove(&mut self, offsets: &[i64]) -> Vec<&'static str> {
        self.now = self.state.due().unwrap();
        assert_eq!(self.step(Input::Tick), ["read back"]);
        let heads = offsets.iter().map(|offset| head(*offset)).collect();
        self.step(Input::Answer(Answer::Shown { heads: Ok(heads), took: Duration::ZERO }))
    }

    fn offset(&self) -> i64 {
        self.state.progress().point.offset.0
    }

    /// Returns the names of what the partition wants done.
    fn step(&mut self, input: Input) -> Vec<&'static str> {
        self.state.step(self.now, input).iter().map(name).collect()
    }

    fn messages(&mut self, keys: &[Option<&'static str>]) -> Vec<&'static str> {
        let first = self.next;
        self.next += i64::try_from(keys.len()).unwrap();
        let messages = keys.iter().copied().zip(first..).map(|(key, offset)| message(key, offset));
        self.step(Input::Messages(messages.collect()))
    }

    fn survey(&mut self) -> Vec<&'static str> {
        let entry = crate::record::Entry::new("a/0");
        let found = vec![(entry, crate::record::TimestampUs(0), None)];
        self.step(Input::Answer(Answer::Surveyed(Ok(found))))
    }
}

fn message(key: Option<&'static str>, offset: i64) -> Message {
    Message {
        offset: Offset(offset),
        timestamp_ms: Some(1_000 + offset),
        key: key.map(Bytes::from),
        value: Some(Bytes::from_static(b"x")),
        headers: Headers::Readable(Vec::new()),
        hold: Hold::none(),
    }
}

fn identity(offset: i64) -> Identity {
    Identity { life: Life::FIRST, offset: Offset(offset) }
}

/// The record of a message of [`message`] with the key `a`, as the store shows it.
fn head(offset: i64) -> (Entry, Head) {
    let place = TimestampUs((1_000 + offset.unsigned_abs()) * 1_000);
    (Entry::new("a/0"), Head { place, identity: Some(identity(offset)) })
}

fn name(effect: &Effect) -> &'static str {
    match effect {
        Effect::Send(Request::Survey(_)) => "survey",
        Effect::Send(Request::Check(_)) => "check",
        Effect::Send(Request::Write(_)) => "write",
        Effect::Send(Request::Probe(_)) => "probe",
        Effect::Send(Request::Mend(_)) => "mend",
        Effect::Send(Request::ReadBack(_)) => "read back",
        Effect::GoBack { is_committed_first: true, .. } => "go back with a commit",
        Effect::GoBack { is_committed_first: false, .. } => "go back",
        Effect::Deliver(_) => "deliver",
        Effect::Stored { .. } => "stored",
        Effect::Found(_) => "found",
        Effect::Rewritten(_) => "rewritten",
        Effect::Missing { .. } => "missing",
        Effect::Expired(_) => "expired",
        Effect::Refused => "refused",
        Effect::DeadLettered(_) => "dead-lettered",
        Effect::Held { .. } => "held",
        Effect::StoreFailing { .. } => "failing",
        Effect::LettersFailing { .. } => "letters failing",
        Effect::Flooded { .. } => "flooded",
        Effect::Violated(_) => "violated",
        Effect::Stopped => "stopped",
    }
}

const A: Option<&str> = Some("a");

#[test]
fn full_batch_is_written_at_once_and_one_at_a_time() {
    let mut bench = Bench::new(false, None);
    assert_eq!(bench.messages(&[A, A, A, A]), ["survey"]);
    assert_eq!(bench.survey(), ["write"]);
    assert_eq!(bench.step(Input::Tick), [""; 0], "one request at a time");
    let written = Answer::Written(Ok(vec![Ok(()), Ok(())]));
    assert_eq!(bench.step(Input::Answer(written)), ["stored", "write"]);
    assert_eq!((bench.state.answered_to(), bench.offset()), (Offset(2), 0), "an answer proves nothing");
}

#[test]
fn open_batch_waits_for_its_age_and_no_longer() {
    let mut bench = Bench::new(false, None);
    assert_eq!(bench.messages(&[A]), [""; 0]);
    let due = bench.state.due().unwrap();
    assert_eq!(due, bench.now + Duration::from_millis(100));
    bench.now = due;
    assert_eq!(bench.step(Input::Tick), ["survey"]);
}

#[test]
fn fenced_partition_asks_for_nothing_before_its_time() {
    let mut bench = Bench::new(false, Some(Duration::from_secs(17)));
    assert_eq!(bench.messages(&[A, A]), [""; 0]);
    assert_eq!(bench.state.due(), Some(bench.now + Duration::from_secs(17)));
    bench.now += Duration::from_secs(17);
    assert_eq!(bench.step(Input::Tick), ["survey"]);
}

#[test]
fn fenced_partition_is_not_clean_before_the_last_owner_is_waited_for() {
    let mut bench = Bench::new(false, Some(Duration::from_secs(17)));
    assert!(!bench.state.is_clean());
    bench.now = bench.state.due().unwrap();
    assert_eq!(bench.step(Input::Tick), [""; 0]);
    assert!(bench.state.is_clean());
    assert_eq!(bench.state.due(), None);
}

#[test]
fn pauses_grow_while_the_store_can_be_read_and_not_written() {
    let mut bench = Bench::new(false, None);
    bench.messages(&[A, A]);
    bench.survey();
    let begun = bench.now;
    for _ in 0..8 {
        let full = StoreError::from_status(507, "no space left");
        assert_eq!(bench.step(Input::Answer(Answer::Written(Err(full)))), ["failing"]);
        bench.now = bench.state.due().unwrap();
        assert_eq!(bench.step(Input::Tick), ["check"]);
        assert_eq!(bench.step(Input::Answer(Answer::Checked(Ok(Checked::default())))), ["write"]);
    }
    assert!(bench.now - begun > Duration::from_secs(5), "{:?}", bench.now - begun);
}

#[test]
fn intake_ends_while_too_much_waits_for_one_letter() {
    let mut bench = Bench::new(true, None);
    assert_eq!(bench.messages(&[None]), ["deliver"]);
    let most = i64::try_from(SPAN_MAX).unwrap();
    for offset in (1..=most).step_by(2) {
        assert_eq!(bench.state.wants_messages(), offset < most, "{offset}");
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

#[test]
fn letter_that_cannot_be_delivered_holds_the_partition_until_it_can() {
    let mut bench = Bench::new(true, None);
    assert_eq!(bench.messages(&[None]), ["deliver"]);
    let too_large = DeadLetterError {
        topic: "dlq".to_owned(),
        bytes: 2_000_000,
        reason: "too large".to_owned(),
        obstacle: Obstacle::TooLarge,
    };
    assert_eq!(bench.step(Input::Letters(vec![Err(too_large)])), ["letters failing"]);
    assert!(bench.state.is_held() && bench.offset() == 0);
    bench.now = bench.state.due().unwrap();
    assert_eq!(bench.step(Input::Tick), ["deliver"]);
    assert_eq!(bench.step(Input::Letters(vec![Ok(())])), ["dead-lettered"]);
    assert!(!bench.state.is_held() && bench.offset() == 1);
}

#[test]
fn failed_write_is_checked_before_it_is_repeated() {
    let mut bench = Bench::new(false, None);
    bench.messages(&[A, A]);
    bench.survey();
    let unclear = || Err(StoreError::Unclear("reset".to_owned()));
    assert_eq!(bench.step(Input::Answer(Answer::Written(unclear()))), ["failing"]);
    bench.now = bench.state.due().unwrap();
    assert_eq!(bench.step(Input::Tick), ["check"]);
    assert_eq!(bench.step(Input::Answer(Answer::Checked(Ok(Checked::default())))), ["write"]);
    assert!(!bench.state.is_clean());
}

#[test]
fn taken_place_is_a_question_and_not_an_answer() {
    let taken = || StoreError::from_status(409, "A record with timestamp 1 already exists");
    let mut bench = Bench::new(false, None);
    bench.messages(&[A, A]);
    bench.survey();
    let written = Answer::Written(Ok(vec![Err(taken()), Err(taken())]));
    assert_eq!(bench.step(Input::Answer(written)), ["probe"]);
    let head = |identity| Head { place: TimestampUs(1_000_000), identity };
    let probed = Answer::Probed(vec![Ok(head(Some(identity(0)))), Ok(head(None))]);
    // The first is ours and stored; the second moves off the foreign record, whose neighbours are asked about.
    assert_eq!(bench.step(Input::Answer(probed)), ["found", "write"]);
    assert_eq!(bench.state.answered_to(), Offset(1));
}

#[test]
fn half_written_record_is_deleted_after_it_has_said_so_for_two_seconds() {
    let mut bench = Bench::new(false, None);
    bench.messages(&[A, A]);
    bench.survey();
    let taken = Err(StoreError::from_status(409, "A record with timestamp 1 already exists"));
    assert_eq!(bench.step(Input::Answer(Answer::Written(Ok(vec![Ok(()), taken])))), ["stored", "probe"]);
    let half = || Answer::Probed(vec![Err(StoreError::from_status(425, "still being written"))]);
    assert_eq!(bench.step(Input::Answer(half())), ["failing"]);
    bench.now += Duration::from_millis(200);
    assert_eq!(bench.step(Input::Tick), ["probe"]);
    assert_eq!(bench.step(Input::Answer(half())), ["failing"]);
    bench.now += Duration::from_secs(2);
    assert_eq!(bench.step(Input::Tick), ["mend"]);
    assert_eq!(bench.step(Input::Answer(Answer::Mended(Ok(())))), ["check"]);
}

#[test]
fn poison_is_found_by_halves_and_the_rest_is_stored() {
    let refused = || Err(StoreError::from_status(422, "Invalid batched header"));
    let mut bench = Bench::new(true, None);
    bench.messages(&[A, A]);
    bench.survey();
    assert_eq!(bench.step(Input::Answer(Answer::Written(refused()))), ["check"]);
    assert_eq!(bench.step(Input::Answer(Answer::Checked(Ok(Checked::default())))), ["write"]);
    assert_eq!(bench.step(Input::Answer(Answer::Written(refused()))), ["check", "deliver"]);
    assert_eq!(bench.step(Input::Letters(vec![Ok(())])), ["dead-lettered"]);
    assert_eq!(bench.step(Input::Answer(Answer::Checked(Ok(Checked::default())))), ["write"]);
    assert_eq!(bench.step(Input::Answer(Answer::Written(Ok(vec![Ok(())])))), ["stored"]);
    assert_eq!(bench.prove(&[1]), [""; 0]);
    assert_eq!(bench.offset(), 2);
}

#[test]
fn rejected_message_holds_the_partition_where_there_are_no_dead_letters() {
    let mut bench = Bench::new(false, None);
    assert_eq!(bench.messages(&[A, None, A]), ["held"]);
    assert!(bench.state.is_held() && !bench.state.wants_messages());
    bench.now = bench.state.due().unwrap();
    assert_eq!(bench.step(Input::Tick), ["survey"]);
    assert_eq!(bench.survey(), ["write"]);
    assert_eq!(bench.step(Input::Answer(Answer::Written(Ok(vec![Ok(())])))), ["stored"]);
    assert_eq!(bench.prove(&[0]), [""; 0]);
    assert_eq!(bench.offset(), 1);
}

#[test]
fn stop_waits_for_the_one_request_and_its_proof_and_begins_nothing() {
    let mut bench = Bench::new(false, None);
    bench.messages(&[A, A, A, A]);
    bench.survey();
    assert_eq!(bench.step(Input::Stop), [""; 0]);
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
    assert_eq!(bench.step(Input::Stop), [""; 0]);
    bench.now = bench.state.due().unwrap();
    assert_eq!(bench.step(Input::Tick), ["read back"]);
    assert_eq!(bench.step(Input::Answer(Answer::NotSent)), ["stopped"]);
    assert!(!bench.state.is_clean());
    assert_eq!(bench.offset(), 0);
}

#[test]
fn stop_does_not_wait_long_for_a_store_that_shows_nothing() {
    let mut bench = Bench::written(false);
    bench.step(Input::Stop);
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
