//! Pure. `ByteSize`: sizes as people write them in a manifest: `10Gi`, `8Mi`, `500G`, `2097152`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text_type::text_conversions;

const UNITS: [(&str, u64); 8] = [
    ("Ti", 1 << 40),
    ("Gi", 1 << 30),
    ("Mi", 1 << 20),
    ("Ki", 1 << 10),
    ("T", 1_000_000_000_000),
    ("G", 1_000_000_000),
    ("M", 1_000_000),
    ("k", 1_000),
];

/// A number of bytes, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ByteSize(u64);

text_conversions!(ByteSize, ByteSizeError);

impl ByteSize {
    /// What a size looks like, as a regular expression.
    pub const PATTERN: &str = "^([1-9][0-9]{0,14}|[1-9][0-9]{0,5}(Ki|Mi|Gi|Ti|k|M|G|T))$";

    /// Returns the size that the text stands for.
    ///
    /// # Errors
    /// Anything but a number of at most 15 digits, or one of at most 6 digits with `Ki`, `Mi`, `Gi`, `Ti`, `k`, `M`,
    /// `G` or `T`; zero and leading zeros.
    pub fn parse(text: &str) -> Result<Self, ByteSizeError> {
        parse_bytes(text).map(Self).ok_or_else(|| ByteSizeError { text: text.to_owned() })
    }

    /// Returns a size of so many mebibytes.
    #[must_use]
    pub const fn from_mebibytes(mebibytes: u32) -> Self {
        Self((mebibytes as u64) << 20)
    }

    /// Returns the number of bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

fn parse_bytes(text: &str) -> Option<u64> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let (factor, digits_max) = match unit {
        "" => (1, 15),
        _ => UNITS.iter().find(|(name, _)| *name == unit).map(|&(_, factor)| (factor, 6))?,
    };
    if digits.starts_with('0') || digits.len() > digits_max {
        return None;
    }
    // At most 999999 Ti, 1.1 * 10^18 bytes: it fits a signed number too, which Kafka wants.
    digits.parse::<u64>().ok().map(|number| number * factor)
}

impl fmt::Display for ByteSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fitting = UNITS.iter().find(|(_, factor)| self.0.is_multiple_of(*factor));
        match fitting {
            Some((unit, factor)) => write!(formatter, "{}{unit}", self.0 / factor),
            None => write!(formatter, "{}", self.0),
        }
    }
}

/// A text that is no size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a size must be a number of bytes, like 2097152, 8Mi or 10Gi, not {text:?}")]
pub struct ByteSizeError {
    /// What was written.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::{ByteSize, ByteSizeError};

    fn check(text: &str, expected: Option<u64>) {
        let expected = expected.ok_or_else(|| ByteSizeError { text: text.to_owned() });
        assert_eq!(ByteSize::parse(text).map(ByteSize::bytes), expected, "{text:?}");
    }

    #[test]
    fn reads_sizes() {
        check("2097152", Some(2_097_152));
        check("8Mi", Some(8 << 20));
        check("10Gi", Some(10 << 30));
        check("500G", Some(500_000_000_000));
        check("999999Ti", Some(999_999 << 40));
        check("999999999999999", Some(999_999_999_999_999));
        for wrong in
            ["", "0", "Gi", "1.5Gi", "10GB", "10gi", "-1", "010", "1000000Ki", "1000000000000000", "1 Gi"]
        {
            check(wrong, None);
        }
    }

    #[test]
    fn writes_the_largest_unit_without_fraction() {
        for (text, written) in [("2097152", "2Mi"), ("1024Mi", "1Gi"), ("1500", "1500"), ("3000", "3k")] {
            assert_eq!(ByteSize::parse(text).unwrap().to_string(), written);
        }
    }
}
