//! What a sink stands on is full, away, or deletes by itself: that costs time and no message, and whoever watches over the
//! member is told the truth meanwhile. IO: processes, Kafka, store, mounts.
//!
//! Each test has a store or a broker of its own to do this to. `make outages` lets the broker be away for minutes.

mod brokers;
mod disk;
mod quota;
mod standstill;

use std::time::Duration;

use kafkasink_e2e::trial::{Produced, World, checker};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_mins(4);

/// Waits until everything that was produced is stored and committed; fails unless it is stored once, byte for byte.
async fn expect_stored_once(world: &World, produced: &[Produced]) -> anyhow::Result<()> {
    checker::compare(produced, &world.wait_for(produced, PATIENCE).await?)?;
    // What is stored twice would come before this: the offsets say that nothing is under way.
    world.wait_until_committed(i64::try_from(produced.len())?, PATIENCE).await?;
    checker::compare(produced, &world.read().await?)
}
