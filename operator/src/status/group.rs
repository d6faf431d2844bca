//! Pure. What the status says of the consumer group. Lag is rounded: the truth is in the metrics.

use std::time::Duration;

use kafkasink_crds::resource::ConsumerGroupStatus;

use super::findings::Findings;

/// Returns the group as Kafka has it; `None` where it could not be seen.
pub(super) fn group(findings: &Findings<'_>) -> Option<ConsumerGroupStatus> {
    let kafka = findings.externals.kafka.as_ref().ok()?;
    let view = kafka.group.as_ref();
    let lag = view.and_then(|view| view.lag(findings.sink.kafka.start_from));
    Some(ConsumerGroupStatus {
        id: findings.sink.kafka.group_id.clone(),
        members: view.and_then(|view| view.members).and_then(|members| i32::try_from(members).ok()),
        lag_messages: lag.and_then(|lag| i64::try_from(two_digits(lag)).ok()),
        lag_seconds: lag_seconds(lag, findings.ages.highest()),
    })
}

/// Nothing waits where no message does.
fn lag_seconds(lag: Option<u64>, highest: Option<Duration>) -> Option<i64> {
    if lag == Some(0) {
        return Some(0);
    }
    i64::try_from(two_digits(highest?.as_secs())).ok()
}

/// Rounds to two digits, so that the status does not change with every message.
pub(super) fn two_digits(number: u64) -> u64 {
    let factor = 10_u64.pow(number.checked_ilog10().unwrap_or(0).saturating_sub(1));
    number / factor * factor
}

#[cfg(test)]
mod tests {
    use super::{Duration, lag_seconds, two_digits};

    #[test]
    fn rounds_to_two_digits() {
        for (number, rounded) in [(0, 0), (7, 7), (42, 42), (123, 120), (98_765, 98_000)] {
            assert_eq!(two_digits(number), rounded);
        }
        assert_eq!(two_digits(u64::MAX), 18_000_000_000_000_000_000);
    }

    #[test]
    fn invents_no_age() {
        assert_eq!(lag_seconds(Some(0), None), Some(0));
        assert_eq!(lag_seconds(Some(5), None), None);
        assert_eq!(lag_seconds(Some(5), Some(Duration::from_millis(1900))), Some(1));
        assert_eq!(lag_seconds(None, None), None);
    }
}
