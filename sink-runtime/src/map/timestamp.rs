//! Pure. The place of a record in time: what the source says, and where the partition's state puts it.
//!
//! Only message times and offsets decide, never the wall clock, so that a replay computes the same places.

use kafkasink_crds::runtime_config::{OnMissing, TimestampConfig, TimestampUnit};

use super::rejection::Rejection;
use crate::record::{Header, Offset, PlaceState, Resolution, SourceTime, TimestampUs};

/// How late a message must be before the state follows it back in time, in microseconds.
const REWIND_US: u64 = 10_000_000;

/// Latest time that is given a place: an hour below the largest number, so that records in its way can move.
const TIME_US_MAX: u64 = u64::MAX - 3_600_000_000;

/// Returns the time that the mapping chooses for a message.
pub(super) fn source_time(
    config: &TimestampConfig,
    timestamp_ms: Option<i64>,
    headers: &[Header],
) -> Result<SourceTime, Rejection> {
    let own = SourceTime {
        microseconds: i128::from(timestamp_ms.unwrap_or(-1)) * 1_000,
        resolution: Resolution::Milliseconds,
    };
    let TimestampConfig::Header { name, unit, on_missing } = config else {
        return Ok(own);
    };
    let value = headers.iter().find(|header| header.name == *name).and_then(|header| header.value.as_deref());
    let rejection = match value {
        None => Rejection::TimestampMissing(name.clone()),
        Some(bytes) => match parse(bytes, *unit) {
            Some(time) => return Ok(time),
            None => Rejection::TimestampUnreadable(name.clone()),
        },
    };
    match on_missing {
        OnMissing::UseMessage => Ok(own),
        OnMissing::Reject => Err(rejection),
    }
}

/// Returns the place of a message and the state after it.
///
/// # Errors
/// The time is above what the store can hold.
pub fn advance(
    state: Option<PlaceState>,
    source: SourceTime,
    offset: Offset,
) -> Result<(TimestampUs, PlaceState), Rejection> {
    let too_large = || Rejection::TimestampTooLarge(source.microseconds);
    let time = u64::try_from(source.microseconds.max(0)).map_err(|_too_large| too_large())?;
    if time > TIME_US_MAX {
        return Err(too_large());
    }
    let at = |place: u64, last_source: u64| {
        let place = TimestampUs(place);
        Ok((place, PlaceState { last: place, last_source: TimestampUs(last_source) }))
    };
    let Some(PlaceState { last, last_source }) = state else {
        return at(time, time);
    };
    if time > last.0 {
        return at(time, time);
    }
    if time >= last_source.0 {
        return at(last.0.checked_add(1).ok_or_else(too_large)?, last_source.0);
    }
    let place = match source.resolution {
        Resolution::Milliseconds => time.saturating_add(offset.0.rem_euclid(1_000).unsigned_abs()),
        Resolution::Microseconds => time,
    };
    if last_source.0 - time > REWIND_US {
        return at(place, time);
    }
    Ok((TimestampUs(place), PlaceState { last, last_source }))
}

fn parse(bytes: &[u8], unit: TimestampUnit) -> Option<SourceTime> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    let number = || text.parse::<i128>().ok();
    let (microseconds, resolution) = match unit {
        TimestampUnit::Milliseconds => (number()?.checked_mul(1_000)?, Resolution::Milliseconds),
        TimestampUnit::Microseconds => (number()?, Resolution::Microseconds),
        TimestampUnit::Nanoseconds => (number()?.div_euclid(1_000), Resolution::Microseconds),
        TimestampUnit::Rfc3339 => {
            let time: jiff::Timestamp = text.parse().ok()?;
            (time.as_nanosecond().div_euclid(1_000), Resolution::Microseconds)
        }
    };
    Some(SourceTime { microseconds, resolution })
}

#[cfg(test)]
mod tests {
    use kafkasink_crds::runtime_config::TimestampUnit;

    use super::{advance, parse};
    use crate::map::Rejection;
    use crate::record::{Offset, PlaceState, Resolution, SourceTime, TimestampUs};

    /// Feeds times in microseconds as offsets 0, 1, 2 and returns the places.
    fn places(resolution: Resolution, times: &[i128]) -> Vec<u64> {
        let mut state: Option<PlaceState> = None;
        let mut give = |(offset, time): (i64, &i128)| {
            let source = SourceTime { microseconds: *time, resolution };
            let (place, after) = advance(state, source, Offset(offset)).unwrap();
            state = Some(after);
            place.0
        };
        (0..).zip(times).map(&mut give).collect()
    }

    #[test]
    fn times_in_order_are_places_in_order() {
        assert_eq!(places(Resolution::Milliseconds, &[1_000, 2_000, 5_000]), [1_000, 2_000, 5_000]);
    }

    #[test]
    fn equal_times_and_bursts_follow_one_another() {
        assert_eq!(
            places(Resolution::Milliseconds, &[1_000, 1_000, 1_000, 2_000]),
            [1_000, 1_001, 1_002, 2_000]
        );
        let burst = vec![1_000; 1_500];
        let mut times = burst.clone();
        times.push(2_000);
        assert_eq!(places(Resolution::Milliseconds, &times).last(), Some(&2_500));
    }

    #[test]
    fn late_messages_keep_their_own_millisecond_and_leave_the_state_alone() {
        assert_eq!(places(Resolution::Milliseconds, &[9_000, 5_000, 10_000]), [9_000, 5_001, 10_000]);
        assert_eq!(places(Resolution::Microseconds, &[9_000, 5_000, 9_000]), [9_000, 5_000, 9_001]);
    }

    #[test]
    fn state_follows_messages_that_are_very_late() {
        let hour = 3_600_000_000;
        assert_eq!(places(Resolution::Microseconds, &[hour, 5, 5, 6]), [3_600_000_000, 5, 6, 7]);
    }

    #[test]
    fn times_below_zero_count_as_zero() {
        assert_eq!(places(Resolution::Milliseconds, &[-1_000, -5]), [0, 1]);
    }

    #[test]
    fn refuses_times_that_do_not_fit() {
        let source = |microseconds| SourceTime { microseconds, resolution: Resolution::Microseconds };
        let largest = i128::from(super::TIME_US_MAX);
        assert_eq!(
            advance(None, source(largest + 1), Offset(0)),
            Err(Rejection::TimestampTooLarge(largest + 1))
        );
        let (place, state) = advance(None, source(largest), Offset(0)).unwrap();
        assert_eq!(place, TimestampUs(super::TIME_US_MAX));
        let (next, _) = advance(Some(state), source(largest), Offset(1)).unwrap();
        assert_eq!(next, place.later(1), "there is room to move");
    }

    #[test]
    fn header_text_is_read_by_its_unit() {
        let read = |text: &str, unit| parse(text.as_bytes(), unit).map(|time| time.microseconds);
        assert_eq!(read("12", TimestampUnit::Milliseconds), Some(12_000));
        assert_eq!(read(" -12 ", TimestampUnit::Microseconds), Some(-12));
        assert_eq!(read("1999", TimestampUnit::Nanoseconds), Some(1));
        assert_eq!(read("1970-01-01T00:00:01.5Z", TimestampUnit::Rfc3339), Some(1_500_000));
        assert_eq!(read("noon", TimestampUnit::Rfc3339), None);
        assert_eq!(read("1.5", TimestampUnit::Milliseconds), None);
    }
}
