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

/// Below this age a sink keeps up: members commit every few seconds, and what they have not committed waits meanwhile.
const KEEPS_UP_SECONDS: u64 = 10;

/// A change of the lag by less than one of so many parts is none that is worth a write, which wakes every watcher.
const PARTS: u64 = 5;

/// Tells whether the lag is about what is written.
pub(crate) fn is_about(now: &ConsumerGroupStatus, written: &ConsumerGroupStatus) -> bool {
    match (now.lag_seconds, written.lag_seconds) {
        (Some(now), Some(written)) => are_near(now, written, KEEPS_UP_SECONDS),
        (None, None) => match (now.lag_messages, written.lag_messages) {
            (Some(now), Some(written)) => are_near(now, written, 0),
            (now, written) => now == written,
        },
        (Some(_), None) | (None, Some(_)) => false,
    }
}

fn are_near(now: i64, written: i64, small: u64) -> bool {
    // Somebody reads it as "all is stored": that must not wait.
    if now == 0 {
        return written == 0;
    }
    let (one, other) = (now.unsigned_abs(), written.unsigned_abs());
    let larger = one.max(other);
    larger < small || one.abs_diff(other).saturating_mul(PARTS) < larger.max(1)
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
    use super::{ConsumerGroupStatus, Duration, is_about, lag_seconds, two_digits};

    #[test]
    fn rounds_to_two_digits() {
        for (number, rounded) in [(0, 0), (7, 7), (42, 42), (123, 120), (98_765, 98_000)] {
            assert_eq!(two_digits(number), rounded);
        }
        assert_eq!(two_digits(u64::MAX), 18_000_000_000_000_000_000);
    }

    #[test]
    fn writes_no_lag_that_is_about_what_is_written() {
        let group = |messages, seconds| ConsumerGroupStatus {
            id: String::new(),
            members: None,
            lag_messages: messages,
            lag_seconds: seconds,
        };
        let check = |now, written, expected| {
            assert_eq!(is_about(&now, &written), expected, "{now:?} {written:?}");
        };
        check(group(Some(9), Some(3)), group(Some(0), Some(0)), true);
        check(group(Some(9), Some(10)), group(Some(0), Some(0)), false);
        check(group(Some(0), Some(0)), group(Some(9), Some(3)), false);
        check(group(Some(90), Some(110)), group(Some(100), Some(120)), true);
        check(group(Some(90), Some(60)), group(Some(100), Some(120)), false);
        check(group(Some(0), Some(0)), group(Some(100), Some(120)), false);
        check(group(Some(90), None), group(Some(100), None), true);
        check(group(Some(0), None), group(Some(1), None), false);
        check(group(None, None), group(None, None), true);
        check(group(Some(0), Some(0)), group(Some(0), None), false);
    }

    #[test]
    fn invents_no_age() {
        assert_eq!(lag_seconds(Some(0), None), Some(0));
        assert_eq!(lag_seconds(Some(5), None), None);
        assert_eq!(lag_seconds(Some(5), Some(Duration::from_millis(1900))), Some(1));
        assert_eq!(lag_seconds(None, None), None);
    }
}
