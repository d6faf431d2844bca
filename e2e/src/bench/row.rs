//! Pure. One measured run, as it is written to `results.json`, and what follows from it.

use serde::Serialize;

use super::case::{Case, Contender};
use super::statistics::median_by;

const BYTES_PER_GB: f64 = 1e9;

/// What one contender did in one case. These are the fields of `results.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Row {
    /// Name of the case.
    pub(super) case: &'static str,
    /// Name of the contender.
    pub(super) contender: &'static str,
    /// Messages that it moved.
    pub(super) messages: u64,
    /// Their payload bytes.
    pub(super) bytes: u64,
    /// From the start of reading until the store had answered for the last message.
    pub(super) seconds: f64,
    /// CPU time of its processes, from their start until all was done, commits included.
    pub(super) cpu_seconds: f64,
    /// CPU time of the store from the start of reading until all was done.
    pub(super) store_cpu_seconds: f64,
    /// The most memory that its processes had resident, together.
    pub(super) rss_bytes: u64,
}

/// A run, with what the results have no field for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    /// What it came to.
    pub(super) row: Row,
    /// From the start of reading until the last offset was committed; none for those who do not wait for that.
    pub(super) committed_seconds: Option<f64>,
}

/// All runs of one contender in one case.
#[derive(Debug)]
pub(super) struct Series<'a> {
    /// The run with the median time.
    pub(super) median: &'a Run,
    /// The shortest and the longest time in seconds.
    pub(super) spread: (f64, f64),
    /// How many runs there were.
    pub(super) runs: usize,
}

impl Row {
    /// Returns messages per second.
    #[expect(clippy::cast_precision_loss, reason = "figures are shown with three digits")]
    pub(super) fn messages_per_second(&self) -> f64 {
        self.messages as f64 / self.seconds
    }

    /// Returns megabytes (10⁶) per second.
    pub(super) fn megabytes_per_second(&self) -> f64 {
        self.gigabytes() * 1e3 / self.seconds
    }

    /// Returns seconds of the contender's CPU per gigabyte (10⁹).
    pub(super) fn cpu_per_gigabyte(&self) -> f64 {
        self.cpu_seconds / self.gigabytes()
    }

    /// Returns seconds of the store's CPU per gigabyte (10⁹).
    pub(super) fn store_cpu_per_gigabyte(&self) -> f64 {
        self.store_cpu_seconds / self.gigabytes()
    }

    /// Returns the peak memory in mebibytes (2²⁰).
    #[expect(clippy::cast_precision_loss, reason = "figures are shown with three digits")]
    pub(super) fn rss_mebibytes(&self) -> f64 {
        self.rss_bytes as f64 / f64::from(1 << 20)
    }

    #[expect(clippy::cast_precision_loss, reason = "figures are shown with three digits")]
    fn gigabytes(&self) -> f64 {
        self.bytes as f64 / BYTES_PER_GB
    }
}

/// Returns one series for each case and contender, in the order in which they first ran.
pub(super) fn series(runs: &[Run]) -> Vec<Series<'_>> {
    let mut names: Vec<(&str, &str)> = Vec::new();
    for name in runs.iter().map(|run| (run.row.case, run.row.contender)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.into_iter().filter_map(|(case, contender)| series_of(runs, case, contender)).collect()
}

/// Returns the median row of a contender in a case, if it was measured.
pub(super) fn median(runs: &[Run], case: Case, contender: Contender) -> Option<&Row> {
    series_of(runs, case.name(), contender.name()).map(|series| &series.median.row)
}

fn series_of<'a>(runs: &'a [Run], case: &str, contender: &str) -> Option<Series<'a>> {
    let is_of = |run: &&Run| run.row.case == case && run.row.contender == contender;
    let of: Vec<&Run> = runs.iter().filter(is_of).collect();
    let median = *median_by(&of, |run| run.row.seconds)?;
    let seconds = || of.iter().map(|run| run.row.seconds);
    let spread = (seconds().fold(f64::INFINITY, f64::min), seconds().fold(0.0, f64::max));
    Some(Series { median, spread, runs: of.len() })
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Case, Contender, Row, Run, median, series};

    /// A run of one gigabyte in 10,000 messages.
    pub(in crate::bench) fn run(case: Case, contender: Contender, seconds: f64) -> Run {
        let row = Row {
            case: case.name(),
            contender: contender.name(),
            messages: 10_000,
            bytes: 1_000_000_000,
            seconds,
            cpu_seconds: 2.0,
            store_cpu_seconds: 3.0,
            rss_bytes: 64 << 20,
        };
        Run { row, committed_seconds: None }
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn figures_follow_from_a_row() {
        let row = run(Case::HundredKb, Contender::Bare, 4.0).row;
        assert!(close(row.messages_per_second(), 2_500.0));
        assert!(close(row.megabytes_per_second(), 250.0));
        assert!(close(row.cpu_per_gigabyte(), 2.0));
        assert!(close(row.store_cpu_per_gigabyte(), 3.0));
        assert!(close(row.rss_mebibytes(), 64.0));
    }

    #[test]
    fn the_median_run_stands_for_its_series() {
        let runs = [
            run(Case::OneKb, Contender::Kafkasink, 9.0),
            run(Case::OneKb, Contender::Bare, 1.0),
            run(Case::OneKb, Contender::Kafkasink, 5.0),
            run(Case::OneKb, Contender::Kafkasink, 7.0),
        ];
        let series = series(&runs);
        let names: Vec<_> = series.iter().map(|series| series.median.row.contender).collect();
        assert_eq!(names, ["kafkasink", "bare"]);
        assert!(close(series[0].median.row.seconds, 7.0));
        assert_eq!((series[0].spread, series[0].runs), ((5.0, 9.0), 3));
        assert!(median(&runs, Case::TenKb, Contender::Bare).is_none());
    }

    #[test]
    fn results_have_the_fields_that_others_rely_on() {
        let json = serde_json::to_value(run(Case::OneKb, Contender::Bare, 1.0).row).unwrap();
        let names: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
        let mut expected = [
            "case",
            "contender",
            "messages",
            "bytes",
            "seconds",
            "cpu_seconds",
            "store_cpu_seconds",
            "rss_bytes",
        ];
        expected.sort_unstable();
        let mut names = names;
        names.sort_unstable();
        assert_eq!(names, expected);
    }
}
