//! Counters of members over all their lives: a killed process takes its own with it. Pure.

use std::collections::BTreeMap;
use std::ops::Add;

use serde::Serialize;

use crate::trial::exposition::values;

/// What the members of a sink have counted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Counters {
    /// Records that the store took.
    pub stored: u64,
    /// Records that were written again because they were no longer there.
    pub rewrites: u64,
    /// Messages that were read again and whose record was there.
    pub found_again: u64,
    /// Records that retention took.
    pub expired: u64,
    /// Broken invariants.
    pub violations: u64,
}

impl Counters {
    /// Reads the text of a `/metrics` endpoint; what is not there counts nothing.
    #[must_use]
    pub fn read(metrics: &str) -> Self {
        Self {
            stored: sum(metrics, "kafkasink_records_stored_total"),
            rewrites: sum(metrics, "kafkasink_rewrites_total"),
            found_again: sum(metrics, "kafkasink_duplicates_total"),
            expired: sum(metrics, "kafkasink_expired_total"),
            violations: sum(metrics, "kafkasink_invariant_violations_total"),
        }
    }
}

impl Add for Counters {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            stored: self.stored + other.stored,
            rewrites: self.rewrites + other.rewrites,
            found_again: self.found_again + other.found_again,
            expired: self.expired + other.expired,
            violations: self.violations + other.violations,
        }
    }
}

/// The last counters that were seen of each life.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    ended: Counters,
    running: BTreeMap<String, Counters>,
}

impl Tally {
    /// Takes what the running life of a member counts.
    pub fn take(&mut self, member: &str, counters: Counters) {
        self.running.insert(member.to_owned(), counters);
    }

    /// Notes that a member's life has ended: its next one counts from zero.
    pub fn end_life(&mut self, member: &str) {
        self.ended = self.ended + self.running.remove(member).unwrap_or_default();
    }

    /// Returns the sums over all lives of all members.
    #[must_use]
    pub fn sum(&self) -> Counters {
        self.running.values().copied().fold(self.ended, Add::add)
    }
}

fn sum(metrics: &str, name: &str) -> u64 {
    values(metrics, name).filter_map(|value| value.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::{Counters, Tally};

    #[test]
    fn metrics_are_summed_over_partitions() {
        let text = "# HELP kafkasink_duplicates x\nkafkasink_duplicates_total{topic=\"t\",partition=\"0\"} 3\n\
                    kafkasink_duplicates_total{topic=\"t\",partition=\"1\"} 4\nkafkasink_rewrites_total 2\n";
        assert_eq!(Counters::read(text), Counters { found_again: 7, rewrites: 2, ..Counters::default() });
    }

    #[test]
    fn killed_life_keeps_what_it_had_counted() {
        let stored = |stored| Counters { stored, ..Counters::default() };
        let mut tally = Tally::default();
        tally.take("m-0", stored(5));
        tally.take("m-0", stored(7));
        tally.end_life("m-0");
        tally.take("m-0", stored(2));
        assert_eq!(tally.sum().stored, 9);
    }
}
