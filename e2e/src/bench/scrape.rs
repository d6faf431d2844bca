//! Pure. Reads what a program says of itself on `/metrics`.

use crate::trial::exposition::samples;

/// The text of one answer.
#[derive(Clone, Debug)]
pub(super) struct Scrape(pub(super) String);

impl Scrape {
    /// Returns the sum of a metric over all its labels; 0 where it does not occur yet.
    pub(super) fn sum(&self, name: &str) -> f64 {
        self.values(name).map(|(_, value)| value).sum()
    }

    /// Returns the share of what a histogram has seen that is at most `bound`; none where it has no such bound or has
    /// seen nothing.
    pub(super) fn share_within(&self, histogram: &str, bound: &str) -> Option<f64> {
        let le = format!("le=\"{bound}\"");
        let within = self.values(&format!("{histogram}_bucket")).find(|(labels, _)| labels.contains(&le))?.1;
        let all = self.sum(&format!("{histogram}_count"));
        (all > 0.0).then(|| within / all)
    }

    /// Labels and value of each line of a metric.
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        samples(&self.0, name).filter_map(|(labels, value)| Some((labels, value.parse().ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::Scrape;

    fn scrape() -> Scrape {
        let text = "# TYPE a counter\na_total{partition=\"0\"} 3\na_total{partition=\"1\"} 4\na_total_more 9\n\
                    h_count 4\nh_bucket{le=\"0.25\"} 3\nh_bucket{le=\"+Inf\"} 4\n";
        Scrape(text.to_owned())
    }

    #[test]
    fn a_sum_is_over_the_labels_of_one_name() {
        assert!((scrape().sum("a_total") - 7.0).abs() < f64::EPSILON);
        assert!(scrape().sum("absent").abs() < f64::EPSILON);
    }

    #[test]
    fn a_share_needs_the_bound_to_be_one_of_the_histogram() {
        assert_eq!(scrape().share_within("h", "0.25"), Some(0.75));
        assert_eq!(scrape().share_within("h", "0.3"), None);
        assert_eq!(Scrape(String::new()).share_within("h", "0.25"), None);
    }
}
