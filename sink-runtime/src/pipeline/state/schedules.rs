//! Pure. Seeded random schedules of one partition: failing and cut-off writes, crashes, clean stops, foreign records.
//!
//! After each schedule every message lies exactly once in the store or in the dead-letter topic; after every step the
//! invariants hold. A failing seed is printed: paste it into `replay`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::simulated_store::{SimulatedStore, Slot};
use super::{PartitionState, StateSettings};
use crate::batch::BatchLimits;
use crate::budget::Hold;
use crate::invariants::places_unique;
use crate::ledger::CommitPoint;
use crate::map::Mapper;
use crate::pipeline::{Effect, Input, Request};
use crate::record::{Entry, Headers, Message, Offset, Partition, TimestampUs, Topic, TopicPartition};

const SCHEDULES: u64 = 3_000;

const MAPPING: &str = "
entry: '{key}/{partition}'
timestamp: {from: Message}
labels: {headers: {policy: All}}
contentType: {default: application/octet-stream}
";

/// A message as the log holds it: offset, time, whether it can be mapped.
#[derive(Clone, Copy, Debug)]
struct Logged {
    offset: i64,
    timestamp_ms: i64,
    entry: Option<&'static str>,
}

struct Schedule {
    random: SmallRng,
    log: Vec<Logged>,
    store: SimulatedStore,
    now: Instant,
    mapper: Arc<Mapper>,
    committed: CommitPoint,
}

#[test]
fn every_message_ends_in_exactly_one_place_whatever_happens() {
    for seed in 0..SCHEDULES {
        let outcome = std::panic::catch_unwind(|| replay(seed));
        assert!(outcome.is_ok(), "seed {seed} fails");
    }
}

fn replay(seed: u64) {
    let mut schedule = Schedule::new(seed);
    while !schedule.run_a_member() {}
    schedule.check_the_end();
}

impl Schedule {
    fn new(seed: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let log = log(&mut random);
        let mut store = SimulatedStore { failures: random.random_range(0..40), ..SimulatedStore::default() };
        for _ in 0..random.random_range(0..5) {
            let place = TimestampUs(random.random_range(0..60_000));
            store.slots.insert((Entry::new("a/0"), place), Slot::Whole(None));
        }
        Self {
            random,
            log,
            store,
            now: tokio::time::Instant::now().into_std(),
            mapper: Mapper::new(&serde_saphyr::from_str(MAPPING).unwrap(), 1).unwrap(),
            committed: CommitPoint { offset: Offset(0), state: None },
        }
    }

    /// Runs a member from the committed offset until it crashes, stops or is done; tells whether all is done.
    fn run_a_member(&mut self) -> bool {
        let mut state = self.member();
        let mut unread: Vec<Logged> =
            self.log.iter().filter(|logged| logged.offset >= self.committed.offset.0).copied().collect();
        let mut inputs = vec![Input::Tick];
        let lifetime = self.random.random_range(5..400);
        for _ in 0..lifetime {
            let next =
                if inputs.is_empty() { self.idle(&state, &mut unread) } else { Some(inputs.remove(0)) };
            let Some(input) = next else {
                self.committed = state.commit_point();
                return true;
            };
            for effect in state.step(self.now, input) {
                inputs.extend(self.perform(effect));
            }
            if self.random.random_ratio(1, 20) {
                self.committed = state.commit_point();
            }
        }
        self.stop_or_crash(state, inputs);
        false
    }

    fn stop_or_crash(&mut self, mut state: PartitionState, mut inputs: Vec<Input>) {
        if self.random.random_bool(0.5) {
            return;
        }
        inputs.insert(0, Input::Stop);
        while !inputs.is_empty() {
            let input = inputs.remove(0);
            for effect in state.step(self.now, input) {
                inputs.extend(self.perform(effect));
            }
        }
        self.committed = state.commit_point();
    }

