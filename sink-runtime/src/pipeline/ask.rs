//! Puts one request of a partition to the store, if the partition is still this member's own. IO: store.

use std::sync::Arc;

use tokio::time::Instant;

use super::curfew::Bell;
use super::headway::{BrokenOff, Gatekeeper, Headway};
use super::request::{Answer, Check, Checked, ReadBack, Request};
use crate::batch::Batch;
use crate::clock::since_boot;
use crate::lease::Lease;
use crate::metrics::PartitionMetrics;
use crate::record::{Entry, TimestampUs};
use crate::throttle::{Pass, Throttle};
use crate::writer::{Head, Range, StoreError, Writer};

/// What stands between a partition and the store.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    pub(super) lease: Arc<Lease>,
    pub(super) throttle: Arc<Throttle>,
    pub(super) headway: Arc<Headway>,
    pub(super) bell: Bell,
}

/// The partition was told to stop before the request could be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotSent;

/// Why a question ended before its last part was answered.
#[derive(Debug)]
enum Interruption {
    BrokenOff,
    Failed(StoreError),
}

impl Gate {
    /// Waits until a request may be sent; the caller sends it at once.
    pub(super) async fn admit(&self) -> Result<(), NotSent> {
        let _waiting = self.headway.wait_for(Gatekeeper::Lease);
        self.admit_beside().await
    }

    /// The same for what is sent beside the one request, which alone tells what the partition waits for.
    pub(super) async fn admit_beside(&self) -> Result<(), NotSent> {
        tokio::select! {
            biased;
            () = self.lease.wait(since_boot) => Ok(()),
            () = self.bell.is_rung() => Err(NotSent),
        }
    }

    /// The same for the proof of what was written: a partition that was told to stop wants it all the more.
    async fn admit_proof(&self) -> Result<(), NotSent> {
        let _waiting = self.headway.wait_for(Gatekeeper::Lease);
        tokio::select! {
            biased;
            () = self.lease.wait(since_boot) => Ok(()),
            () = self.bell.is_over() => Err(NotSent),
        }
    }

    /// Waits until one more write may be under way.
    async fn enter(&self) -> Result<Pass<'_>, NotSent> {
        let _waiting = self.headway.wait_for(Gatekeeper::Throttle);
        tokio::select! {
            biased;
            pass = self.throttle.enter() => Ok(pass),
            () = self.bell.is_rung() => Err(NotSent),
        }
    }
}

pub(super) async fn ask<W: Writer>(
    writer: &W,
    request: Request,
    gate: &Gate,
    meters: &PartitionMetrics,
) -> Answer {
    let answer = match request {
        Request::Write(batch) => write(writer, batch, gate, meters).await,
        Request::Mend(places) => mend(writer, places, gate).await,
        Request::Survey(_)
        | Request::Check(_)
        | Request::Probe(_)
        | Request::ReadBack(_)
        | Request::Registry(_) => question(writer, request, gate).await,
    };
    answer.unwrap_or(Answer::NotSent)
}

async fn question<W: Writer>(writer: &W, question: Request, gate: &Gate) -> Result<Answer, NotSent> {
    if matches!(question, Request::ReadBack(_)) {
        gate.admit_proof().await?;
    } else {
        gate.admit().await?;
    }
    Ok(question_of(writer, question, &gate.headway).await)
}

async fn question_of<W: Writer>(writer: &W, question: Request, headway: &Headway) -> Answer {
    match question {
        Request::Survey(entries) => answer(survey(writer, entries, headway).await, Answer::Surveyed),
        Request::Check(check) => answer(check_of(writer, check, headway).await, Answer::Checked),
        Request::Probe(places) => {
            probe(writer, places, headway).await.map_or_else(|BrokenOff| Answer::BrokenOff, Answer::Probed)
        }
        Request::ReadBack(read_back) => {
            let begun = Instant::now();
            let heads = show(writer, read_back, headway).await;
            answer(heads, |heads| Answer::Shown { heads, took: begun.elapsed() })
        }
        Request::Write(_) | Request::Mend(_) | Request::Registry(_) => Answer::NotSent,
    }
}

fn answer<T>(
    found: Result<T, Interruption>,
    to_answer: impl FnOnce(Result<T, StoreError>) -> Answer,
) -> Answer {
    match found {
        Ok(found) => to_answer(Ok(found)),
        Err(Interruption::Failed(error)) => to_answer(Err(error)),
        Err(Interruption::BrokenOff) => Answer::BrokenOff,
    }
}

