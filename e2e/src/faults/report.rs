//! What a run and the whole campaign say at their end. Pure.

use std::collections::BTreeMap;
use std::path::PathBuf;

use comfy_table::Table;
use serde::Serialize;

use super::compare::Verdict;
use super::scenario::{Expected, Fault, RESTART_SECONDS_MAX, Scenario};
use super::tally::Counters;

/// What one run ended with.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The scenario.
    pub name: &'static str,
    /// The seed of the campaign.
    pub seed: u64,
    /// Faults that were injected.
    pub faults: BTreeMap<&'static str, u32>,
    /// Messages in the topic.
    pub produced: u64,
    /// Messages with a record.
    pub stored: u64,
    /// Messages without one.
    pub missing: u64,
    /// Records too many.
    pub duplicates: u64,
    /// Records that are not as produced.
    pub differing: u64,
    /// What members counted, over all lives.
    pub counters: Counters,
    /// How long each killed member took to store its first record, where that was measured.
    pub restart_seconds: Vec<f64>,
    /// How long the run took.
    pub seconds: f64,
    /// Whether it ended as it has to.
    pub passed: bool,
    /// Whether it has to lose something: its runtime has no commit gate.
    pub must_lose: bool,
    /// What went wrong, in words.
    pub trouble: Vec<String>,
    /// What ended without being killed, in words.
    pub mishaps: Vec<String>,
    /// Where data and logs are kept; removed where all is well.
    pub folder: PathBuf,
}

/// What a run measured, before it is judged.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Faults that were injected.
    pub faults: BTreeMap<&'static str, u32>,
    /// What the comparison found.
    pub verdict: Verdict,
    /// What members counted.
    pub counters: Counters,
    /// How long each killed member took to store its first record.
    pub restart_seconds: Vec<f64>,
    /// What ended without being killed.
    pub mishaps: Vec<String>,
    /// Why the run could not be carried to its end.
    pub broken_off: Option<String>,
}

impl Outcome {
    /// Judges what a run measured.
    #[must_use]
    pub fn judge(scenario: &Scenario, seed: u64, seconds: f64, folder: PathBuf, measured: Measured) -> Self {
        let Measured { faults, verdict, counters, restart_seconds, mishaps, broken_off } = measured;
        let must_lose = scenario.expected == Expected::Loss;
        let mut trouble: Vec<String> = broken_off.into_iter().collect();
        if must_lose && trouble.is_empty() && verdict.missing == 0 {
            trouble.push(
                "without the commit gate nothing was lost: the faults or the checker are too weak".to_owned(),
            );
        }
        if !must_lose && !verdict.is_clean() {
            trouble.push("what is stored is not what was produced".to_owned());
            trouble.extend(verdict.findings);
        }
        if counters.violations > 0 {
            trouble.push(format!("{} invariants were broken", counters.violations));
        }
        let slowest = restart_seconds.iter().copied().fold(0.0, f64::max);
        if slowest > RESTART_SECONDS_MAX {
            trouble.push(format!("{slowest:.1} s from a kill to the first stored record"));
        }
        Self {
            name: scenario.name,
            seed,
            faults,
            produced: verdict.produced,
            stored: verdict.stored,
            missing: verdict.missing,
            duplicates: verdict.duplicates,
            differing: verdict.differing,
            counters,
            restart_seconds,
            seconds,
            passed: trouble.is_empty(),
            must_lose,
            trouble,
            mishaps,
            folder,
        }
    }

    /// Returns the line that is printed when the run ends.
    #[must_use]
    pub fn line(&self) -> String {
        let mark = if self.passed { "ok    " } else { "FAILED" };
        let faults: Vec<String> = self.faults.iter().map(|(name, count)| format!("{count} {name}")).collect();
        let Counters { rewrites, found_again, .. } = self.counters;
        let mut line = format!(
            "{mark} {:14} {:>4.0} s  {}: produced {}, stored {}, missing {}, duplicates {}, differing {}, \
             rewrites {rewrites}, found again {found_again}",
            self.name,
            self.seconds,
            faults.join(", "),
            self.produced,
            self.stored,
            self.missing,
            self.duplicates,
            self.differing,
        );
        if self.must_lose {
            line.push_str(" (no commit gate: it must lose)");
        }
        if let Some(slowest) = self.restart_seconds.iter().copied().reduce(f64::max) {
            line.extend([format!(", restarts up to {slowest:.1} s")]);
        }
        let indented = |what: &String| format!("\n         {what}");
        line.extend(self.trouble.iter().chain(&self.mishaps).map(indented));
        if !self.passed {
            line.extend([format!("\n         seed {}, kept: {}", self.seed, self.folder.display())]);
        }
        line
    }
}

/// Returns the name under which a fault is reported.
#[must_use]
pub fn name(fault: Fault) -> &'static str {
    match fault {
        Fault::KillStore => "store kills",
        Fault::TearLog => "store kills with torn logs",
        Fault::KillMember => "member kills",
        Fault::KillBroker => "broker kills",
        Fault::Freeze => "freezes",
    }
}

