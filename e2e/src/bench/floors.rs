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
}

/// What every floor came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Judgement {
    /// Floors of which everything was measured.
    pub(super) verdicts: Vec<Verdict>,
    /// What is judged by the other floors.
    pub(super) unjudged: Vec<String>,
}

impl Judgement {
    /// Tells whether no floor was missed that was judged.
    pub(super) fn holds(&self) -> bool {
        self.verdicts.iter().all(Verdict::holds)
    }

    /// Returns the last line of the benchmark.
    pub(super) fn in_one_line(&self) -> String {
        let missed: Vec<String> =
            self.verdicts.iter().filter(|verdict| !verdict.holds()).map(missed).collect();
        let judged = match (self.verdicts.len(), missed.len()) {
            (0, _) => "no floor was judged".to_owned(),
            (all, 0) => format!("all {all} floors hold"),
            (all, some) => format!("{some} of {all} floors missed: {}", missed.join("; ")),
        };
        let unjudged = match self.unjudged.as_slice() {
            [] => String::new(),
            some => format!("; not judged: {}", some.join(", ")),
        };
        format!("bench: {judged}{unjudged}")
    }

    fn judge(
        &mut self,
        what: impl Into<String>,
        measured: Option<f64>,
        (side, floor): (Side, f64),
        unit: &'static str,
    ) {
        let what = what.into();
        match measured {
            Some(measured) => self.verdicts.push(Verdict { what, measured, side, floor, unit }),
            None => self.unjudged.push(format!("{what} in {unit}")),
        }
    }

    fn judge_throughput(&mut self, found: &Findings, floor: &Throughput) {
        let name = floor.case.name();
        let sink = row::median(&found.runs, floor.case, Contender::Kafkasink);
        let both = sink.zip(row::median(&found.runs, floor.case, Contender::Bare));
        let share = |rate: fn(&Row) -> f64| both.map(|(ours, bare)| rate(ours) / rate(bare));
        let what = format!("{name}: throughput");
        let of_bare = share(Row::messages_per_second);
        self.judge(&what, of_bare, (Side::AtLeast, floor.of_bare), "x of bare");
        match floor.absolute {
            Absolute::MessagesPerSecond(least) => {
                let measured = sink.map(Row::messages_per_second);
                self.judge(what, measured, (Side::AtLeast, least), "messages/s");
            }
            Absolute::MegabytesPerSecond(least) => {
                let measured = sink.map(Row::megabytes_per_second);
                self.judge(what, measured, (Side::AtLeast, least), "MB/s");
            }
        }
        if CPU.contains(&floor.case) {
            let times = share(Row::cpu_per_gigabyte);
            self.judge(format!("{name}: CPU per GB"), times, (Side::AtMost, CPU_OF_BARE), "x of bare");
        }
        let memory = sink.map(Row::rss_mebibytes);
        self.judge(format!("{name}: peak memory"), memory, (Side::Below, RSS_MEBIBYTES), "MiB");
    }
}

/// Holds what was found against every floor there is.
pub(super) fn judge(found: &Findings) -> Judgement {
    let mut judgement = Judgement::default();
    for floor in &THROUGHPUT {
        judgement.judge_throughput(found, floor);
    }
    let rate = |case| row::median(&found.runs, case, Contender::Kafkasink).map(Row::messages_per_second);
    let share = rate(Case::EightSinks).zip(rate(Case::OneKb)).map(|(eight, one)| eight / one);
    judgement.judge("8 sinks together", share, (Side::AtLeast, SINKS_OF_ONE), "x of one sink");
    let latency = |part| found.latency.as_ref().map(|latency| latency.within(part));
    judgement.judge("latency p50", latency(0.5), (Side::Below, P50_MS), "ms");
    judgement.judge("latency p99", latency(0.99), (Side::Below, P99_MS), "ms");
    let what = "growth: CPU per message, last tenth";
    judgement.judge(what, growth(&found.growth), (Side::AtMost, GROWTH), "x of the first");
    judgement
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
    use super::{Case, Contender, Findings, Judgement, Side, Verdict, judge};
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
        let judgement = judge(&found);
        let verdicts = &judgement.verdicts;
        let ratio = find(verdicts, "100kb: throughput", "x of bare");
        assert!((ratio.measured - 0.8).abs() < 1e-9 && !ratio.holds());
        let absolute = find(verdicts, "100kb: throughput", "MB/s");
        assert!((absolute.measured - 200.0).abs() < 1e-9 && absolute.holds());
        let cpu = find(verdicts, "100kb: CPU per GB", "x of bare");
        assert!((cpu.measured - 1.5).abs() < 1e-9 && !cpu.holds());
        assert!(find(verdicts, "100kb: peak memory", "MiB").holds());
        let line = judgement.in_one_line();
        let judged = "bench: 2 of 4 floors missed: 100kb: throughput is 0.80 x of bare, must be at least 0.9; \
                      100kb: CPU per GB is 1.50 x of bare, must be at most 1.25; not judged: ";
        assert!(line.starts_with(judged), "{line}");
        assert!(!judgement.holds());
    }

    #[test]
    fn many_sinks_are_judged_against_one() {
        let mut eight = run(Case::EightSinks, Contender::Kafkasink, 10.0);
        eight.row.messages = 8_000;
        let found = Findings {
            runs: vec![run(Case::OneKb, Contender::Kafkasink, 10.0), eight],
            ..Findings::default()
        };
        let verdicts = judge(&found).verdicts;
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
        let verdicts = judge(&found).verdicts;
        assert!(verdicts.iter().all(|verdict| !verdict.holds()), "{verdicts:?}");
        assert_eq!(verdicts.len(), 3);
    }

    #[test]
    fn the_last_line_says_how_many_floors_hold_and_which_were_not_judged() {
        let verdict =
            Verdict { what: "a".to_owned(), measured: 1.0, side: Side::AtMost, floor: 1.0, unit: "b" };
        let whole = Judgement { verdicts: vec![verdict], unjudged: Vec::new() };
        assert_eq!(whole.in_one_line(), "bench: all 1 floors hold");
        let part = Judgement { unjudged: vec!["c in d".to_owned(), "e in f".to_owned()], ..whole };
        assert_eq!(part.in_one_line(), "bench: all 1 floors hold; not judged: c in d, e in f");
    }

    #[test]
    fn every_floor_is_judged_or_named() {
        let nothing = judge(&Findings::default());
        assert!(nothing.verdicts.is_empty());
        assert!(nothing.in_one_line().starts_with("bench: no floor was judged; not judged: 1kb: throughput"));
        for run_of in [Case::OneKb, Case::HundredKb, Case::Latency] {
            let some = judge(&Findings {
                runs: vec![run(run_of, Contender::Kafkasink, 5.0)],
                ..Findings::default()
            });
            let count = some.verdicts.len() + some.unjudged.len();
            assert_eq!(count, nothing.unjudged.len(), "{run_of:?}");
        }
    }
}