async fn write<W: Writer>(
    writer: &W,
    batch: Batch,
    gate: &Gate,
    meters: &PartitionMetrics,
) -> Result<Answer, NotSent> {
    let _pass = gate.enter().await?;
    if let Err(error) = writer.prepare().await {
        return Ok(Answer::Unprepared(error));
    }
    gate.admit().await?;
    let begun = Instant::now();
    let answer = writer.write(batch).await;
    meters.write.observe(begun.elapsed().as_secs_f64());
    match &answer {
        Ok(_) => gate.throttle.speed_up(),
        Err(error) if error.is_distress() => gate.throttle.slow_down(Instant::now()),
        Err(_) => {}
    }
    Ok(Answer::Written(answer))
}

async fn survey<W: Writer>(
    writer: &W,
    entries: Vec<(Entry, TimestampUs)>,
    headway: &Headway,
) -> Result<Vec<(Entry, TimestampUs, Option<TimestampUs>)>, Interruption> {
    let mut found = Vec::with_capacity(entries.len());
    for (entry, from) in entries {
        headway.go_on()?;
        let newest = writer.newest(entry.clone(), from).await?;
        headway.answered();
        found.push((entry, from, newest));
    }
    Ok(found)
}

async fn check_of<W: Writer>(writer: &W, check: Check, headway: &Headway) -> Result<Checked, Interruption> {
    let mut checked = Checked { heads: ranges(writer, check.ranges, headway).await?, horizons: Vec::new() };
    for entry in check.horizons_of {
        headway.go_on()?;
        let horizon = writer.horizon(entry.clone()).await?;
        headway.answered();
        checked.horizons.extend(horizon.map(|horizon| (entry, horizon)));
    }
    Ok(checked)
}

async fn show<W: Writer>(
    writer: &W,
    read_back: ReadBack,
    headway: &Headway,
) -> Result<Vec<(Entry, Head)>, Interruption> {
    let places = match read_back {
        ReadBack::Ranges(asked) => return ranges(writer, asked, headway).await,
        ReadBack::Points(places) => places,
    };
    let mut heads = Vec::with_capacity(places.len());
    for (entry, place) in places {
        headway.go_on()?;
        match writer.head(entry.clone(), place).await {
            Ok(head) => heads.push((entry, head)),
            Err(StoreError::Missing(_) | StoreError::HalfWritten(_)) => {}
            Err(error) => return Err(error.into()),
        }
        headway.answered();
    }
    Ok(heads)
}

async fn ranges<W: Writer>(
    writer: &W,
    ranges: Vec<Range>,
    headway: &Headway,
) -> Result<Vec<(Entry, Head)>, Interruption> {
    let mut found = Vec::new();
    for range in ranges {
        headway.go_on()?;
        let entry = range.entry.clone();
        let heads = writer.heads(range).await?;
        headway.answered();
        found.extend(heads.into_iter().map(|head| (entry.clone(), head)));
    }
    Ok(found)
}

/// Ends with the first answer that says nothing about its place: a store that hangs is not asked for each of them.
async fn probe<W: Writer>(
    writer: &W,
    places: Vec<(Entry, TimestampUs)>,
    headway: &Headway,
) -> Result<Vec<Result<Head, StoreError>>, BrokenOff> {
    let mut answers = Vec::with_capacity(places.len());
    for (entry, place) in places {
        headway.go_on()?;
        let answer = writer.head(entry, place).await;
        let is_about_place =
            matches!(answer, Ok(_) | Err(StoreError::Missing(_) | StoreError::HalfWritten(_)));
        answers.push(answer);
        if !is_about_place {
            break;
        }
        headway.answered();
    }
    Ok(answers)
}

async fn mend<W: Writer>(
    writer: &W,
    places: Vec<(Entry, TimestampUs)>,
    gate: &Gate,
) -> Result<Answer, NotSent> {
    if let Err(error) = writer.prepare().await {
        return Ok(Answer::Mended(Err(error)));
    }
    gate.admit().await?;
    Ok(Answer::Mended(writer.remove(places).await))
}

impl From<BrokenOff> for Interruption {
    fn from(_: BrokenOff) -> Self {
        Self::BrokenOff
    }
}

impl From<StoreError> for Interruption {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

#[cfg(test)]
mod tests;
