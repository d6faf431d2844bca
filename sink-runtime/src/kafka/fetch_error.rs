//! Pure. What an error in a partition's queue means: whether what follows in the queue follows in the log as well.
//!
//! Offsets have gaps that are no loss (compaction, markers of transactions), so a batch that the client library passes over
//! would look like one. It tells of such a batch by an error and goes on behind it; nothing behind may be taken then.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FetchError {
    /// The next offset is not in the log any more.
    OutOfRange,
    /// A batch is damaged, or of a format or codec that the client library does not know.
    Unreadable,
    /// The client library asks again by itself, for the same offset.
    Passing,
}

/// Returns what an error means.
pub(super) fn sort(error: &KafkaError) -> FetchError {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
            FetchError::OutOfRange
        }
        Some(
            RDKafkaErrorCode::BadMessage
            | RDKafkaErrorCode::BadCompression
            | RDKafkaErrorCode::NotImplemented,
        ) => FetchError::Unreadable,
        Some(_) | None => FetchError::Passing,
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::error::{KafkaError, RDKafkaErrorCode};

    use super::{FetchError, sort};

    fn check(code: RDKafkaErrorCode, expected: FetchError) {
        assert_eq!(sort(&KafkaError::MessageConsumption(code)), expected, "{code}");
    }

    #[test]
    fn only_what_the_client_library_passes_over_is_unreadable() {
        check(RDKafkaErrorCode::BadMessage, FetchError::Unreadable);
        check(RDKafkaErrorCode::NotImplemented, FetchError::Unreadable);
        check(RDKafkaErrorCode::BadCompression, FetchError::Unreadable);
        check(RDKafkaErrorCode::AutoOffsetReset, FetchError::OutOfRange);
        check(RDKafkaErrorCode::UnknownTopicOrPartition, FetchError::Passing);
        check(RDKafkaErrorCode::TopicAuthorizationFailed, FetchError::Passing);
    }
}
