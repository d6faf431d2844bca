//! Pure. `Headway`: how the request under way of one partition gets on, told while it is under way.
//!
//! A partition decides between its requests, and one may take minutes: it waits for its turn or for the lease, or asks
//! hundreds of places one after another. Here its driver sees what it waits for and how many parts are answered, and
//! here it is told that the rest of a question is not wanted any more.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::stall::{KnownReason, Parts};

/// What a request waits for before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gatekeeper {
    /// Other partitions write first.
    Throttle,
    /// The group must tell that the partition is still this member's.
    Lease,
}

/// How the request under way gets on.
#[derive(Debug, Default)]
pub(super) struct Headway {
    course: Mutex<Course>,
    is_broken_off: AtomicBool,
}

#[derive(Debug, Default)]
struct Course {
    waits_for: Option<Gatekeeper>,
    parts: Parts,
}

/// A request that waits; dropping it ends that.
pub(super) struct Waiting<'a>(&'a Headway);

/// The rest of a question is not wanted any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct BrokenOff;

impl Headway {
    /// Notes that another request begins.
    pub(super) fn begin(&self) {
        self.is_broken_off.store(false, Ordering::Relaxed);
        let mut course = self.course();
        course.parts = Parts { question: course.parts.question + 1, answered: 0 };
    }

    /// Notes that the request waits, from now on until the answer is dropped.
    pub(super) fn wait_for(&self, gatekeeper: Gatekeeper) -> Waiting<'_> {
        self.course().waits_for = Some(gatekeeper);
        Waiting(self)
    }

    /// Notes that one more part of the question was answered.
    pub(super) fn answered(&self) {
        self.course().parts.answered += 1;
    }

    /// Lets the question end before its next part.
    pub(super) fn break_off(&self) {
        self.is_broken_off.store(true, Ordering::Relaxed);
    }

    /// Tells whether the next part of the question is still wanted.
    pub(super) fn go_on(&self) -> Result<(), BrokenOff> {
        if self.is_broken_off.load(Ordering::Relaxed) { Err(BrokenOff) } else { Ok(()) }
    }

    /// Returns how many parts of which question are answered.
    pub(super) fn parts(&self) -> Parts {
        self.course().parts
    }

    /// Returns why the request has not been sent yet; none where it has.
    pub(super) fn held(&self) -> Option<KnownReason> {
        self.course().waits_for.map(|gatekeeper| match gatekeeper {
            Gatekeeper::Throttle => KnownReason::TurnWait,
            Gatekeeper::Lease => KnownReason::LeaseWait,
        })
    }

    fn course(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.course().waits_for = None;
    }
}

#[cfg(test)]
mod tests {
    use super::{Gatekeeper, Headway};
    use crate::pipeline::stall::{KnownReason, Parts};

    #[test]
    fn a_wait_is_known_while_it_lasts() {
        let headway = Headway::default();
        for (gatekeeper, reason) in
            [(Gatekeeper::Throttle, KnownReason::TurnWait), (Gatekeeper::Lease, KnownReason::LeaseWait)]
        {
            assert_eq!(headway.held(), None);
            let _waiting = headway.wait_for(gatekeeper);
            assert_eq!(headway.held(), Some(reason));
        }
    }

    #[test]
    fn each_request_counts_its_parts_anew_and_goes_on_until_it_is_told() {
        let headway = Headway::default();
        headway.begin();
        headway.answered();
        headway.break_off();
        assert!(headway.go_on().is_err());
        assert_eq!(headway.parts(), Parts { question: 1, answered: 1 });
        headway.begin();
        assert!(headway.go_on().is_ok());
        assert_eq!(headway.parts(), Parts { question: 2, answered: 0 });
    }
}
