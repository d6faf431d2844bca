//! Pure. What of the benchmark is run, as the command line says it.

use std::path::PathBuf;

use clap::Args;

use super::case::{Case, Contender, Load};

/// Of `--quick`: this part of the messages.
const QUICK_PART: u64 = 5;
/// Contenders that are there for scale only get this part of the messages.
const SCALE_PART: u64 = 4;

/// What is measured, and how often.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Cases to measure; all but `growth` if none is named
    #[arg(long, value_delimiter = ',', value_name = "CASE")]
    cases: Vec<Case>,
    /// Contenders to measure; all if none is named
    #[arg(long, value_delimiter = ',', value_name = "CONTENDER")]
    contenders: Vec<Contender>,
    /// How often each contender runs; the run with the median time stands for all
    #[arg(long, default_value_t = 3, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// One round with a fifth of the messages, to see whether all works: no figures to quote
    #[arg(long)]
    quick: bool,
    /// Only measure: a missed floor is not a failure
    #[arg(long)]
    pub no_verdict: bool,
    /// Where the results go, as JSON
    #[arg(long, default_value = "target/bench/results.json", value_name = "FILE")]
    pub results: PathBuf,
}

impl Options {
    /// Returns the cases in the order in which they run.
    pub(super) fn cases(&self) -> Vec<Case> {
        if self.cases.is_empty() { Case::USUAL.to_vec() } else { self.cases.clone() }
    }

    /// Returns the contenders in the order of the table.
    pub(super) fn contenders(&self) -> Vec<Contender> {
        let is_wanted =
            |contender: &Contender| self.contenders.is_empty() || self.contenders.contains(contender);
        Contender::ALL.into_iter().filter(is_wanted).collect()
    }

    /// Returns how often a contender runs.
    pub(super) fn rounds(&self, contender: Contender) -> u32 {
        if self.quick || contender.is_for_scale() { 1 } else { self.rounds }
    }

    /// Returns how much a case moves.
    pub(super) fn load(&self, case: Case) -> Load {
        if self.quick { case.load().part(QUICK_PART) } else { case.load() }
    }

    /// Returns how much of it a contender moves.
    pub(super) fn load_of(&self, case: Case, contender: Contender) -> Load {
        if contender.is_for_scale() { self.load(case).part(SCALE_PART) } else { self.load(case) }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{Case, Contender, Options};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn options(words: &str) -> Options {
        Line::parse_from(std::iter::once("bench").chain(words.split_whitespace())).options
    }

    #[test]
    fn all_but_the_long_case_is_measured_unless_something_is_named() {
        assert!(!options("").cases().contains(&Case::Growth));
        assert_eq!(options("").contenders(), Contender::ALL);
        assert_eq!(options("--cases growth,1kb").cases(), [Case::Growth, Case::OneKb]);
        let order = [Contender::Kafkasink, Contender::Bare];
        assert_eq!(options("--contenders bare,kafkasink").contenders(), order);
    }

    #[test]
    fn slow_contenders_run_once_with_a_part() {
        let options = options("--rounds 5");
        assert_eq!(options.rounds(Contender::Bare), 5);
        assert_eq!(options.rounds(Contender::PythonGuide), 1);
        assert_eq!(options.load_of(Case::OneKb, Contender::Bare).messages, 60_000);
        assert_eq!(options.load_of(Case::OneKb, Contender::PythonGuide).messages, 15_000);
    }

    #[test]
    fn quick_is_one_round_of_a_fifth() {
        let options = options("--quick");
        assert_eq!(options.rounds(Contender::Kafkasink), 1);
        assert_eq!(options.load(Case::OneKb).messages, 12_000);
    }
}