    /// Returns what happens while nothing is under way; none where everything is done.
    fn idle(&mut self, state: &PartitionState, unread: &mut Vec<Logged>) -> Option<Input> {
        if !unread.is_empty() && state.wants_messages() {
            let count = self.random.random_range(1..=unread.len().min(20));
            return Some(Input::Messages(unread.drain(..count).map(message).collect()));
        }
        let due = state.due()?;
        self.now = self.now.max(due);
        Some(Input::Tick)
    }

    fn perform(&mut self, effect: Effect) -> Option<Input> {
        self.now += Duration::from_millis(self.random.random_range(0..20));
        match effect {
            Effect::Send(request) => {
                if let Request::Write(batch) = &request {
                    assert!(places_unique(batch.records.iter().map(|record| &**record)), "I5");
                    assert!(batch.records.len() <= 8, "I4");
                }
                Some(Input::Answer(self.store.answer(&request, &mut self.random)))
            }
            Effect::Deliver(letters) => {
                let offsets: Vec<Offset> = letters.iter().map(|letter| letter.message.offset).collect();
                Some(Input::Letters(self.store.deliver(&offsets, &mut self.random)))
            }
            Effect::Violated(invariant) => panic!("{} is broken", invariant.name()),
            Effect::Stored { .. }
            | Effect::Found(_)
            | Effect::DeadLettered(_)
            | Effect::Held { .. }
            | Effect::Flooded { .. }
            | Effect::StoreFailing { .. }
            | Effect::LettersFailing { .. }
            | Effect::Stopped => None,
        }
    }

    fn member(&mut self) -> PartitionState {
        let limits =
            BatchLimits { records: 8, bytes: 100, header_bytes: 10_000, age: Duration::from_millis(50) };
        let partition = TopicPartition { topic: Topic::new("t"), partition: Partition(0) };
        let mapper = self.mapper.partition(&partition, self.committed.state);
        let settings = StateSettings { limits, has_dead_letters: true };
        let random = SmallRng::seed_from_u64(self.random.random());
        PartitionState::new(settings, partition, (self.committed, mapper), None, random)
    }

    fn check_the_end(&self) {
        let mut stored: BTreeMap<i64, usize> = BTreeMap::new();
        for slot in self.store.slots.values() {
            match slot {
                Slot::Whole(Some(offset)) => *stored.entry(offset.0).or_default() += 1,
                Slot::Whole(None) | Slot::Half => {}
            }
        }
        for logged in &self.log {
            let times = stored.get(&logged.offset).copied().unwrap_or(0);
            assert_eq!(times, usize::from(logged.entry.is_some()), "{logged:?}");
            let is_letter = self.store.letters.contains(&Offset(logged.offset));
            assert_eq!(is_letter, logged.entry.is_none(), "{logged:?}");
        }
        let end = self.log.last().map_or(0, |logged| logged.offset + 1);
        assert_eq!(self.committed.offset, Offset(end));
    }
}

/// A log with gaps, bursts, late and very late messages, two entries, and some that cannot be mapped.
fn log(random: &mut SmallRng) -> Vec<Logged> {
    let (mut offset, mut timestamp_ms) = (0, 30);
    let count = random.random_range(20..120);
    let mut next = |_: usize| {
        offset += if random.random_ratio(1, 10) { random.random_range(1..4) } else { 1 };
        timestamp_ms = match random.random_range(0..10) {
            0 => random.random_range(0..60),
            1 => 20_000 - timestamp_ms % 20_000,
            2..5 => timestamp_ms + 1,
            _ => timestamp_ms,
        };
        let entry = [Some("a"), Some("a"), Some("b"), None][random.random_range(0..4)];
        Logged { offset, timestamp_ms, entry }
    };
    (0..count).map(&mut next).collect()
}

fn message(logged: Logged) -> Message {
    Message {
        offset: Offset(logged.offset),
        timestamp_ms: Some(logged.timestamp_ms),
        key: logged.entry.map(Bytes::from),
        value: Some(Bytes::from_static(b"0123456789")),
        headers: Headers::Readable(Vec::new()),
        hold: Hold::none(),
    }
}
