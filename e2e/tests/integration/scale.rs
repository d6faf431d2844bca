//! What `make scale` measures, with few sinks and for a short time: the figures that do not depend on the machine. IO: all of
//! it, through the library.

use std::path::Path;

use anyhow::ensure;
use kafkasink_e2e::scale::options::Options;
use kafkasink_e2e::scale::{Stage, course};

/// A limit of `make scale`, and the patience with a slow build on a machine that has other work.
const CHANGE_SECONDS: f64 = 10.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sinks_become_ready_and_cost_no_writes_at_rest() -> anyhow::Result<()> {
    let results = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scale.json");
    let options = Options { sinks: 20, sinks_per_bucket: 5, rest: 15, changes: 4, no_verdict: true, results };
    let stage = Stage::shared().await?;
    let measured = course::measure(&stage, &options).await;
    stage.clear().await?;
    let found = measured?;
    let work: Vec<_> = found.rest.writes.keys().filter(|what| !what.ends_with(" leases")).collect();
    ensure!(found.rest.came_after_seconds.is_some() && work.is_empty(), "it never rests: {found:?}");
    ensure!(found.rest.writes.len() > work.len(), "the Lease is not renewed, or not counted: {found:?}");
    ensure!(found.change_seconds.len() == 4 && found.change_seconds_max() < CHANGE_SECONDS, "{found:?}");
    course::tell(&found, &options)?;
    Ok(())
}
