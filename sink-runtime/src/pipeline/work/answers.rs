//! Pure. What an answer of the store settles about records on their way.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use super::items::{Conflict, Item, Pause, Settled, Wait, Work};
use super::questions::HALF_WRITTEN_FOR;
use crate::map::Rejection;
use crate::pipeline::request::Checked;
use crate::record::{Entry, Identity, Offset, TimestampUs};
use crate::writer::{Head, Scope, StoreError, Verdict, judge};

impl Work {
    /// Takes note that a question was not answered: everything waits.
    pub(in crate::pipeline) fn unanswered(error: StoreError) -> Settled {
        let is_long = judge(&error, Scope::Request) == Verdict::RetryLater;
        Settled::waiting(error, if is_long { Wait::Long } else { Wait::BackOff })
    }

    /// Takes note that a write was not sent: everything waits, and is asked about once more.
    pub(in crate::pipeline) fn unsent(&mut self, error: StoreError) -> Settled {
        self.not_sent();
        self.items.iter_mut().for_each(|item| item.is_checked = false);
        Self::unanswered(error)
    }

    /// Takes what the store holds around the places that were asked about.
    pub(in crate::pipeline) fn checked(&mut self, checked: Checked) -> Settled {
        let mut settled = Settled::default();
        let mut occupied: HashSet<(Entry, TimestampUs)> = HashSet::new();
        let mut there: HashMap<(Entry, Identity), TimestampUs> = HashMap::new();
        for (entry, head) in checked.heads {
            there.extend(head.identity.map(|identity| ((entry.clone(), identity), head.place)));
            occupied.insert((entry, head.place));
        }
        let horizons: HashMap<Entry, TimestampUs> = checked.horizons.into_iter().collect();
        let window = self.window;
        for (index, mut item) in std::mem::take(&mut self.items).into_iter().enumerate() {
            let entry = &item.record().entry;
            if let Some(place) = there.get(&(entry.clone(), item.record().identity)) {
                item.found_at(*place);
                settled.found.push(item.into_found());
                continue;
            }
            let is_asked = index < window;
            let has_expired = horizons.get(entry).is_some_and(|horizon| item.record().place < *horizon);
            if is_asked && item.may_have_expired && has_expired {
                settled.expired.push(item.planned);
                continue;
            }
            item.is_checked |= is_asked;
            self.items.push(item);
        }
        self.avoid(&occupied);
        settled
    }

    /// Takes the answer to a write.
    pub(in crate::pipeline) fn written(
        &mut self,
        answer: Result<Vec<Result<(), StoreError>>, StoreError>,
    ) -> Settled {
        let sent = self.window.min(self.items.len());
        self.is_sending = false;
        if !answer.as_ref().is_err_and(StoreError::is_unsent) {
            self.was_sent = true;
            self.items.iter_mut().take(sent).for_each(|item| item.was_sent = true);
        }
        match answer {
            Ok(answers) => self.written_each(sent, answers),
            Err(error) => self.write_failed(sent, error),
        }
    }

    /// Takes the answers about places that the store called taken.
    pub(in crate::pipeline) fn probed(
        &mut self,
        now: Instant,
        answers: Vec<Result<Head, StoreError>>,
    ) -> Settled {
        let mut settled = Settled::default();
        let mut occupied: HashSet<(Entry, TimestampUs)> = HashSet::new();
        let mut answers = answers.into_iter();
        for mut item in std::mem::take(&mut self.items) {
            let answer = if item.conflict == Conflict::None { None } else { answers.next() };
            match answer {
                None => {}
                Some(Ok(head)) if head.identity == Some(item.record().identity) => {
                    settled.found.push(item.into_found());
                    continue;
                }
                Some(Ok(_foreign)) => {
                    item.conflict = Conflict::None;
                    occupied.insert(item.key());
                }
                Some(Err(StoreError::Missing(_))) => item.conflict = Conflict::None,
                Some(Err(error)) => settled.wait_for_unreadable(now, &mut item.conflict, error),
            }
            self.items.push(item);
        }
        for (_, conflict) in self.beyond.iter_mut().flatten().filter(|(_, known)| *known != Conflict::None) {
            match answers.next() {
                None => {}
                // Whole or free: nothing to mend, and asked about again when its own turn comes.
                Some(Ok(_) | Err(StoreError::Missing(_))) => *conflict = Conflict::None,
                Some(Err(error)) => settled.wait_for_unreadable(now, conflict, error),
            }
        }
        self.avoid(&occupied);
        settled
    }

