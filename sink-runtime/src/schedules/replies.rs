//! Pure. What the simulated store replies.

use std::sync::Arc;
use std::time::Duration;

use super::log::POISON;
use crate::batch::Batch;
use crate::pipeline::{Answer, Request};
use crate::record::{Entry, Record, TimestampUs};
use crate::writer::{Head, StoreError};

/// Returns the answer to a request that failed.
pub(super) fn failed(request: &Request, error: StoreError) -> Answer {
    match request {
        Request::Registry(_) => panic!("the registry is asked although the partition is admitted"),
        Request::Survey(_) => Answer::Surveyed(Err(error)),
        Request::Check(_) => Answer::Checked(Err(error)),
        Request::Write(_) => Answer::Written(Err(error)),
        Request::Probe(_) => Answer::Probed(vec![Err(error)]),
        Request::Mend(_) => Answer::Mended(Err(error)),
        Request::ReadBack(_) => Answer::Shown { heads: Err(error), took: Duration::ZERO },
    }
}

/// Returns what a read-back found.
pub(super) fn shown(heads: Vec<(Entry, Head)>) -> Answer {
    Answer::Shown { heads: Ok(heads), took: Duration::from_millis(5) }
}

/// Returns what the store says of a place that is taken.
pub(super) fn taken(place: TimestampUs) -> StoreError {
    StoreError::from_status(409, &format!("A record with timestamp {place} already exists"))
}

/// Returns what it says of a request that it refuses.
pub(super) fn refusal(batch: &Batch) -> Option<StoreError> {
    let is_poison = |record: &Arc<Record>| record.body == POISON;
    batch.records.iter().any(is_poison).then(|| StoreError::from_status(422, "Invalid batched header"))
}
