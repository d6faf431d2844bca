//! Looks at working sinks many times a second until everything is stored and committed. IO: processes, HTTP.

use std::time::Duration;

use anyhow::ensure;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::samples::Sample;
use super::scrape::Scrape;
use super::sink::Sink;
use super::stage::Stage;

/// Time between two looks: short beside a run, and each costs the sink well below a millisecond.
const GLANCE: Duration = Duration::from_millis(50);
/// Longest time without any progress.
const PATIENCE: Duration = Duration::from_mins(2);

/// Waits until one of the sinks has its partitions, which is the start of reading, then samples them all until they
/// have stored and committed so many messages together.
pub(super) async fn watch(stage: &Stage, sinks: &mut [Sink], messages: u64) -> anyhow::Result<Vec<Sample>> {
    #[expect(clippy::cast_precision_loss, reason = "there are far fewer messages than 2⁵²")]
    let all = messages as f64;
    let mut ticks = interval(GLANCE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let began = Instant::now();
    while !has_begun(sinks).await? {
        ensure!(began.elapsed() < PATIENCE, "no partition was assigned within {PATIENCE:?}");
        ticks.tick().await;
    }
    let start = Instant::now();
    let mut samples: Vec<Sample> = Vec::new();
    let mut progress = start;
    loop {
        let sample = look(stage, sinks, start).await?;
        let last = samples.last().copied().unwrap_or_default();
        if (sample.stored, sample.committed) != (last.stored, last.committed) {
            progress = Instant::now();
        }
        let (stored, committed) = (sample.stored, sample.committed);
        samples.push(sample);
        if stored >= all && committed >= all {
            return Ok(samples);
        }
        let waited = progress.elapsed();
        ensure!(
            waited < PATIENCE,
            "nothing has moved for {waited:?}: {stored} of {all} messages are stored, {committed} committed"
        );
        ticks.tick().await;
    }
}

async fn has_begun(sinks: &mut [Sink]) -> anyhow::Result<bool> {
    for sink in sinks {
        let metrics = sink.metrics().await?;
        if metrics.is_some_and(|metrics| metrics.sum("kafkasink_rebalances_total") > 0.0) {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn look(stage: &Stage, sinks: &mut [Sink], start: Instant) -> anyhow::Result<Sample> {
    let mut sample = Sample::default();
    for sink in sinks {
        let metrics = sink.metrics().await?;
        let sum = |name| metrics.as_ref().map_or(0.0, |metrics: &Scrape| metrics.sum(name));
        sample.stored += sum("kafkasink_records_stored_total");
        sample.committed += sum("kafkasink_committed_offset");
        let usage = sink.usage()?;
        sample.cpu_seconds += usage.cpu_seconds;
        sample.rss_bytes += usage.rss_peak_bytes;
    }
    sample.store_cpu_seconds = stage.store_usage()?.cpu_seconds;
    sample.seconds = start.elapsed().as_secs_f64();
    Ok(sample)
}