    /// Takes note that half-written records are gone, or that it is not known whether they are.
    pub(in crate::pipeline) fn mended(&mut self, answer: Result<(), StoreError>) -> Settled {
        let is_gone = answer.is_ok();
        for item in &mut self.items {
            item.conflict = match item.conflict {
                Conflict::HalfWritten { .. } if is_gone => Conflict::None,
                Conflict::HalfWritten { since, .. } => Conflict::HalfWritten { since, said: since },
                known @ (Conflict::None | Conflict::Unknown) => known,
            };
        }
        self.beyond = None;
        answer.map_or_else(Self::unanswered, |()| Settled::default())
    }

    fn written_each(&mut self, sent: usize, answers: Vec<Result<(), StoreError>>) -> Settled {
        let mut settled = Settled::default();
        let rest = self.items.split_off(sent);
        let mut answers = answers.into_iter();
        for item in std::mem::take(&mut self.items) {
            // A missing answer is as unclear as a broken one: the record is asked about again.
            let unanswered = || Err(StoreError::Unclear("the record has no answer".to_owned()));
            match answers.next().unwrap_or_else(unanswered) {
                Ok(()) => settled.stored.push(item.planned),
                Err(error) => self.items.extend(item.refused_by(error, &mut settled)),
            }
        }
        self.items.extend(rest);
        self.window = self.window.saturating_mul(2).clamp(1, self.items.len().max(1));
        settled
    }

    fn write_failed(&mut self, sent: usize, error: StoreError) -> Settled {
        for item in &mut self.items {
            item.is_checked = false;
        }
        if error.may_leave_half_written() {
            self.doubt();
        }
        let scope = if sent == 1 { Scope::Record } else { Scope::Request };
        match judge(&error, scope) {
            Verdict::Retry | Verdict::Ask => Settled::waiting(error, Wait::BackOff),
            Verdict::RetryLater => {
                self.window = (sent / 2).max(1);
                if let [item, ..] = self.items.as_mut_slice()
                    && sent == 1
                {
                    item.timed_out_alone += 1;
                }
                Settled::waiting(error, Wait::Long)
            }
            Verdict::Split => {
                self.window = (sent / 2).max(1);
                Settled::default()
            }
            Verdict::Reject => {
                let reject = |item: Item| {
                    let reason = rejection(item.record().identity.offset, &error);
                    (item.planned, reason)
                };
                Settled { rejected: self.items.drain(..sent).map(reject).collect(), ..Settled::default() }
            }
        }
    }
}

impl Item {
    /// Takes over the place at which the store holds the record.
    fn found_at(&mut self, place: TimestampUs) {
        if self.record().place != place {
            Arc::make_mut(&mut self.planned.record).place = place;
        }
    }

    /// Notes what the store said about this record of a write; gives the item back where it must be tried again.
    fn refused_by(mut self, error: StoreError, settled: &mut Settled) -> Option<Self> {
        self.is_checked = false;
        match judge(&error, Scope::Record) {
            Verdict::Ask => self.conflict = Conflict::Unknown,
            Verdict::Reject => {
                let reason = rejection(self.record().identity.offset, &error);
                settled.rejected.push((self.planned, reason));
                return None;
            }
            Verdict::Retry | Verdict::Split => settled.pause = Some(Pause { error, wait: Wait::BackOff }),
            Verdict::RetryLater => settled.pause = Some(Pause { error, wait: Wait::Long }),
        }
        Some(self)
    }
}

impl Settled {
    /// Notes why a place cannot be read. One that is half-written is asked about again as soon as it may be mended.
    fn wait_for_unreadable(&mut self, now: Instant, conflict: &mut Conflict, error: StoreError) {
        if !matches!(error, StoreError::HalfWritten(_)) {
            self.pause = Some(Pause { error, wait: Wait::BackOff });
            return;
        }
        let since = match *conflict {
            Conflict::HalfWritten { since, .. } => since,
            Conflict::None | Conflict::Unknown => now,
        };
        *conflict = Conflict::HalfWritten { since, said: now };
        let ripe_at = since + HALF_WRITTEN_FOR;
        let is_first = match &self.pause {
            None => true,
            Some(Pause { wait: Wait::Until(at), .. }) => ripe_at < *at,
            Some(_) => false,
        };
        if is_first {
            self.pause = Some(Pause { error, wait: Wait::Until(ripe_at) });
        }
    }
}

fn rejection(offset: Offset, error: &StoreError) -> Rejection {
    Rejection::Refused { offset, message: error.to_string(), status: error.status().unwrap_or(0) }
}
