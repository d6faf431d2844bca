//! Pure. How much is measured, as the command line says it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

/// How many sinks there are, and how long they are watched.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// `KafkaSink`s
    #[arg(long, default_value_t = 500, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=5000))]
    pub sinks: u16,
    /// Sinks that write into one bucket
    #[arg(long, default_value_t = 10, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub sinks_per_bucket: u16,
    /// How long the operator is watched once nothing changes any more
    #[arg(long, default_value_t = 600, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub rest: u64,
    /// How many specs are changed, one after another
    #[arg(long, default_value_t = 20, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub changes: u16,
    /// Only measure: a limit that is missed is no failure
    #[arg(long)]
    pub no_verdict: bool,
    /// Where the results go, as JSON
    #[arg(long, default_value = "target/scale/results.json", value_name = "FILE")]
    pub results: PathBuf,
}

impl Options {
    /// Returns how long the operator is watched at rest.
    pub(super) fn rest(&self) -> Duration {
        Duration::from_secs(self.rest)
    }
}
