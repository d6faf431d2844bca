//! Pure. Compares what was produced with what is stored: nothing missing, nothing twice, nothing changed.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};

use super::expected::expected;
use super::topic::Produced;

/// A record as it was read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The partition whose entry it was found in.
    pub partition: i32,
    /// Microseconds since 1970-01-01 UTC.
    pub timestamp_us: u64,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// The content type.
    pub content_type: String,
    /// The body; empty where only the heads were asked for.
    pub body: Vec<u8>,
}

/// Compares what was produced with what was read back.
///
/// # Errors
/// A message is missing, is there twice, or its record differs; the first difference is told.
pub fn compare(produced: &[Produced], stored: &[Stored]) -> anyhow::Result<()> {
    let mut by_offset: BTreeMap<(i32, Option<&String>, i64), Vec<&Stored>> = BTreeMap::new();
    for record in stored {
        let offset = record.labels.get("kafka_offset").context("read a record without an offset")?.parse()?;
        let life = record.labels.get("kafka_life");
        by_offset.entry((record.partition, life, offset)).or_default().push(record);
    }
    let doubled = by_offset.values().filter(|records| records.len() > 1).count();
    let missing: Vec<_> = produced.iter().map(key).filter(|key| !by_offset.contains_key(key)).collect();
    ensure!(missing.is_empty() && doubled == 0, "missing {missing:?}, doubled {doubled}");
    ensure!(stored.len() == produced.len(), "{} stored, {} produced", stored.len(), produced.len());
    for message in produced {
        let records = by_offset.get(&key(message)).context("look a record up")?;
        for record in records {
            compare_one(message, record).with_context(|| {
                format!("compare partition {} offset {}", message.partition, message.offset)
            })?;
        }
    }
    Ok(())
}

/// What tells a message from all others: also the life of its topic.
fn key(message: &Produced) -> (i32, Option<&String>, i64) {
    (message.partition, message.life.as_ref(), message.offset)
}

/// Compares one message with one record of it.
///
/// # Errors
/// Labels, content type, body or time differ; the first difference is told.
pub fn compare_one(produced: &Produced, stored: &Stored) -> anyhow::Result<()> {
    let mut labels = stored.labels.clone();
    let moved = labels.remove("kafka_timestamp");
    let mut wanted = expected(&produced.message, produced.offset);
    wanted.labels.extend(produced.life.clone().map(|life| ("kafka_life".to_owned(), life)));
    ensure!(labels == wanted.labels, "labels {labels:?} instead of {:?}", wanted.labels);
    ensure!(stored.content_type == wanted.content_type, "content type {}", stored.content_type);
    ensure!(stored.body == produced.message.value.clone().unwrap_or_default(), "the body differs");
    // A time before 1970 counts as its first moment.
    let own_millisecond = u64::try_from(produced.timestamp_ms.max(0))?;
    let is_within = stored.timestamp_us / 1_000 == own_millisecond && produced.timestamp_ms >= 0;
    let source = produced.timestamp_ms * 1_000;
    ensure!(
        if is_within { moved.is_none() } else { moved == Some(source.to_string()) },
        "time {} for {own_millisecond} ms with label {moved:?}",
        stored.timestamp_us
    );
    Ok(())
}
