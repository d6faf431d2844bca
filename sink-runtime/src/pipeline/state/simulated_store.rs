//! Pure. A store in memory with the real one's vices: refusals, cut-off batches that leave half-written records, lost answers.

use std::collections::BTreeMap;

use rand::rngs::SmallRng;
use rand::{Rng, RngExt};

use crate::batch::Batch;
use crate::dead_letter::{DeadLetterError, Obstacle};
use crate::pipeline::{Answer, Request};
use crate::record::{Entry, Offset, TimestampUs};
use crate::writer::{Head, Range, StoreError};

/// What lies at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// A whole record of this message, or of a foreign writer.
    Whole(Option<Offset>),
    /// A record without data.
    Half,
}

/// The store.
#[derive(Debug, Default)]
pub(super) struct SimulatedStore {
    pub(super) slots: BTreeMap<(Entry, TimestampUs), Slot>,
    /// Letters that were delivered.
    pub(super) letters: Vec<Offset>,
    /// Of a hundred requests so many fail.
    pub(super) failures: u32,
}

impl SimulatedStore {
    pub(super) fn answer(&mut self, request: &Request, random: &mut SmallRng) -> Answer {
        let fails = random.random_ratio(self.failures, 100);
        let failed = || StoreError::Unreachable("simulated".to_owned());
        match request {
            Request::Survey(_) if fails => Answer::Surveyed(Err(failed())),
            Request::Survey(entries) => {
                let newest = |(entry, from): &(Entry, TimestampUs)| {
                    let range = Range { entry: entry.clone(), first: *from, last: TimestampUs(u64::MAX) };
                    (entry.clone(), *from, self.heads(&range).last().map(|(_, head)| head.place))
                };
                Answer::Surveyed(Ok(entries.iter().map(newest).collect()))
            }
            Request::Check(_) if fails => Answer::Checked(Err(failed())),
            Request::Check(ranges) => {
                Answer::Checked(Ok(ranges.iter().flat_map(|range| self.heads(range)).collect()))
            }
            Request::Write(batch) => Answer::Written(self.write(batch, fails, random)),
            Request::Probe(places) => Answer::Probed(places.iter().map(|place| self.head(place)).collect()),
            Request::Mend(_) if fails => Answer::Mended(Err(failed())),
            Request::Mend(places) => {
                for place in places {
                    self.slots.remove(place);
                }
                Answer::Mended(Ok(()))
            }
        }
    }

    pub(super) fn deliver(
        &mut self,
        offsets: &[Offset],
        random: &mut SmallRng,
    ) -> Vec<Result<(), DeadLetterError>> {
        let mut deliver = |offset: &Offset| {
            if random.random_ratio(self.failures, 100) {
                return Err(DeadLetterError {
                    topic: "dlq".to_owned(),
                    bytes: 0,
                    reason: "simulated".to_owned(),
                    obstacle: Obstacle::Passing,
                });
            }
            self.letters.push(*offset);
            Ok(())
        };
        offsets.iter().map(&mut deliver).collect()
    }

    /// A request may fail before it begins, be cut off in the middle, or succeed without its answer arriving; now and
    /// then somebody else was faster.
    fn write(
        &mut self,
        batch: &Batch,
        fails: bool,
        random: &mut impl Rng,
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let whole = if fails { random.random_range(0..=batch.records.len()) } else { batch.records.len() };
        let is_begun = !fails || random.random_bool(0.7);
        let mut answers = Vec::new();
        for (index, record) in batch.records.iter().enumerate().filter(|_| is_begun) {
            let key = (record.entry.clone(), record.place);
            if random.random_ratio(1, 100) {
                self.slots.entry(key.clone()).or_insert(Slot::Whole(None));
            }
            if self.slots.contains_key(&key) {
                let message = format!("A record with timestamp {} already exists", record.place);
                answers.push(Err(StoreError::from_status(409, &message)));
                continue;
            }
            let slot = if index < whole { Slot::Whole(Some(record.offset)) } else { Slot::Half };
            self.slots.insert(key, slot);
            answers.push(Ok(()));
        }
        if fails { Err(StoreError::Unclear("simulated".to_owned())) } else { Ok(answers) }
    }

    fn head(&self, place: &(Entry, TimestampUs)) -> Result<Head, StoreError> {
        match self.slots.get(place) {
            Some(Slot::Whole(identity)) => Ok(Head { place: place.1, identity: *identity }),
            Some(Slot::Half) => Err(StoreError::from_status(425, "still being written")),
            None => Err(StoreError::from_status(404, "no record")),
        }
    }

    fn heads(&self, range: &Range) -> Vec<(Entry, Head)> {
        let bounds = (range.entry.clone(), range.first)..=(range.entry.clone(), range.last);
        let head = |((entry, place), slot): (&(Entry, TimestampUs), &Slot)| match slot {
            Slot::Whole(identity) => Some((entry.clone(), Head { place: *place, identity: *identity })),
            Slot::Half => None,
        };
        self.slots.range(bounds).filter_map(head).collect()
    }
}
