//! Pure. What was found, as tables for people.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use super::findings::{Findings, Latency};
use super::floors::{Side, Verdict};
use super::growth::Tenth;
use super::row::{Series, series};

/// Returns everything that was measured.
pub(super) fn measured(found: &Findings) -> String {
    let mut parts = Vec::new();
    if !found.runs.is_empty() {
        parts.push(throughput(&series(&found.runs)));
    }
    parts.extend(found.latency.as_ref().map(latency));
    if !found.growth.is_empty() {
        parts.push(growth(&found.growth));
    }
    parts.join("\n")
}

/// Returns each floor with what was measured and whether it holds.
pub(super) fn judged(verdicts: &[Verdict]) -> String {
    let mut table = table(&["FLOOR", "MEASURED", "", "MUST BE", "VERDICT"]);
    for verdict in verdicts {
        let side = match verdict.side {
            Side::AtLeast => "at least",
            Side::AtMost => "at most",
            Side::Below => "below",
        };
        table.add_row([
            verdict.what.clone(),
            short(verdict.measured),
            verdict.unit.to_owned(),
            format!("{side} {}", verdict.floor),
            if verdict.holds() { "holds" } else { "MISSED" }.to_owned(),
        ]);
    }
    written(&mut table, &[1])
}

fn throughput(series: &[Series<'_>]) -> String {
    let mut table = table(&[
        "CASE",
        "CONTENDER",
        "RUNS",
        "MESSAGES",
        "SECONDS",
        "(SPREAD)",
        "MSG/S",
        "MB/S",
        "CPU S/GB",
        "STORE S/GB",
        "RSS MIB",
        "COMMITTED AFTER",
    ]);
    for Series { median, spread: (least, most), runs } in series {
        let row = &median.row;
        table.add_row([
            row.case.to_owned(),
            row.contender.to_owned(),
            runs.to_string(),
            row.messages.to_string(),
            format!("{:.2}", row.seconds),
            format!("({least:.2}-{most:.2})"),
            format!("{:.0}", row.messages_per_second()),
            format!("{:.1}", row.megabytes_per_second()),
            format!("{:.2}", row.cpu_per_gigabyte()),
            format!("{:.2}", row.store_cpu_per_gigabyte()),
            format!("{:.0}", row.rss_mebibytes()),
            median.committed_seconds.map_or_else(String::new, |seconds| format!("{seconds:.2} s")),
        ]);
    }
    written(&mut table, &[2, 3, 4, 6, 7, 8, 9, 10, 11])
}

fn latency(latency: &Latency) -> String {
    let own = latency
        .share_within_250_ms
        .map_or_else(|| "none".to_owned(), |share| format!("{:.2} % within 250 ms", share * 100.0));
    format!(
        "latency, timestamp of a message until a query of the store shows it, {} messages looked at:\n\
         p50 {:.0} ms, p90 {:.0} ms, p99 {:.0} ms, longest {:.0} ms (the sink's own histogram: {own})\n",
        latency.samples(),
        latency.within(0.5),
        latency.within(0.9),
        latency.within(0.99),
        latency.within(1.0),
    )
}

fn growth(tenths: &[Tenth]) -> String {
    let mut table = table(&["TENTH", "MSG/S", "CPU US/MSG", "STORE US/MSG"]);
    for (number, tenth) in (1..).zip(tenths) {
        table.add_row([
            format!("{number}"),
            format!("{:.0}", tenth.messages_per_second),
            format!("{:.1}", tenth.cpu_us),
            format!("{:.1}", tenth.store_cpu_us),
        ]);
    }
    written(&mut table, &[0, 1, 2, 3])
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(header.iter().copied());
    table
}

/// Numbers stand at the right.
fn written(table: &mut Table, numbers: &[usize]) -> String {
    for index in numbers {
        if let Some(column) = table.column_mut(*index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!("{}\n", table.trim_fmt())
}

/// Three digits or so, whatever the size.
fn short(value: f64) -> String {
    if value < 100.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

#[cfg(test)]
mod tests {
    use super::{Findings, judged, measured, short};
    use crate::bench::case::{Case, Contender};
    use crate::bench::findings::Latency;
    use crate::bench::floors::judge;
    use crate::bench::growth::Tenth;
    use crate::bench::row::tests::run;

    #[test]
    fn everything_measured_is_shown() {
        let tenth = Tenth { messages_per_second: 4_000.0, cpu_us: 12.5, store_cpu_us: 230.0 };
        let found = Findings {
            runs: vec![
                run(Case::HundredKb, Contender::Kafkasink, 4.0),
                run(Case::HundredKb, Contender::Kafkasink, 5.0),
            ],
            latency: Latency::of(vec![30.0, 40.0], Some(0.995)),
            growth: vec![tenth],
        };
        let text = measured(&found);
        for part in ["(4.00-5.00)", "250.0", "p50 30 ms", "99.50 % within 250 ms", "12.5", "230.0"] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
        let judged = judged(&judge(&found).verdicts);
        assert!(!judged.contains("MISSED") && judged.contains("holds"), "{judged}");
    }

    #[test]
    fn figures_are_short() {
        assert_eq!(short(0.853), "0.85");
        assert_eq!(short(4_321.9), "4322");
    }
}
