//! Pure. What the sink must reach, and whether it did.

use super::case::{Case, Contender};
use super::findings::Findings;
use super::growth::growth;
use super::row::{self, Row};

/// A case with the least share of the bare pipeline's throughput, and the least throughput of its own.
struct Throughput {
    case: Case,
    of_bare: f64,
    absolute: Absolute,
}

enum Absolute {
    MessagesPerSecond(f64),
    MegabytesPerSecond(f64),
}

const THROUGHPUT: [Throughput; 4] = [
    Throughput { case: Case::OneKb, of_bare: 0.85, absolute: Absolute::MessagesPerSecond(3_500.0) },
    Throughput { case: Case::TenKb, of_bare: 0.85, absolute: Absolute::MessagesPerSecond(3_500.0) },
    Throughput { case: Case::HundredKb, of_bare: 0.9, absolute: Absolute::MegabytesPerSecond(180.0) },
    Throughput { case: Case::NineHundredKb, of_bare: 0.9, absolute: Absolute::MegabytesPerSecond(190.0) },
];
/// Cases in which the sink's CPU per gigabyte is compared with the bare pipeline's: below, the store is the cost.
const CPU: [Case; 2] = [Case::HundredKb, Case::NineHundredKb];
const CPU_OF_BARE: f64 = 1.25;
const RSS_MEBIBYTES: f64 = 128.0;
const SINKS_OF_ONE: f64 = 0.8;
const P50_MS: f64 = 60.0;
const P99_MS: f64 = 250.0;
const GROWTH: f64 = 1.1;

/// Which side of the floor is the good one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Side {
    AtLeast,
    AtMost,
    Below,
}

/// One floor and what was measured.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verdict {
    /// What is judged.
    pub(super) what: String,
    /// What was measured.
    pub(super) measured: f64,
    /// The good side.
    pub(super) side: Side,
    /// The floor.
    pub(super) floor: f64,
    /// What both count.
    pub(super) unit: &'static str,
}

impl Verdict {
    /// Tells whether the floor was reached.
    pub(super) fn holds(&self) -> bool {
        match self.side {
            Side::AtLeast => self.measured >= self.floor,
            Side::AtMost => self.measured <= self.floor,
            Side::Below => self.measured < self.floor,
        }
    }

    fn new(what: impl Into<String>, measured: f64, side: Side, floor: f64, unit: &'static str) -> Self {
        Self { what: what.into(), measured, side, floor, unit }
    }
}

/// Returns a verdict for each floor of which everything was measured.
pub(super) fn verdicts(found: &Findings) -> Vec<Verdict> {
    let median = |case, contender| row::median(&found.runs, case, contender);
    let mut verdicts = Vec::new();
    for floor in &THROUGHPUT {
        let Some(sink) = median(floor.case, Contender::Kafkasink) else { continue };
        let bare = median(floor.case, Contender::Bare);
        verdicts.extend(bare.map(|bare| of_bare(floor, sink, bare)));
        verdicts.push(absolute(floor, sink));
        let bare = bare.filter(|_| CPU.contains(&floor.case));
        verdicts.extend(bare.map(|bare| cpu_of_bare(floor.case, sink, bare)));
        let what = format!("{}: peak memory", floor.case.name());
        verdicts.push(Verdict::new(what, sink.rss_mebibytes(), Side::Below, RSS_MEBIBYTES, "MiB"));
    }
    let eight = median(Case::EightSinks, Contender::Kafkasink);
    if let (Some(eight), Some(one)) = (eight, median(Case::OneKb, Contender::Kafkasink)) {
        let share = eight.messages_per_second() / one.messages_per_second();
        verdicts.push(Verdict::new("8 sinks together", share, Side::AtLeast, SINKS_OF_ONE, "x of one sink"));
    }
    if let Some(latency) = &found.latency {
        verdicts.push(Verdict::new("latency p50", latency.within(0.5), Side::Below, P50_MS, "ms"));
        verdicts.push(Verdict::new("latency p99", latency.within(0.99), Side::Below, P99_MS, "ms"));
    }
    let what = "growth: CPU per message, last tenth";
    verdicts.extend(
        growth(&found.growth).map(|times| Verdict::new(what, times, Side::AtMost, GROWTH, "x of the first")),
    );
    verdicts
}

/// Returns the last line of the benchmark.
pub(super) fn in_one_line(verdicts: &[Verdict]) -> String {
    let missed: Vec<String> = verdicts.iter().filter(|verdict| !verdict.holds()).map(missed).collect();
    match (verdicts.len(), missed.len()) {
        (0, _) => "bench: no floor was judged, what was measured has none".to_owned(),
        (all, 0) => format!("bench: all {all} floors hold"),
        (all, some) => format!("bench: {some} of {all} floors missed: {}", missed.join("; ")),
    }
}

