//! Pure. Times as people write them in a manifest: `168h`, `10m`, `5s`, `100ms`, `Unlimited`.
//!
//! One number and one unit, nothing else: what is written is what is meant.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::text_type::text_conversions;

/// How long something is kept: `168h`, `30m`, `90s` or `Unlimited`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RetentionTime {
    /// For ever.
    Unlimited,
    /// At least this long, more than zero, whole seconds.
    For(Duration),
}

/// A short waiting time: `5s`, `100ms`, `0s`; whole milliseconds, at most [`Delay::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Delay(Duration);

text_conversions!(RetentionTime, DurationTextError);
text_conversions!(Delay, DurationTextError);

impl RetentionTime {
    /// What a retention time looks like, as a regular expression.
    pub const PATTERN: &str = "^(Unlimited|[1-9][0-9]{0,6}(h|m|s))$";

    /// Returns the time that the text stands for.
    ///
    /// # Errors
    /// Anything but `Unlimited` or a number from 1 to 9999999 with `h`, `m` or `s`.
    pub fn parse(text: &str) -> Result<Self, DurationTextError> {
        if text == "Unlimited" {
            return Ok(Self::Unlimited);
        }
        match parse_number_and_unit(text) {
            Some((number, unit)) if number > 0 && unit != "ms" => scale(number, unit).map(Self::For),
            Some(_) | None => None,
        }
        .ok_or_else(|| DurationTextError::Retention(text.to_owned()))
    }

    /// Returns Kafka's `retention.ms`: milliseconds, -1 for ever.
    #[must_use]
    pub fn retention_ms(self) -> i64 {
        match self {
            Self::Unlimited => -1,
            Self::For(time) => i64::try_from(time.as_millis()).unwrap_or(i64::MAX),
        }
    }
}

impl Delay {
    /// The longest delay: who waits longer cannot be told from who is stuck.
    pub const MAX: Self = Self::from_millis(60_000);

    /// What a delay looks like, as a regular expression; those above [`Self::MAX`] match but are refused all the same.
    pub const PATTERN: &str = "^(0|[1-9][0-9]{0,4})(m|s|ms)$";

    /// Returns the delay that the text stands for.
    ///
    /// # Errors
    /// Anything but a number with `m`, `s` or `ms`; more than [`Self::MAX`].
    pub fn parse(text: &str) -> Result<Self, DurationTextError> {
        match parse_number_and_unit(text) {
            Some((number, unit)) if unit != "h" => scale(number, unit).map(Self),
            Some(_) | None => None,
        }
        .filter(|delay| *delay <= Self::MAX)
        .ok_or_else(|| DurationTextError::Delay(text.to_owned()))
    }

    /// Returns a delay of whole milliseconds.
    #[must_use]
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }

    /// Returns the delay.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// Returns the delay in milliseconds.
    #[must_use]
    pub fn as_millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Splits `168h` into 168 and `h`; at most seven digits, without leading zeros.
fn parse_number_and_unit(text: &str) -> Option<(u64, &str)> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let leading_zero = digits.len() > 1 && digits.starts_with('0');
    if leading_zero || digits.len() > 7 {
        return None;
    }
    digits.parse().ok().map(|number| (number, unit))
}

/// At most 9999999 hours, 3.6 * 10^13 milliseconds: far from any overflow.
fn scale(number: u64, unit: &str) -> Option<Duration> {
    match unit {
        "h" => Some(Duration::from_secs(number * 3600)),
        "m" => Some(Duration::from_secs(number * 60)),
        "s" => Some(Duration::from_secs(number)),
        "ms" => Some(Duration::from_millis(number)),
        _ => None,
    }
}

/// Writes a time with the largest unit that needs no fraction.
fn write_duration(formatter: &mut fmt::Formatter<'_>, time: Duration) -> fmt::Result {
    let seconds = time.as_secs();
    match (time.subsec_millis(), seconds) {
        (0, 0) => formatter.write_str("0s"),
        (0, _) if seconds.is_multiple_of(3600) => write!(formatter, "{}h", seconds / 3600),
        (0, _) if seconds.is_multiple_of(60) => write!(formatter, "{}m", seconds / 60),
        (0, _) => write!(formatter, "{seconds}s"),
        (_, _) => write!(formatter, "{}ms", time.as_millis()),
    }
}

impl fmt::Display for RetentionTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => formatter.write_str("Unlimited"),
            Self::For(time) => write_duration(formatter, *time),
        }
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_duration(formatter, self.0)
    }
}

/// Why a text is no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationTextError {
    /// It is no retention time.
    #[error("a retention time must be a number with h, m or s, like 168h, or Unlimited, not {0:?}")]
    Retention(String),
    /// It is no delay.
    #[error("a delay must be a number with m, s or ms, like 100ms, and at most 60s, not {0:?}")]
    Delay(String),
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Delay, DurationTextError, RetentionTime};

    fn check_retention(text: &str, expected: Option<RetentionTime>) {
        let expected = expected.ok_or_else(|| DurationTextError::Retention(text.to_owned()));
        assert_eq!(RetentionTime::parse(text), expected, "{text:?}");
    }

    fn check_delay(text: &str, expected_ms: Option<u64>) {
        let expected =
            expected_ms.map(Delay::from_millis).ok_or_else(|| DurationTextError::Delay(text.to_owned()));
        assert_eq!(Delay::parse(text), expected, "{text:?}");
    }

    #[test]
    fn reads_retention_times() {
        check_retention("168h", Some(RetentionTime::For(Duration::from_hours(168))));
        check_retention("90m", Some(RetentionTime::For(Duration::from_mins(90))));
        check_retention("5s", Some(RetentionTime::For(Duration::from_secs(5))));
        check_retention("Unlimited", Some(RetentionTime::Unlimited));
        for wrong in
            ["", "h", "0s", "7d", "100ms", "1h30m", "-1h", "01h", "1.5h", "10000000h", "unlimited", "1 h"]
        {
            check_retention(wrong, None);
        }
    }

    #[test]
    fn reads_delays() {
        check_delay("100ms", Some(100));
        check_delay("2s", Some(2_000));
        check_delay("0s", Some(0));
        check_delay("1m", Some(60_000));
        check_delay("60000ms", Some(60_000));
        for wrong in ["", "5", "ms", "Unlimited", "00s", "+1s", "1us", "1S", "0h", "61s", "2m", "60001ms"] {
            check_delay(wrong, None);
        }
    }

    #[test]
    fn counts_kafka_retention_in_milliseconds() {
        assert_eq!(RetentionTime::parse("168h").unwrap().retention_ms(), 604_800_000);
        assert_eq!(RetentionTime::Unlimited.retention_ms(), -1);
    }

    #[test]
    fn writes_the_largest_unit_without_fraction() {
        for (text, written) in
            [("60s", "1m"), ("59s", "59s"), ("1000ms", "1s"), ("0ms", "0s"), ("1500ms", "1500ms")]
        {
            assert_eq!(Delay::parse(text).unwrap().to_string(), written);
        }
        assert_eq!(RetentionTime::parse("120m").unwrap().to_string(), "2h");
    }
}
