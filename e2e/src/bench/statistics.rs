//! Pure. Medians and percentiles.

/// Returns the value below or at which the given share (0 to 1) of the sorted values lies, one of the values itself; none
/// of none.
pub(super) fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let rank = sorted.iter().zip(1_u32..).map(|(value, rank)| (*value, f64::from(rank)));
    let count = f64::from(u32::try_from(sorted.len()).unwrap_or(u32::MAX));
    rank.filter(|(_, rank)| *rank >= share * count).map(|(value, _)| value).next()
}

/// Returns the item with the median key, the lower of two; none of none.
pub(super) fn median_by<T>(items: &[T], key: impl Fn(&T) -> f64) -> Option<&T> {
    let mut sorted: Vec<&T> = items.iter().collect();
    sorted.sort_by(|a, b| key(a).total_cmp(&key(b)));
    sorted.get(sorted.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::{median_by, percentile};

    #[test]
    fn percentiles_are_values_that_occurred() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&hundred, 0.5), Some(50.0));
        assert_eq!(percentile(&hundred, 0.99), Some(99.0));
        assert_eq!(percentile(&hundred, 1.0), Some(100.0));
        assert_eq!(percentile(&[3.0, 9.0], 0.99), Some(9.0));
        assert_eq!(percentile(&[], 0.5), None);
    }

    #[test]
    fn median_is_one_of_the_items() {
        assert_eq!(median_by(&[9.0, 1.0, 5.0], |value| *value), Some(&5.0));
        assert_eq!(median_by(&[4.0, 2.0], |value| *value), Some(&2.0));
        assert_eq!(median_by(&[7.0], |value| *value), Some(&7.0));
        assert_eq!(median_by(&[0.0; 0], |value| *value), None);
    }
}
