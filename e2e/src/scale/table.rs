//! Pure. What was found, for people.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use super::findings::Findings;
use super::limits::Verdict;

/// Columns that hold numbers.
const NUMBERS: std::ops::RangeInclusive<usize> = 1..=2;

/// Returns each limit with what was measured and whether it holds.
pub(super) fn judged(verdicts: &[Verdict]) -> String {
    let mut table = table(["LIMIT", "MEASURED", "BELOW", "", "VERDICT"]);
    for verdict in verdicts {
        table.add_row([
            verdict.what.to_owned(),
            figure(verdict.measured),
            figure(verdict.limit),
            verdict.unit.to_owned(),
            if verdict.holds() { "holds" } else { "MISSED" }.to_owned(),
        ]);
    }
    table.trim_fmt()
}

/// Returns what the operator asked to be written at rest, and what it did beside that.
pub(super) fn rest(found: &Findings) -> String {
    let rest = &found.rest;
    let mut table = table(["WRITES AT REST", "NUMBER", "", "", ""]);
    for (what, count) in &rest.writes {
        table.add_row([what.clone(), count.to_string(), String::new(), String::new(), String::new()]);
    }
    let came = rest.came_after_seconds.map_or_else(
        || "it never came to rest".to_owned(),
        |after| format!("it came to rest {after:.0} s after all were ready"),
    );
    format!(
        "{}\n\nin {:.0} s: {:.1} reconciliations a second, {} threads; {came}",
        table.trim_fmt(),
        rest.seconds,
        rest.reconciliations_per_second(),
        rest.threads,
    )
}

/// Returns the run in the line that others rely on.
pub(super) fn in_one_line(found: &Findings) -> String {
    format!(
        "scale: {} sinks ready in {:.0} s, rss {:.0} MiB, idle writes {:.1} per minute",
        found.sinks,
        found.ready_seconds,
        found.rss_mebibytes(),
        found.rest.writes_per_hour() / 60.0,
    )
}

fn figure(number: f64) -> String {
    if number < 10.0 { format!("{number:.2}") } else { format!("{number:.0}") }
}

fn table(header: [&str; 5]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(header);
    for index in NUMBERS {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::{in_one_line, judged, rest};
    use crate::scale::findings::tests::findings;
    use crate::scale::limits::judge;

    #[test]
    fn the_last_line_is_the_one_that_was_promised() {
        let line = "scale: 500 sinks ready in 60 s, rss 100 MiB, idle writes 6.3 per minute";
        assert_eq!(in_one_line(&findings()), line);
    }

    #[test]
    fn a_missed_limit_stands_out() {
        let mut found = findings();
        assert!(!judged(&judge(&found)).contains("MISSED"));
        found.ready_seconds = 200.0;
        assert!(judged(&judge(&found)).contains("MISSED"));
        assert!(rest(&found).contains("update leases"));
    }
}
