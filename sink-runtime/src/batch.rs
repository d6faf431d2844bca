//! Pure. `OpenBatch` gathers records up to its limits; `Batch` is what travels in one request.
//!
//! The store takes a label that a record lacks from the record before it, so a `Batch` knows for each entry all names
//! that occur, and a writer sends the absent ones empty.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::record::{Entry, Message, Record, TimestampUs};

/// Most bytes of label names and values in one request: half of what the store takes.
pub const HEADER_BYTES_MAX: usize = 256 * 1024;

/// Bytes that a record costs in a request's headers besides its labels: name, length, content type, separators.
const HEADER_BYTES_RECORD: usize = 96;

/// The limits of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Most records.
    pub records: usize,
    /// Most payload bytes; a larger record travels alone.
    pub bytes: usize,
    /// Most bytes of labels.
    pub header_bytes: usize,
    /// Longest time that a record waits for others.
    pub age: Duration,
}

/// A message with the record it became.
#[derive(Debug)]
pub struct Planned {
    /// The message, kept for a dead letter and for the memory budget.
    pub message: Message,
    /// The record.
    pub record: Arc<Record>,
}

/// Records that wait for company.
#[derive(Debug, Default)]
pub struct OpenBatch {
    planned: Vec<Planned>,
    places: HashSet<(Entry, TimestampUs)>,
    opened: Option<Instant>,
    bytes: usize,
    heads: HashMap<Entry, EntryHeads>,
}

/// Records that travel in one request.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The records; no two share their entry and place.
    pub records: Vec<Arc<Record>>,
    /// For each entry all label names that occur among its records.
    pub names: HashMap<Entry, BTreeSet<String>>,
}

/// What the headers of one entry's records cost.
#[derive(Debug, Default)]
struct EntryHeads {
    records: usize,
    names: HashSet<String>,
    names_bytes: usize,
    values_bytes: usize,
}

impl OpenBatch {
    /// Adds a record, one microsecond later for each one in its way.
    ///
    /// # Errors
    /// Gives the record back where it would exceed a limit.
    pub fn push(
        &mut self,
        now: Instant,
        mut planned: Box<Planned>,
        limits: BatchLimits,
    ) -> Result<(), Box<Planned>> {
        if !self.fits(&planned.record, limits) {
            return Err(planned);
        }
        let entry = planned.record.entry.clone();
        while !self.places.insert((entry.clone(), planned.record.place)) {
            let record = Arc::make_mut(&mut planned.record);
            record.place = record.place.later(1);
        }
        self.opened.get_or_insert(now);
        self.bytes += planned.record.body.len();
        self.heads.entry(entry).or_default().add(&planned.record);
        self.planned.push(*planned);
        Ok(())
    }

    /// Tells whether another record of any size is too many.
    #[must_use]
    pub fn is_full(&self, limits: BatchLimits) -> bool {
        self.planned.len() >= limits.records || self.bytes >= limits.bytes
    }

    /// Returns when the oldest record has waited long enough; none where there is no record.
    #[must_use]
    pub fn due(&self, limits: BatchLimits) -> Option<Instant> {
        self.opened.map(|opened| opened + limits.age)
    }

    /// Returns the number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.planned.len()
    }

    /// Returns the records in order.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.planned.iter().map(|planned| &*planned.record)
    }

    /// Tells whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.planned.is_empty()
    }

    /// Returns the payload bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Empties the batch and returns its records in order.
    pub fn take(&mut self) -> Vec<Planned> {
        std::mem::take(self).planned
    }

    fn fits(&self, record: &Record, limits: BatchLimits) -> bool {
        if self.planned.is_empty() {
            return true;
        }
        let others: usize = self
            .heads
            .iter()
            .filter(|(entry, _)| **entry != record.entry)
            .map(|(_, heads)| heads.bytes())
            .sum();
        let own = match self.heads.get(&record.entry) {
            Some(heads) => heads.bytes_with(record),
            None => EntryHeads::default().bytes_with(record),
        };
        self.planned.len() < limits.records
            && self.bytes + record.body.len() <= limits.bytes
            && others + own <= limits.header_bytes
    }
}

impl EntryHeads {
    fn add(&mut self, record: &Record) {
        self.records += 1;
        for (name, value) in record.all_labels() {
            self.values_bytes += value.len();
            if !self.names.contains(name) {
                self.names_bytes += name.len() + 2;
                self.names.insert(name.to_owned());
            }
        }
    }

    /// Every record names every label of its entry, present or absent.
    fn bytes(&self) -> usize {
        self.records * (HEADER_BYTES_RECORD + self.names_bytes) + self.values_bytes
    }

    fn bytes_with(&self, record: &Record) -> usize {
        let mut names_bytes = self.names_bytes;
        let mut values_bytes = self.values_bytes;
        for (name, value) in record.all_labels() {
            values_bytes += value.len();
            names_bytes += if self.names.contains(name) { 0 } else { name.len() + 2 };
        }
        (self.records + 1) * (HEADER_BYTES_RECORD + names_bytes) + values_bytes
    }
}

impl Batch {
    /// Returns a batch of the records.
    #[must_use]
    pub fn new(records: Vec<Arc<Record>>) -> Self {
        let mut names: HashMap<Entry, BTreeSet<String>> = HashMap::new();
        for record in &records {
            let known = names.entry(record.entry.clone()).or_default();
            let new: Vec<String> = record
                .all_labels()
                .map(|(name, _)| name)
                .filter(|name| !known.contains(*name))
                .map(str::to_owned)
                .collect();
            known.extend(new);
        }
        Self { records, names }
    }

    /// Returns the payload bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.records.iter().map(|record| record.body.len()).sum()
    }
}

#[cfg(test)]
mod tests;
