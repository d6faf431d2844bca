//! IO: none but the clock it is given. `Term`: until when this process may write. Every step that writes asks it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kafkasink_crds::resource::Reason;

use super::decision::Moment;
use crate::model::Problem;

/// Until when this process may write; its clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Term {
    /// In milliseconds of `clock`.
    until_ms: Arc<AtomicU64>,
    clock: fn() -> Moment,
}

impl Term {
    /// Returns a term that has not begun.
    pub(crate) fn new(clock: fn() -> Moment) -> Self {
        Self { until_ms: Arc::default(), clock }
    }

    /// Returns a term without end, for an operator that shares its work with no other.
    pub(crate) fn endless(clock: fn() -> Moment) -> Self {
        Self { until_ms: Arc::new(AtomicU64::new(u64::MAX)), clock }
    }

    /// Lets it last until that moment.
    pub(super) fn set(&self, until: Moment) {
        self.until_ms.store(milliseconds(until), Ordering::Release);
    }

    /// Tells whether this process may write now.
    pub(crate) fn holds(&self) -> bool {
        milliseconds((self.clock)()) < self.until_ms.load(Ordering::Acquire)
    }

    /// Returns why this process may not write now; `None` where it may.
    pub(crate) fn over(&self) -> Option<Problem> {
        (!self.holds()).then(|| Problem::new(Reason::Progressing, "another operator takes over; wait"))
    }
}

fn milliseconds(moment: Moment) -> u64 {
    u64::try_from(moment.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Moment, Term};

    #[test]
    fn lasts_until_its_end_and_no_longer() {
        let term = Term::new(|| Moment::from_secs(100));
        assert!(!term.holds(), "it has not begun");
        term.set(Moment::from_secs(101));
        assert!(term.clone().holds() && term.over().is_none());
        term.set(Moment::from_secs(100));
        assert!(!term.holds() && term.over().is_some());
        assert!(Term::endless(|| Moment::from_secs(u64::from(u32::MAX))).holds());
    }
}
