//! Pure. `Gathering`: messages that wait to be mapped, and the records that wait for company in the open batch.

use std::collections::VecDeque;
use std::time::Instant;

use crate::batch::{BatchLimits, OpenBatch, Planned};
use crate::record::{Entry, Message, Offset, TimestampUs};

/// Messages and records that are not on their way yet.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    backlog: VecDeque<Message>,
    /// Nothing but the backlog lies below.
    passed: Option<Offset>,
    open: OpenBatch,
    /// A record that did not fit into the open batch.
    spare: Option<Box<Planned>>,
}

impl Gathering {
    pub(super) fn receive(&mut self, messages: Vec<Message>) {
        self.passed.take_if(|_| !messages.is_empty());
        self.backlog.extend(messages);
    }

    pub(super) fn pass(&mut self, offset: Offset) {
        self.passed = Some(offset);
    }

    /// Returns the offset below which nothing waits to be mapped, where that moved without a message. What lies between
    /// two messages needs no telling: the later one will move the point further.
    pub(super) fn take_passed(&mut self) -> Option<Offset> {
        if self.backlog.is_empty() { self.passed.take() } else { None }
    }

    /// Maps what waits until the batch is full; `plan` returns none for a message that becomes no record, and
    /// `goes_on` whether to take another one.
    pub(super) fn fill(
        &mut self,
        now: Instant,
        limits: BatchLimits,
        mut plan: impl FnMut(Message) -> Planning,
    ) {
        while !self.open.is_full(limits) {
            let planned = match self.spare.take() {
                Some(planned) => planned,
                None => match self.backlog.pop_front().map(&mut plan) {
                    Some(Planning::Record(planned)) => planned,
                    Some(Planning::None) => continue,
                    Some(Planning::End) | None => return,
                },
            };
            if let Err(planned) = self.open.push(now, planned, limits) {
                self.spare = Some(planned);
                return;
            }
        }
    }

    /// Returns the number of messages that are not mapped yet.
    pub(super) fn backlog(&self) -> usize {
        self.backlog.len()
    }

    /// Returns the number of records that wait.
    pub(super) fn records(&self) -> usize {
        self.open.len() + usize::from(self.spare.is_some())
    }

    /// Returns the time of the oldest message that is not mapped yet.
    pub(super) fn oldest_timestamp_ms(&self) -> Option<i64> {
        self.backlog.front().and_then(|message| message.timestamp_ms)
    }

    /// Returns where the records that wait are to go.
    pub(super) fn places(&self) -> impl Iterator<Item = (Entry, TimestampUs)> {
        let records = self.open.records().chain(self.spare.iter().map(|planned| &*planned.record));
        records.map(|record| (record.entry.clone(), record.place))
    }

    /// Tells whether nothing more goes into the open batch.
    pub(super) fn is_closed(&self, limits: BatchLimits) -> bool {
        !self.open.is_empty() && (self.spare.is_some() || self.open.is_full(limits))
    }

    /// Returns when the open batch has waited long enough.
    pub(super) fn due(&self, limits: BatchLimits) -> Option<Instant> {
        self.open.due(limits)
    }

    /// Returns the batch, if it is time for it to travel.
    pub(super) fn take_due(&mut self, now: Instant, limits: BatchLimits) -> Option<Vec<Planned>> {
        let is_aged = self.open.due(limits).is_some_and(|due| now >= due);
        (is_aged || self.is_closed(limits)).then(|| self.open.take())
    }

    /// Forgets everything: it is read again.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// What becomes of a message.
#[derive(Debug)]
pub(super) enum Planning {
    /// A record.
    Record(Box<Planned>),
    /// No record; the next message may become one.
    None,
    /// No record, and nothing more for now.
    End,
}
