//! Pure but for its own memory. `Candidate`: which request comes next, and what its answer means. It sends nothing: a
//! campaign does, and so does the simulation.

use jiff::Timestamp;

use super::decision::{Decision, Loss, Moment, Pace, Record, Seen, decide};

/// One of those that would lead. `V` names a version of the Lease: a write goes over the version it names or fails.
#[derive(Debug)]
pub(super) struct Candidate<V> {
    me: String,
    pace: Pace,
    seen: Option<Seen>,
    basis: Basis<V>,
    /// When the last write that succeeded was begun; `None` while it does not lead.
    begun: Option<Moment>,
    /// Nothing is done before.
    due: Moment,
}

/// What is known of the Lease's version.
#[derive(Clone, Debug)]
enum Basis<V> {
    /// Nothing: it must be read.
    Unknown,
    /// There is no Lease.
    Absent,
    /// It stood at this one.
    Version(V),
}

/// What a candidate does next.
#[derive(Clone, Debug)]
pub(super) enum Step<V> {
    /// Nothing before this moment.
    Wait(Moment),
    /// Reads the Lease.
    Read,
    /// Writes the Lease.
    Write(Write<V>),
    /// Ceases to work at once.
    End(Loss),
}

/// A write that succeeds only over one version.
#[derive(Clone, Debug)]
pub(super) struct Write<V> {
    /// What the Lease shall say.
    pub(super) record: Record,
    /// The version it goes over; `None` creates the Lease.
    pub(super) over: Option<V>,
}

impl<V: Clone> Candidate<V> {
    /// Returns a candidate that knows nothing yet.
    pub(super) fn new(me: String, pace: Pace) -> Self {
        Self { me, pace, seen: None, basis: Basis::Unknown, begun: None, due: Moment::ZERO }
    }

    /// Until when it believes that it leads; `None` while it does not.
    pub(super) fn believes_until(&self) -> Option<Moment> {
        self.begun.map(|begun| begun + self.pace.believed)
    }

    /// Tells whether it has seen the Lease, or that there is none.
    pub(super) fn is_informed(&self) -> bool {
        self.seen.is_some()
    }

    /// Who holds the Lease, as far as it knows.
    pub(super) fn holder(&self) -> Option<&str> {
        self.seen.as_ref()?.record.as_ref()?.holder.as_deref()
    }

    /// Returns what to do now. `wall` is the time that people read.
    pub(super) fn step(&mut self, now: Moment, wall: Timestamp) -> Step<V> {
        if self.believes_until().is_some_and(|until| now >= until) {
            return Step::End(Loss::RanOut);
        }
        if now < self.due {
            return Step::Wait(self.believes_until().map_or(self.due, |until| until.min(self.due)));
        }
        let over = match &self.basis {
            Basis::Unknown => return Step::Read,
            Basis::Absent => None,
            Basis::Version(version) => Some(version.clone()),
        };
        let Some(seen) = &self.seen else { return Step::Read };
        match decide(&self.me, seen, self.begun, &self.pace, now) {
            Decision::Acquire | Decision::Renew => {
                Step::Write(Write { record: self.claim(seen, wall), over })
            }
            Decision::StepDown(loss) => Step::End(loss),
            Decision::Wait => {
                self.later(now);
                Step::Wait(self.due)
            }
        }
    }

    /// Takes in what the Lease shows now: its record and version, `None` where there is none.
    pub(super) fn shown(&mut self, lease: Option<(Record, V)>, now: Moment) {
        let (record, basis) = match lease {
            Some((record, version)) => (Some(record), Basis::Version(version)),
            None => (None, Basis::Absent),
        };
        self.basis = basis;
        if self.seen.as_ref().is_none_or(|seen| seen.record != record) {
            self.seen = Some(Seen { record, since: now });
        }
    }

    /// Takes in that a write that was begun at that moment succeeded, and what the Lease shows since.
    pub(super) fn written(&mut self, lease: (Record, V), begun: Moment, now: Moment) {
        self.shown(Some(lease), now);
        self.begun = Some(begun);
        self.due = begun + self.pace.renewal;
    }

    /// Takes in that a request failed: it may have been carried out nevertheless.
    pub(super) fn failed(&mut self, now: Moment) {
        self.later(now);
    }

