//! Pure. What the operator must keep to, and whether it did.

use super::findings::Findings;

const READY_SECONDS: f64 = 180.0;
const RSS_MEBIBYTES: f64 = 150.0;
const WRITES_PER_HOUR: f64 = 500.0;
const CPU_PERCENT: f64 = 2.0;
const CHANGE_SECONDS: f64 = 1.0;

/// One limit and what was measured.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verdict {
    /// What is limited.
    pub(super) what: &'static str,
    /// What was measured.
    pub(super) measured: f64,
    /// What it must be below.
    pub(super) limit: f64,
    /// What both count.
    pub(super) unit: &'static str,
}

impl Verdict {
    /// Tells whether the limit was kept to.
    pub(super) fn holds(&self) -> bool {
        self.measured < self.limit
    }
}

/// Returns every limit with what was measured.
pub(super) fn judge(found: &Findings) -> [Verdict; 5] {
    let verdict = |what, measured, limit, unit| Verdict { what, measured, limit, unit };
    [
        verdict("until all sinks are ready", found.ready_seconds, READY_SECONDS, "s"),
        verdict("peak memory of the operator", found.rss_mebibytes(), RSS_MEBIBYTES, "MiB"),
        verdict("API writes at rest", found.rest.writes_per_hour(), WRITES_PER_HOUR, "/h"),
        verdict("CPU at rest", found.rest.cpu_percent(), CPU_PERCENT, "% of a core"),
        verdict("until a child follows, the slowest", found.change_seconds_max(), CHANGE_SECONDS, "s"),
    ]
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::scale::findings::Findings;
    use crate::scale::findings::tests::findings;

    fn missed(found: &Findings) -> Vec<&'static str> {
        judge(found).iter().filter(|verdict| !verdict.holds()).map(|verdict| verdict.what).collect()
    }

    #[test]
    fn each_limit_is_missed_by_its_own_figure() {
        assert!(missed(&findings()).is_empty());
        let check = |spoil: fn(&mut Findings), what: &str| {
            let mut found = findings();
            spoil(&mut found);
            assert_eq!(missed(&found), [what]);
        };
        check(|found| found.ready_seconds = 180.0, "until all sinks are ready");
        check(|found| found.rss_peak_bytes = 150 << 20, "peak memory of the operator");
        check(|found| found.rest.writes.extend([("create events".to_owned(), 21)]), "API writes at rest");
        check(|found| found.rest.cpu_seconds = 12.0, "CPU at rest");
        check(|found| found.change_seconds.push(1.0), "until a child follows, the slowest");
    }
}