fn of_bare(floor: &Throughput, sink: &Row, bare: &Row) -> Verdict {
    let share = sink.messages_per_second() / bare.messages_per_second();
    Verdict::new(
        format!("{}: throughput", floor.case.name()),
        share,
        Side::AtLeast,
        floor.of_bare,
        "x of bare",
    )
}

fn absolute(floor: &Throughput, sink: &Row) -> Verdict {
    let what = format!("{}: throughput", floor.case.name());
    match floor.absolute {
        Absolute::MessagesPerSecond(least) => {
            Verdict::new(what, sink.messages_per_second(), Side::AtLeast, least, "messages/s")
        }
        Absolute::MegabytesPerSecond(least) => {
            Verdict::new(what, sink.megabytes_per_second(), Side::AtLeast, least, "MB/s")
        }
    }
}

fn cpu_of_bare(case: Case, sink: &Row, bare: &Row) -> Verdict {
    let times = sink.cpu_per_gigabyte() / bare.cpu_per_gigabyte();
    Verdict::new(format!("{}: CPU per GB", case.name()), times, Side::AtMost, CPU_OF_BARE, "x of bare")
}

fn missed(verdict: &Verdict) -> String {
    let Verdict { what, measured, floor, unit, side } = verdict;
    let side = match side {
        Side::AtLeast => "at least",
        Side::AtMost => "at most",
        Side::Below => "below",
    };
    format!("{what} is {measured:.2} {unit}, must be {side} {floor}")
}

#[cfg(test)]
mod tests {
    use super::{Case, Contender, Findings, Side, Verdict, in_one_line, verdicts};
    use crate::bench::findings::Latency;
    use crate::bench::growth::Tenth;
    use crate::bench::row::tests::run;

    fn find<'a>(verdicts: &'a [Verdict], what: &str, unit: &str) -> &'a Verdict {
        verdicts.iter().find(|verdict| verdict.what == what && verdict.unit == unit).unwrap()
    }

    #[test]
    fn the_sink_is_judged_against_the_bare_pipeline_and_by_itself() {
        let mut sink = run(Case::HundredKb, Contender::Kafkasink, 5.0);
        sink.row.cpu_seconds = 3.0;
        let found =
            Findings { runs: vec![sink, run(Case::HundredKb, Contender::Bare, 4.0)], ..Findings::default() };
        let verdicts = verdicts(&found);
        let ratio = find(&verdicts, "100kb: throughput", "x of bare");
        assert!((ratio.measured - 0.8).abs() < 1e-9 && !ratio.holds());
        let absolute = find(&verdicts, "100kb: throughput", "MB/s");
        assert!((absolute.measured - 200.0).abs() < 1e-9 && absolute.holds());
        let cpu = find(&verdicts, "100kb: CPU per GB", "x of bare");
        assert!((cpu.measured - 1.5).abs() < 1e-9 && !cpu.holds());
        assert!(find(&verdicts, "100kb: peak memory", "MiB").holds());
        assert_eq!(
            in_one_line(&verdicts),
            "bench: 2 of 4 floors missed: 100kb: throughput is 0.80 x of bare, must be at least 0.9; \
             100kb: CPU per GB is 1.50 x of bare, must be at most 1.25"
        );
    }

    #[test]
    fn many_sinks_are_judged_against_one() {
        let mut eight = run(Case::EightSinks, Contender::Kafkasink, 10.0);
        eight.row.messages = 8_000;
        let found = Findings {
            runs: vec![run(Case::OneKb, Contender::Kafkasink, 10.0), eight],
            ..Findings::default()
        };
        let verdicts = verdicts(&found);
        let together = find(&verdicts, "8 sinks together", "x of one sink");
        assert!((together.measured - 0.8).abs() < 1e-9 && together.holds());
    }

    #[test]
    fn latency_and_growth_have_floors_of_their_own() {
        let tenth = |cpu_us| Tenth { messages_per_second: 1.0, cpu_us, store_cpu_us: 1.0 };
        let found = Findings {
            latency: Latency::of(vec![60.0, 61.0, 250.0], None),
            growth: vec![tenth(10.0), tenth(12.0)],
            ..Findings::default()
        };
        let verdicts = verdicts(&found);
        assert!(verdicts.iter().all(|verdict| !verdict.holds()), "{verdicts:?}");
        assert_eq!(verdicts.len(), 3);
    }

    #[test]
    fn the_last_line_says_how_many_floors_hold() {
        assert!(in_one_line(&[]).starts_with("bench: no floor"));
        let verdict = Verdict::new("a", 1.0, Side::AtMost, 1.0, "b");
        assert_eq!(in_one_line(&[verdict]), "bench: all 1 floors hold");
    }
}
