//! Pure. Everything that one run of the benchmark has found.

use super::growth::Tenth;
use super::row::Run;
use super::statistics::percentile;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// All runs, in the order in which they ran.
    pub(super) runs: Vec<Run>,
    /// Of the case `latency`.
    pub(super) latency: Option<Latency>,
    /// Of the case `growth`.
    pub(super) growth: Vec<Tenth>,
}

/// How long messages took from their timestamp until the store showed them, as seen from outside.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Latency {
    /// Milliseconds, sorted.
    sorted_ms: Vec<f64>,
    /// By the sink's own histogram: the share that took at most 250 ms.
    pub(super) share_within_250_ms: Option<f64>,
}

impl Latency {
    /// Returns the latency of these samples; none of none.
    pub(super) fn of(mut samples_ms: Vec<f64>, share_within_250_ms: Option<f64>) -> Option<Self> {
        samples_ms.sort_by(f64::total_cmp);
        (!samples_ms.is_empty()).then_some(Self { sorted_ms: samples_ms, share_within_250_ms })
    }

    /// Returns the milliseconds that this share (0 to 1) of the messages took at most.
    pub(super) fn within(&self, share: f64) -> f64 {
        percentile(&self.sorted_ms, share).expect("there is at least one sample")
    }

    /// Returns how many messages were looked at.
    pub(super) fn samples(&self) -> usize {
        self.sorted_ms.len()
    }
}

#[cfg(test)]
mod tests {
    use super::Latency;

    #[test]
    fn latency_needs_samples_and_sorts_them() {
        assert_eq!(Latency::of(Vec::new(), None), None);
        let latency = Latency::of(vec![9.0, 1.0, 5.0], Some(1.0)).unwrap();
        assert!((latency.within(0.5) - 5.0).abs() < f64::EPSILON);
        assert!((latency.within(0.99) - 9.0).abs() < f64::EPSILON);
        assert_eq!(latency.samples(), 3);
    }
}
