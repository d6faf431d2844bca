//! Pure. Errors and records of the client library become ours, and ours become its.

use std::collections::BTreeSet;

use reduct_rs::{ErrorCode, Labels, Record as StoreRecord, RecordBuilder, ReductError};

use crate::record::{Identity, LABEL_LIFE, LABEL_OFFSET, Life, Offset, Record, TimestampUs};
use crate::writer::{Head, StoreError};

/// Returns our error for one of the client library.
pub(super) fn to_store_error(error: &ReductError) -> StoreError {
    let message = error.message();
    // Negative codes are the client library's own.
    match (u16::try_from(error.status() as i16), error.status()) {
        (Ok(status), _) => StoreError::from_status(status, message),
        (Err(_), ErrorCode::ConnectionError) => StoreError::Unreachable(message.to_owned()),
        (Err(_), ErrorCode::Timeout) => StoreError::TimedOut(message.to_owned()),
        (Err(_), _) => StoreError::Unclear(message.to_owned()),
    }
}

/// Returns what the store answered; none where what was asked for does not exist.
pub(super) fn unless_missing<T>(answer: Result<T, ReductError>) -> Result<Option<T>, StoreError> {
    match answer.map_err(|error| to_store_error(&error)) {
        Ok(answer) => Ok(Some(answer)),
        Err(StoreError::Missing(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the record as the client library sends it; `names` are all labels that occur in its entry.
///
/// # Guarantees
/// Label values and content type hold nothing at which the client library panics: the mapping saw to that.
pub(super) fn to_store_record(record: &Record, names: &BTreeSet<String>) -> StoreRecord {
    let mut labels: Labels =
        record.all_labels().map(|(name, value)| (name.to_owned(), value.into_owned())).collect();
    if labels.len() < names.len() {
        // An absent label must be sent empty, or the store takes that of the record before.
        for name in names {
            if !labels.contains_key(name) {
                labels.insert(name.clone(), String::new());
            }
        }
    }
    RecordBuilder::new()
        .entry(record.entry.as_str())
        .timestamp_us(record.place.0)
        .labels(labels)
        .content_type(record.content_type.to_string())
        .data(record.body.clone())
        .build()
}

/// Returns what a record of the store tells about itself.
pub(super) fn to_head(record: &StoreRecord) -> Head {
    let labels = record.labels();
    let offset = labels.get(LABEL_OFFSET).and_then(|offset| offset.parse().ok()).map(Offset);
    // A mark that is none was not made by a sink.
    let life = labels.get(LABEL_LIFE).map_or(Some(Life::FIRST), |mark| Life::parse(mark));
    let identity = offset.zip(life).map(|(offset, life)| Identity { life, offset });
    Head { place: TimestampUs(record.timestamp_us()), identity }
}
