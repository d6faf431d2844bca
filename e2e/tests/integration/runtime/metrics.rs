//! What Prometheus scrapes of a member: every metric that is promised, from the beginning on. IO: processes, the checkout.

use std::path::Path;

use anyhow::{Context as _, ensure};
use kafkasink_e2e::trial::exposition::{families, values};
use kafkasink_e2e::trial::messages::numbered;
use kafkasink_e2e::trial::{Signal, Spec, World};

use crate::runtime::PATIENCE;

/// The samples that dashboards and alarms are made of: name, kind, unit. A unit is told where the name ends with it; what a
/// counter counts stands in its name before `_total`.
const PROMISED: [(&str, &str, Option<&str>); 19] = [
    ("kafkasink_records_stored_total", "counter", None),
    ("kafkasink_bytes_stored_total", "counter", None),
    ("kafkasink_duplicates_total", "counter", None),
    ("kafkasink_dead_letters_total", "counter", None),
    ("kafkasink_rewrites_total", "counter", None),
    ("kafkasink_expired_total", "counter", None),
    ("kafkasink_lost_to_retention_total", "counter", None),
    ("kafkasink_rebalances_total", "counter", None),
    ("kafkasink_brokers_forgotten_total", "counter", None),
    ("kafkasink_invariant_violations_total", "counter", None),
    ("kafkasink_consumer_lag_messages", "gauge", Some("messages")),
    ("kafkasink_consumer_lag_seconds", "gauge", Some("seconds")),
    ("kafkasink_committed_offset", "gauge", None),
    ("kafkasink_held_bytes", "gauge", Some("bytes")),
    ("kafkasink_held_partitions", "gauge", Some("partitions")),
    ("kafkasink_waiting_partitions", "gauge", Some("partitions")),
    ("kafkasink_end_to_end_seconds_bucket", "histogram", Some("seconds")),
    ("kafkasink_write_seconds_bucket", "histogram", Some("seconds")),
    ("kafkasink_build_info", "info", None),
];

/// Texts that name metrics.
const DOCUMENTS: [&str; 4] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"];

/// What a sample's name has behind that of its family.
fn family_of(sample: &str) -> &str {
    let endings = ["_total", "_bucket", "_info"];
    endings.iter().find_map(|ending| sample.strip_suffix(ending)).unwrap_or(sample)
}

/// Returns the metrics of members that a text names; the operator has its own.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
    let words = text.split(move |c| !is_part(c)).filter(|word| word.starts_with("kafkasink_"));
    words.filter(|word| !word.starts_with("kafkasink_operator_"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_scraped_with_help_and_unit_before_it_has_counted_anything() -> anyhow::Result<()> {
    let world = World::new("metrics", 2).await?;
    world.topic.produce(numbered(0..50)).await?;
    let mut member = world.start(&Spec::named("m-0")).await?;
    world.wait_until_committed(50, PATIENCE).await?;
    member.wait_for_metric("kafkasink_consumer_lag_messages", PATIENCE).await?;
    member.wait_for_metric("kafkasink_committed_offset", PATIENCE).await?;
    let metrics = member.metrics().await?;
    ensure!(metrics.ends_with("# EOF\n"), "the scrape has no end:\n{metrics}");
    let families = families(&metrics);
    for (name, kind, unit) in PROMISED {
        let family =
            families.get(family_of(name)).with_context(|| format!("{name} is not in:\n{metrics}"))?;
        ensure!(family.kind == kind && family.unit.as_deref() == unit, "{name}: {family:?}");
        ensure!(family.help.len() > 10, "{name} is told about in {:?}", family.help);
        // One that comes into being with its first count shows no increase at the first scrape after it.
        ensure!(values(&metrics, name).next().is_some(), "{name} has no value:\n{metrics}");
    }
    let unpromised =
        families.keys().find(|family| !PROMISED.iter().any(|(name, ..)| family_of(name) == **family));
    ensure!(unpromised.is_none(), "{unpromised:?} is promised nowhere");
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("find the checkout")?;
    for document in DOCUMENTS {
        let text = std::fs::read_to_string(checkout.join(document))?;
        let absent = named(&text).find(|name| values(&metrics, name).next().is_none());
        ensure!(absent.is_none(), "{document} names {absent:?}, which is not in:\n{metrics}");
    }
    member.stop(Signal::Terminate, PATIENCE)?.expect_code(0)
}
