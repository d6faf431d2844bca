//! Pure. `Cut`: whether a request that was cut off may have left half-written records ahead of what is written next.
//!
//! No query shows such records, so the places of what is about to be written are asked about one by one. That is done
//! from the beginning, because the last owner may have died within a request, and after every request of which it is not
//! known how it ended, until a write that reaches as far has succeeded.

use crate::record::Offset;
use crate::writer::StoreError;

/// How far a request that was cut off may have reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Cut {
    /// There is none.
    None,
    /// Another owner's: it began with the first record that is not stored.
    #[default]
    Foreign,
    /// One's own: to this offset.
    To(Offset),
}

impl Cut {
    /// Tells whether the places of the next records must be asked about.
    pub(super) fn is_possible(self) -> bool {
        self != Self::None
    }

    /// Takes note of the end of a write whose highest offset is `highest`.
    pub(super) fn note<T>(&mut self, highest: Option<Offset>, answer: &Result<T, StoreError>) {
        let Some(highest) = highest else {
            return;
        };
        *self = match (answer, *self) {
            (Ok(_), Self::To(reach)) if highest < reach => Self::To(reach),
            (Ok(_), Self::None | Self::Foreign | Self::To(_)) => Self::None,
            (Err(error), known) if !error.may_leave_half_written() => known,
            (Err(_), Self::To(reach)) => Self::To(reach.max(highest)),
            (Err(_), Self::None | Self::Foreign) => Self::To(highest),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::Cut;
    use crate::record::Offset;
    use crate::writer::StoreError;

    fn check(before: Cut, highest: i64, answer: &Result<(), StoreError>, after: Cut) {
        let mut cut = before;
        cut.note(Some(Offset(highest)), answer);
        assert_eq!(cut, after, "after {answer:?} to {highest} from {before:?}");
    }

    #[test]
    fn doubt_lasts_until_a_write_that_reaches_as_far_has_succeeded() {
        let broken = || Err(StoreError::Unclear("broken pipe".to_owned()));
        check(Cut::Foreign, 5, &Ok(()), Cut::None);
        check(Cut::None, 5, &broken(), Cut::To(Offset(5)));
        check(Cut::To(Offset(5)), 3, &broken(), Cut::To(Offset(5)));
        check(Cut::To(Offset(5)), 4, &Ok(()), Cut::To(Offset(5)));
        check(Cut::To(Offset(5)), 5, &Ok(()), Cut::None);
    }

    #[test]
    fn request_that_never_reached_the_store_leaves_nothing() {
        check(Cut::None, 5, &Err(StoreError::Unreachable("refused".to_owned())), Cut::None);
        check(Cut::None, 5, &Err(StoreError::from_status(429, "slowly")), Cut::None);
    }
}