/// What the whole campaign ended with.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Whether all scenarios were run, so that all promises are judged.
    pub is_whole: bool,
    /// Every run.
    pub outcomes: Vec<Outcome>,
}

impl Report {
    /// Returns whether every run passed and, where all were run, the guarantees had something to do.
    #[must_use]
    pub fn passed(&self) -> bool {
        !self.outcomes.is_empty()
            && self.outcomes.iter().all(|outcome| outcome.passed)
            && self.idle().is_none()
    }

    /// Returns the table of all runs.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
        table.set_header([
            "scenario",
            "faults",
            "produced",
            "stored",
            "missing",
            "twice",
            "differ",
            "rewrites",
            "found again",
            "s",
            "",
        ]);
        for outcome in &self.outcomes {
            let count = outcome.faults.values().sum::<u32>();
            table.add_row([
                outcome.name.to_owned(),
                count.to_string(),
                outcome.produced.to_string(),
                outcome.stored.to_string(),
                outcome.missing.to_string(),
                outcome.duplicates.to_string(),
                outcome.differing.to_string(),
                outcome.counters.rewrites.to_string(),
                outcome.counters.found_again.to_string(),
                format!("{:.0}", outcome.seconds),
                if outcome.passed { "ok" } else { "FAILED" }.to_owned(),
            ]);
        }
        table.to_string()
    }

    /// Returns the last line: the sums over the runs that must lose nothing.
    #[must_use]
    pub fn last_line(&self) -> String {
        let kept = || self.outcomes.iter().filter(|outcome| !outcome.must_lose);
        let sum = |of: fn(&Outcome) -> u64| kept().map(of).sum::<u64>();
        let faults = self.outcomes.iter().flat_map(|outcome| outcome.faults.values()).sum::<u32>();
        let verdict = match (self.passed(), self.idle()) {
            (true, _) => String::new(),
            (false, Some(idle)) => format!("failed ({idle}): "),
            (false, None) => "failed: ".to_owned(),
        };
        format!(
            "faults: {verdict}{faults} kills, stored {}, missing {}, duplicates {}, rewrites {}, found again {}",
            sum(|outcome| outcome.stored),
            sum(|outcome| outcome.missing),
            sum(|outcome| outcome.duplicates + outcome.differing),
            sum(|outcome| outcome.counters.rewrites),
            sum(|outcome| outcome.counters.found_again),
        )
    }

    /// Returns which guarantee had nothing to do in a whole campaign.
    fn idle(&self) -> Option<&'static str> {
        let sum = |of: fn(&Counters) -> u64| -> u64 {
            self.outcomes
                .iter()
                .filter(|outcome| !outcome.must_lose)
                .map(|outcome| of(&outcome.counters))
                .sum()
        };
        if self.is_whole && sum(|counters| counters.rewrites) == 0 {
            return Some("nothing had to be rewritten");
        }
        (self.is_whole && sum(|counters| counters.found_again) == 0).then_some("nothing was found again")
    }
}

#[cfg(test)]
mod tests {
    use super::{Measured, Outcome, Report};
    use crate::faults::compare::Verdict;
    use crate::faults::scenario::{Extent, all};
    use crate::faults::tally::Counters;

    fn outcome(name: &str, missing: u64, rewrites: u64) -> Outcome {
        let scenario = all(Extent::Quick).into_iter().find(|scenario| scenario.name == name).unwrap();
        let verdict = Verdict { produced: 9, stored: 9 - missing, missing, ..Verdict::default() };
        let counters = Counters { rewrites, found_again: 1, ..Counters::default() };
        let measured = Measured { verdict, counters, ..Measured::default() };
        Outcome::judge(&scenario, 1, 2.0, "x".into(), measured)
    }

    fn check(outcomes: Vec<Outcome>, expected: &str) {
        let report = Report { seed: 1, is_whole: true, outcomes };
        assert!(report.last_line().starts_with(expected), "{}", report.last_line());
        assert_eq!(report.passed(), !expected.contains("failed"));
    }

    #[test]
    fn loss_fails_where_everything_must_be_stored() {
        check(
            vec![outcome("torn-full", 0, 3)],
            "faults: 0 kills, stored 9, missing 0, duplicates 0, rewrites 3",
        );
        check(vec![outcome("torn-full", 1, 3)], "faults: failed: 0 kills, stored 8, missing 1");
    }

    #[test]
    fn no_loss_fails_where_the_gate_is_off() {
        check(
            vec![outcome("torn-full", 0, 3), outcome("no-gate", 5, 0)],
            "faults: 0 kills, stored 9, missing 0",
        );
        check(vec![outcome("torn-full", 0, 3), outcome("no-gate", 0, 0)], "faults: failed: ");
    }

    #[test]
    fn guarantees_that_had_nothing_to_do_fail_a_whole_run() {
        check(vec![outcome("torn-full", 0, 0)], "faults: failed (nothing had to be rewritten): ");
    }
}
