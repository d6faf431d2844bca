//! Pure. What a partition asks for, step by step.

mod half_written;
mod leave;
mod letters;
mod markers;
mod memory;
mod proof;
mod reach;

use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::{Beginning, PartitionState, StateSettings};
use crate::batch::BatchLimits;
use crate::budget::Hold;
use crate::ledger::CommitPoint;
use crate::map::Mapper;
use crate::pipeline::cut::Cut;
use crate::pipeline::{Answer, Checked, Effect, Errand, GroupView, Input, Request, StoreSeen};
use crate::progress::Progress;
use crate::record::{
    Entry, Headers, Identity, Life, Message, Offset, Partition, TimestampUs, Topic, TopicPartition,
};
use crate::store_start::StoreStart;
use crate::writer::{Head, StoreError};

/// Time from an answer until it is read back.
const DELAY: Duration = Duration::from_secs(2);

/// Time to prove what was written, where the group takes the partition away.
const PATIENCE: Duration = Duration::from_secs(4);

const WANTED: &str = "commit wanted";

/// How far a promise runs ahead.
const WINDOW: i64 = 1_000;

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
    /// Returns a partition that has seen the store, and knows of no request that was cut off.
    fn new(has_dead_letters: bool, fenced_for: Option<Duration>) -> Self {
        let mut bench = Self::unseen(has_dead_letters, fenced_for);
        bench.state.cut = Cut::None;
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
        Self::begin(has_dead_letters, fenced_for, true)
    }

    fn begin(has_dead_letters: bool, fenced_for: Option<Duration>, is_admitted: bool) -> Self {
        let now = tokio::time::Instant::now().into_std();
        let beginning = Beginning {
            progress: Progress::at(CommitPoint { offset: Offset(0), state: None }),
            reach: Offset(0),
            is_bounded: true,
            other_mapping: None,
            fenced_until: fenced_for.map(|wait| now + wait),
            life: None,
            is_admitted,
        };
        Self::begin_at(now, has_dead_letters, beginning)
    }

    fn begin_at(now: Instant, has_dead_letters: bool, beginning: Beginning) -> Self {
        let limits =
            BatchLimits { records: 2, bytes: 100, header_bytes: 10_000, age: Duration::from_millis(100) };
        let mapper = Mapper::new(&serde_saphyr::from_str(MAPPING).unwrap(), 1).unwrap();
        let partition = TopicPartition { topic: Topic::new("t"), partition: Partition(0) };
        let mapper = mapper.partition(&partition, Life::FIRST, None);
        let settings = StateSettings {
            limits,
            has_dead_letters,
            commit_delay: DELAY,
            span_max: SPAN_MAX,
            entry_bytes: 10_000,
            reach_window: WINDOW,
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

    /// Returns the names of what the partition wants done. A commit that it wants is taken at once.
    fn step(&mut self, input: Input) -> Vec<&'static str> {
        let mut names: Vec<&str> = self.state.step(self.now, input).iter().map(name).collect();
        if names.pop_if(|name| *name == WANTED).is_some() {
            names.extend(self.take());
        }
        names
    }

    /// Lets the broker take what a commit promises.
    fn take(&mut self) -> Vec<&'static str> {
        let view = GroupView { taken: Some(self.state.promise()), bound: None };
        self.state.step(self.now, Input::Group(view)).iter().map(name).collect()
    }

    fn messages(&mut self, keys: &[Option<&'static str>]) -> Vec<&'static str> {
        let first = self.next;
        self.next += i64::try_from(keys.len()).unwrap();
        let messages = keys.iter().copied().zip(first..).map(|(key, offset)| message(key, offset));
        self.step(Input::Messages(messages.collect()))
    }

    /// Tells the partition to stop, with so much time to prove what it wrote.
    fn stop(&mut self, patience: Duration) -> Vec<&'static str> {
        self.step(Input::Stop(self.now + patience))
    }

    fn check_nothing(&mut self) -> Vec<&'static str> {
        self.step(Input::Answer(Answer::Checked(Ok(Checked::default()))))
    }

    fn survey(&mut self) -> Vec<&'static str> {
        let entry = crate::record::Entry::new("a/0");
        let found = vec![(entry, crate::record::TimestampUs(0), None)];
        self.step(Input::Answer(Answer::Surveyed(Ok(found))))
    }
}

fn half() -> Result<Head, StoreError> {
    Err(StoreError::from_status(425, "still being written"))
}

fn free() -> Result<Head, StoreError> {
    Err(StoreError::from_status(404, "no record"))
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
        Effect::Send(Request::Registry(Errand::Admit(_))) => "ask for leave",
        Effect::Send(Request::Registry(Errand::Publish(_) | Errand::Gather)) => "tell the registry",
        Effect::Admitted(_) => "admitted",
        Effect::Foreign(_) => "foreign",
        Effect::RegistryFailing { .. } => "registry failing",
        Effect::GoBack { is_committed_first: true, .. } => "go back with a commit",
        Effect::GoBack { is_committed_first: false, .. } => "go back",
        Effect::Deliver(_) => "deliver",
        Effect::Stored { .. } => "stored",
        Effect::Found(_) => "found",
        Effect::Rewritten(_) => "rewritten",
        Effect::Missing { .. } => "missing",
        Effect::Expired(_) => "expired",
        Effect::Drains => "drains",
        Effect::Refused(_) => "refused",
        Effect::CommitWanted => WANTED,
        Effect::DeadLettered(_) => "dead-lettered",
        Effect::Held { .. } => "held",
        Effect::StoreFailing { .. } => "failing",
        Effect::LettersFailing { .. } => "letters failing",
        Effect::Flooded { .. } => "flooded",
        Effect::BreakOff => "break off",
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
fn failed_write_is_checked_before_it_is_repeated() {
    let mut bench = Bench::new(false, None);
    bench.messages(&[A, A]);
    bench.survey();
    let unclear = || Err(StoreError::Unclear("reset".to_owned()));
    assert_eq!(bench.step(Input::Answer(Answer::Written(unclear()))), ["failing"]);
    bench.now = bench.state.due().unwrap();
    assert_eq!(bench.step(Input::Tick), ["check"]);
    // What the check does not show may be half-written: nothing may be written behind that.
    assert_eq!(bench.check_nothing(), ["probe"]);
    assert_eq!(bench.step(Input::Answer(Answer::Probed(vec![free(), free()]))), ["write"]);
    assert!(!bench.state.is_clean());
}

#[test]
fn taken_place_is_a_question_and_not_an_answer() {
    let taken = || StoreError::from_status(409, "A record with timestamp 1 already exists");
    let mut bench = Bench::new(false, None);
    bench.messages(&[A, A]);
    bench.survey();
    let written = Answer::Written(Ok(vec![Err(taken()), Err(taken())]));
    assert_eq!(bench.step(Input::Answer(written)), ["check"]);
    assert_eq!(bench.check_nothing(), ["probe"]);
    let head = |identity| Head { place: TimestampUs(1_000_000), identity };
    let probed = Answer::Probed(vec![Ok(head(Some(identity(0)))), Ok(head(None))]);
    // The first is ours and stored; the second moves off the foreign record, whose neighbours are asked about.
    assert_eq!(bench.step(Input::Answer(probed)), ["found", "write"]);
    assert_eq!(bench.state.answered_to(), Offset(1));
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
