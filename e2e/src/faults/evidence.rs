//! Writes down what a failed run leaves behind: findings, commits, the heads of records. IO: Kafka, store, files.

use std::fmt::Write as _;
use std::path::Path;

use super::compare::Verdict;
use crate::trial::World;

/// Writes `evidence.txt` into the run's folder: the findings, each partition's commit with its metadata, and the places and
/// labels of all its records.
///
/// # Errors
/// Kafka or the store do not answer, or the file cannot be written.
pub async fn write(folder: &Path, world: &World, verdict: &Verdict) -> anyhow::Result<()> {
    let mut text = String::new();
    for finding in &verdict.findings {
        writeln!(text, "{finding}")?;
    }
    for (partition, commit) in (0..).zip(world.topic.commits().await?) {
        writeln!(text, "\npartition {partition}: committed {} with {}", commit.offset, commit.metadata)?;
        let line =
            |stored: &crate::trial::checker::Stored| format!("{} {:?}\n", stored.timestamp_us, stored.labels);
        world.visit_heads(partition, |stored| text.push_str(&line(&stored))).await?;
    }
    Ok(std::fs::write(folder.join("evidence.txt"), text)?)
}
