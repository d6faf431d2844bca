//! Pure. What was measured, as it is written to `results.json`.

use std::collections::BTreeMap;

use serde::Serialize;

const SECONDS_PER_HOUR: f64 = 3600.0;

/// What one run came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Findings {
    /// Sinks that there were.
    pub sinks: u16,
    /// From before the first was applied until the last was ready.
    pub ready_seconds: f64,
    /// What the operator cost at rest.
    pub rest: Rest,
    /// How long each changed child took.
    pub change_seconds: Vec<f64>,
    /// The most memory that the operator ever had resident.
    pub rss_peak_bytes: u64,
}

/// What the operator did while nothing changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rest {
    /// How long after all were ready the last write came before rest; none where there was no rest.
    pub came_after_seconds: Option<f64>,
    /// How long it was watched.
    pub seconds: f64,
    /// Requests to the API server that would write, by what they write.
    pub writes: BTreeMap<String, u64>,
    /// Reconciliations that ended.
    pub reconciliations: u64,
    /// CPU time.
    pub cpu_seconds: f64,
    /// Threads at its end.
    pub threads: u32,
}

impl Findings {
    /// Returns the longest time that a changed child took, in seconds.
    #[must_use]
    pub fn change_seconds_max(&self) -> f64 {
        self.change_seconds.iter().copied().fold(0.0, f64::max)
    }

    /// Returns the operator's peak memory in mebibytes (2²⁰).
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "figures are shown with three digits")]
    pub fn rss_mebibytes(&self) -> f64 {
        self.rss_peak_bytes as f64 / f64::from(1 << 20)
    }
}

impl Rest {
    /// Returns the writes of all kinds, the Lease's among them, as they would be in an hour.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "there are far fewer writes than 2⁵²")]
    pub fn writes_per_hour(&self) -> f64 {
        self.writes.values().sum::<u64>() as f64 * SECONDS_PER_HOUR / self.seconds
    }

    /// Returns how much of a core it used, in percent.
    #[must_use]
    pub fn cpu_percent(&self) -> f64 {
        self.cpu_seconds * 100.0 / self.seconds
    }

    /// Returns the reconciliations of a second.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "there are far fewer reconciliations than 2⁵²")]
    pub fn reconciliations_per_second(&self) -> f64 {
        self.reconciliations as f64 / self.seconds
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Findings, Rest};

    pub(in crate::scale) fn findings() -> Findings {
        Findings {
            sinks: 500,
            ready_seconds: 60.0,
            rest: Rest {
                came_after_seconds: Some(5.0),
                seconds: 600.0,
                writes: [("update leases".to_owned(), 60), ("patch kafkasinks/status".to_owned(), 3)].into(),
                reconciliations: 4500,
                cpu_seconds: 6.0,
                threads: 9,
            },
            change_seconds: vec![0.2, 0.9, 0.1],
            rss_peak_bytes: 100 << 20,
        }
    }

    #[test]
    fn figures_follow_from_what_was_counted() {
        let found = findings();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} is not {b}");
        close(found.rest.writes_per_hour(), 378.0);
        close(found.rest.cpu_percent(), 1.0);
        close(found.rest.reconciliations_per_second(), 7.5);
        close(found.change_seconds_max(), 0.9);
        close(found.rss_mebibytes(), 100.0);
    }
}
