//! Pure. What to do about an error of the store, in one exhaustive match.

use super::error::StoreError;

/// What an error speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A whole request of several records.
    Request,
    /// One record, or a request of one record.
    Record,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Wait and try again, for ever.
    Retry,
    /// Wait for the store's own time-out and try again with fewer records.
    RetryLater,
    /// Try again with fewer records.
    Split,
    /// Ask what holds the place.
    Ask,
    /// The record can never be stored.
    Reject,
}

/// Returns what to do about an error.
#[must_use]
pub fn judge(error: &StoreError, scope: Scope) -> Verdict {
    match (error, scope) {
        (StoreError::Taken(_), Scope::Record) => Verdict::Ask,
        (StoreError::TimedOut(_), _) => Verdict::RetryLater,
        (StoreError::Refused { .. } | StoreError::TooLarge { .. }, Scope::Request) => Verdict::Split,
        (StoreError::Refused { .. } | StoreError::TooLarge { .. }, Scope::Record) => Verdict::Reject,
        (
            StoreError::Unreachable(_)
            | StoreError::Unclear(_)
            | StoreError::Unauthorized { .. }
            | StoreError::Credentials(_)
            | StoreError::Missing(_)
            | StoreError::Taken(_)
            | StoreError::BeingDeleted(_)
            | StoreError::HalfWritten(_)
            | StoreError::CutOff(_)
            | StoreError::Full { .. }
            | StoreError::Throttled(_)
            | StoreError::Failed { .. },
            Scope::Request | Scope::Record,
        ) => Verdict::Retry,
    }
}

#[cfg(test)]
mod tests {
    use super::{Scope, Verdict, judge};
    use crate::writer::StoreError;

    fn check(status: u16, message: &str, request: Verdict, record: Verdict) {
        let error = StoreError::from_status(status, message);
        assert_eq!(
            (judge(&error, Scope::Request), judge(&error, Scope::Record)),
            (request, record),
            "{error}"
        );
    }

    #[test]
    fn conflict_is_a_question_only_where_a_place_is_taken() {
        check(409, "A record with timestamp 7 already exists", Verdict::Retry, Verdict::Ask);
        check(409, "Entry 'a' is being deleted", Verdict::Retry, Verdict::Retry);
    }

    #[test]
    fn bad_request_is_not_the_records_fault_where_the_store_is_full_or_was_cut_off() {
        check(400, "Quota of 'b' exceeded", Verdict::Retry, Verdict::Retry);
        check(400, "Timeout while receiving data", Verdict::Retry, Verdict::Retry);
        check(400, "Content is shorter than expected", Verdict::Retry, Verdict::Retry);
        check(400, "no idea", Verdict::Split, Verdict::Reject);
    }

    #[test]
    fn poison_is_searched_for_by_halves() {
        check(422, "Invalid batched header", Verdict::Split, Verdict::Reject);
        check(431, "Unknown", Verdict::Split, Verdict::Reject);
    }

    #[test]
    fn everything_that_may_pass_is_retried() {
        for status in [401, 403, 404, 425, 429, 500, 502, 503, 507] {
            check(status, "any", Verdict::Retry, Verdict::Retry);
        }
        check(408, "any", Verdict::RetryLater, Verdict::RetryLater);
    }
}
