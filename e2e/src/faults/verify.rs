//! Reads every record back and compares it. IO: store.

use std::ops::Add;

use futures::future::try_join_all;

use super::compare::{Comparison, Truth, Verdict};
use super::workload::Workload;
use crate::trial::World;

/// Compares all partitions, side by side.
///
/// # Errors
/// The store cannot be read.
pub async fn verify(world: &World, workload: &Workload, truths: &[Vec<Truth>]) -> anyhow::Result<Verdict> {
    let partitions = truths.iter().zip(0..).map(|(truths, partition)| async move {
        let mut comparison = Comparison::new(partition, workload, truths);
        world.visit(partition, |stored| comparison.take(&stored)).await?;
        anyhow::Ok(comparison.finish())
    });
    Ok(try_join_all(partitions).await?.into_iter().fold(Verdict::default(), Add::add))
}
