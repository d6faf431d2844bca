//! Puts one request of a partition to the store. IO: store.

use tokio::time::Instant;

use super::request::{Answer, Request};
use crate::metrics::PartitionMetrics;
use crate::record::{Entry, TimestampUs};
use crate::writer::{Head, Range, StoreError, Writer};

pub(super) async fn ask<W: Writer>(writer: &W, request: Request, meters: &PartitionMetrics) -> Answer {
    match request {
        Request::Write(batch) => {
            let begun = Instant::now();
            let answer = writer.write(batch).await;
            meters.write.observe(Instant::now().duration_since(begun).as_secs_f64());
            Answer::Written(answer)
        }
        Request::Survey(entries) => Answer::Surveyed(survey(writer, entries).await),
        Request::Check(ranges) => Answer::Checked(check(writer, ranges).await),
        Request::Probe(places) => Answer::Probed(probe(writer, places).await),
        Request::Mend(places) => Answer::Mended(mend(writer, places).await),
    }
}

async fn survey<W: Writer>(
    writer: &W,
    entries: Vec<(Entry, TimestampUs)>,
) -> Result<Vec<(Entry, TimestampUs, Option<TimestampUs>)>, StoreError> {
    let mut found = Vec::with_capacity(entries.len());
    for (entry, from) in entries {
        let newest = writer.newest(entry.clone(), from).await?;
        found.push((entry, from, newest));
    }
    Ok(found)
}

async fn check<W: Writer>(writer: &W, ranges: Vec<Range>) -> Result<Vec<(Entry, Head)>, StoreError> {
    let mut found = Vec::new();
    for range in ranges {
        let entry = range.entry.clone();
        let heads = writer.heads(range).await?;
        found.extend(heads.into_iter().map(|head| (entry.clone(), head)));
    }
    Ok(found)
}

/// Ends with the first answer that says nothing about its place: a store that hangs is not asked for each of them.
async fn probe<W: Writer>(writer: &W, places: Vec<(Entry, TimestampUs)>) -> Vec<Result<Head, StoreError>> {
    let mut answers = Vec::with_capacity(places.len());
    for (entry, place) in places {
        let answer = writer.head(entry, place).await;
        let is_about_place =
            matches!(answer, Ok(_) | Err(StoreError::Missing(_) | StoreError::HalfWritten(_)));
        answers.push(answer);
        if !is_about_place {
            break;
        }
    }
    answers
}

async fn mend<W: Writer>(writer: &W, places: Vec<(Entry, TimestampUs)>) -> Result<(), StoreError> {
    for (entry, place) in places {
        match writer.remove(entry, place).await {
            Ok(()) | Err(StoreError::Missing(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
