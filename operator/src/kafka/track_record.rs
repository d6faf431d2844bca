//! Pure but for its own memory. `TrackRecord`: how a client's calls have gone, and what it complains of.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::error::Complaint;

/// How long a client is kept that reaches no broker.
const UNREACHED_MAX: Duration = Duration::from_mins(2);

/// How the calls of one client have gone.
#[derive(Debug, Default)]
pub(super) struct TrackRecord {
    latest: Mutex<Latest>,
}

#[derive(Debug, Default)]
struct Latest {
    /// Whether the last call failed.
    is_failing: bool,
    /// Why; the library does not say the same twice within half a minute.
    complaint: Option<Complaint>,
    /// Since when no broker was reached.
    unreached_since: Option<Instant>,
}

impl TrackRecord {
    /// Takes note of what the client has complained of since the last call. Where that one succeeded, it may be over.
    pub(super) fn note_old_line(&self, line: String) {
        let mut latest = self.lock();
        latest.complaint = Some(Complaint { line: line.into(), is_old: !latest.is_failing });
    }

    /// Takes note of a call and of what the client complained of meanwhile; returns why calls fail now, nothing once one has
    /// succeeded.
    pub(super) fn note(&self, has_succeeded: bool, line: Option<String>) -> Option<Complaint> {
        let news = line.map(|line| Complaint { line: line.into(), is_old: false });
        let mut latest = self.lock();
        latest.is_failing = !has_succeeded;
        latest.complaint = news.or(latest.complaint.take()).filter(|_| !has_succeeded);
        latest.complaint.clone()
    }

    /// Takes note of whether the brokers were reached.
    pub(super) fn note_reach(&self, has_reached: bool, now: Instant) {
        let mut latest = self.lock();
        latest.unreached_since = if has_reached { None } else { latest.unreached_since.or(Some(now)) };
    }

    /// Tells whether no broker was reached for so long that another client may do better.
    pub(super) fn is_worn(&self, now: Instant) -> bool {
        self.lock().unreached_since.is_some_and(|since| now.duration_since(since) >= UNREACHED_MAX)
    }

    fn lock(&self) -> MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::{TrackRecord, UNREACHED_MAX};

    #[tokio::test]
    async fn a_client_is_worn_when_it_has_reached_nobody_for_long() {
        let (record, start) = (TrackRecord::default(), Instant::now());
        let note = |has_reached, part| {
            record.note_reach(has_reached, start + UNREACHED_MAX * part / 2);
            record.is_worn(start + UNREACHED_MAX * part / 2)
        };
        assert!(!note(false, 0) && !note(false, 1) && note(false, 2));
        assert!(!note(true, 3) && !note(false, 4) && !note(false, 5) && note(false, 6));
    }

    #[test]
    fn a_complaint_of_a_time_when_all_went_well_is_old() {
        let record = TrackRecord::default();
        record.note_old_line("a broker has gone".to_owned());
        assert!(record.note(false, None).is_some_and(|complaint| complaint.is_old));
        assert!(record.note(false, Some("refused".to_owned())).is_some_and(|complaint| !complaint.is_old));
        assert_eq!(record.note(true, None).map(|complaint| complaint.line), None);
    }
}
