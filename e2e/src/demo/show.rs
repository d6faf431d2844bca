//! Pure. The closing table and the last line.

use std::time::Duration;

use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;

use super::compare::Verdict;
use super::workload::Workload;

/// What one workload came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The workload.
    pub workload: Workload,
    /// Sink pods at the end.
    pub pods: u32,
    /// Messages of the first act.
    pub in_first_act: u64,
    /// The time from its first message produced until its last one was stored.
    pub took: Duration,
    /// What reading back said.
    pub verdict: Verdict,
}

/// Returns the table of all workloads.
#[must_use]
pub fn table(outcomes: &[Outcome]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY);
    table.set_header([
        "topic",
        "partitions",
        "pods",
        "messages of\nthe first act",
        "produced and\nstored in seconds",
        "messages of\nthe second act",
        "MB",
        "missing",
        "duplicates",
    ]);
    for Outcome { workload, pods, in_first_act, took, verdict } in outcomes {
        table.add_row([
            workload.name.to_owned(),
            workload.partitions.to_string(),
            pods.to_string(),
            in_first_act.to_string(),
            format!("{}.{}", took.as_secs(), took.subsec_millis() / 100),
            verdict.produced.saturating_sub(*in_first_act).to_string(),
            format!("{}.{}", verdict.bytes / 1_000_000, verdict.bytes / 100_000 % 10),
            verdict.missing.to_string(),
            verdict.duplicates.to_string(),
        ]);
    }
    table.to_string()
}

/// Returns the line that the demo promises as its last one, over all workloads.
#[must_use]
pub fn last_line(outcomes: &[Outcome]) -> String {
    let sum = |of: fn(&Verdict) -> u64| outcomes.iter().map(|outcome| of(&outcome.verdict)).sum::<u64>();
    format!(
        "demo: produced {}, stored {}, missing {}, duplicates {}",
        sum(|verdict| verdict.produced),
        sum(|verdict| verdict.stored),
        sum(|verdict| verdict.missing),
        sum(|verdict| verdict.duplicates),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::compare::Verdict;
    use super::super::workload::WORKLOADS;
    use super::{Outcome, last_line, table};

    fn outcome() -> Outcome {
        let verdict =
            Verdict { produced: 10, stored: 9, missing: 1, bytes: 12_345_678, ..Verdict::default() };
        let took = Duration::from_millis(11_970);
        Outcome { workload: WORKLOADS[0].clone(), pods: 2, in_first_act: 7, took, verdict }
    }

    #[test]
    fn the_last_line_adds_up_all_workloads() {
        let line = last_line(&[outcome(), outcome()]);
        assert_eq!(line, "demo: produced 20, stored 18, missing 2, duplicates 0");
    }

    #[test]
    fn the_table_has_a_row_per_workload() {
        let text = table(&[outcome()]);
        for cell in ["cameras", " 7 ", " 11.9 ", " 3 ", "12.3"] {
            assert!(text.contains(cell), "{text}");
        }
    }
}