    /// Returns what lets the next one lead at once; `None` where there is nothing to give up.
    pub(super) fn release(&self) -> Option<Write<V>> {
        let (Some(_), Basis::Version(version), Some(seen)) = (self.begun, &self.basis, &self.seen) else {
            return None;
        };
        let record = Record { holder: None, ..seen.record.clone()? };
        Some(Write { record, over: Some(version.clone()) })
    }

    fn later(&mut self, now: Moment) {
        self.basis = Basis::Unknown;
        self.due = now + self.pace.retry;
    }

    fn claim(&self, seen: &Seen, wall: Timestamp) -> Record {
        let before = seen.record.as_ref();
        let again = before.filter(|record| record.holder.as_ref() == Some(&self.me));
        let transitions = before.map_or(0, |record| record.transitions);
        Record {
            holder: Some(self.me.clone()),
            lease: Some(self.pace.lease),
            acquired: again.map_or(Some(wall), |record| record.acquired),
            renewed: Some(wall),
            transitions: transitions.saturating_add(i32::from(before.is_some() && again.is_none())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Candidate, Loss, Moment, Pace, Record, Step, Timestamp};

    const START: Moment = Moment::from_secs(1000);

    fn candidate() -> Candidate<u64> {
        Candidate::new("me".to_owned(), Pace::of(Duration::from_secs(30)))
    }

    fn step(candidate: &mut Candidate<u64>, after: u64) -> Step<u64> {
        candidate.step(START + Moment::from_secs(after), Timestamp::UNIX_EPOCH)
    }

    /// Lets a candidate read that there is no Lease, write one, and be told that it stands at version 1.
    fn leader() -> Candidate<u64> {
        let mut candidate = candidate();
        assert!(matches!(step(&mut candidate, 0), Step::Read));
        candidate.shown(None, START);
        let Step::Write(write) = step(&mut candidate, 0) else {
            panic!("it does not take what nobody holds")
        };
        assert_eq!((write.over, write.record.holder.as_deref()), (None, Some("me")));
        candidate.written((write.record, 1), START, START + Moment::from_secs(1));
        candidate
    }

    #[test]
    fn renews_over_the_version_it_wrote_without_reading_again() {
        let mut candidate = leader();
        assert!(
            matches!(step(&mut candidate, 9), Step::Wait(until) if until == START + Moment::from_secs(10))
        );
        let Step::Write(write) = step(&mut candidate, 10) else { panic!("it does not renew") };
        assert_eq!((write.over, write.record.transitions), (Some(1), 0));
    }

    #[test]
    fn counts_from_the_begin_of_the_write_and_not_from_its_answer() {
        let mut candidate = leader();
        assert_eq!(candidate.believes_until(), Some(START + Moment::from_secs(20)));
        assert!(matches!(step(&mut candidate, 20), Step::End(Loss::RanOut)));
    }

    #[test]
    fn looks_again_after_a_failure_and_goes_on_where_the_write_had_succeeded() {
        let mut candidate = leader();
        let Step::Write(write) = step(&mut candidate, 10) else { panic!("it does not renew") };
        candidate.failed(START + Moment::from_secs(15));
        assert!(matches!(step(&mut candidate, 16), Step::Wait(_)));
        assert!(matches!(step(&mut candidate, 17), Step::Read));
        candidate.shown(Some((write.record, 2)), START + Moment::from_secs(17));
        assert!(matches!(step(&mut candidate, 17), Step::Write(next) if next.over == Some(2)));
    }

    #[test]
    fn ends_when_another_has_taken_over() {
        let mut candidate = leader();
        candidate.failed(START + Moment::from_secs(12));
        let another =
            Record { holder: Some("another".to_owned()), ..candidate.seen.clone().unwrap().record.unwrap() };
        candidate.shown(Some((another, 2)), START + Moment::from_secs(14));
        assert!(matches!(step(&mut candidate, 14), Step::End(Loss::Taken)));
    }

    #[test]
    fn gives_up_only_what_it_holds() {
        assert!(candidate().release().is_none());
        let write = leader().release().unwrap();
        assert_eq!((write.record.holder, write.over), (None, Some(1)));
    }
}
