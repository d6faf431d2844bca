//! Pure. Where a partition begins: at its commit, at an end of the log, and whether the last owner is waited for.

use std::sync::Arc;

use kafkasink_crds::runtime_config::StartFrom;

use super::commit_metadata::{CommitMetadata, Signature};
use crate::ledger::CommitPoint;
use crate::progress::Progress;
use crate::record::{Offset, TopicPartition};

/// What is known about a partition when it is assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The committed offset.
    pub(crate) committed: Option<i64>,
    /// Its metadata, where a sink wrote it.
    pub(crate) metadata: Option<CommitMetadata>,
    /// First offset of the log.
    pub(crate) low: i64,
    /// The offset after the last one.
    pub(crate) high: i64,
}

/// Where a partition begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) progress: Progress,
    /// What earlier owners may have handed to the store lies below. Where the last one may still be at work that is what it
    /// has promised, otherwise nothing that is not in the log.
    pub(crate) reach: Offset,
    /// The mapping that made the records above the safe point, where it is another one than this member's.
    pub(crate) other_mapping: Option<Arc<str>>,
    /// The last owner may still have a request open.
    pub(crate) is_fenced: bool,
    /// Offsets that retention took before they were stored.
    pub(crate) lost: u64,
    /// The log ends before what was committed.
    pub(crate) truncated: Option<Truncated>,
}

/// A log that is shorter than it was: its topic was created again without being noticed, or brokers lost its end, as an
/// unclean election of a leader does. Other messages may come at offsets that were stored, and nobody can tell which.
/// So the partition begins at the start of its log: what is stored already is recognised by its places and offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Truncated {
    /// What was committed.
    pub(crate) committed: Offset,
    /// Where the log ends.
    pub(crate) end: Offset,
}

/// Returns where a partition begins; `from` holds for partitions without a commit.
pub(crate) fn start(facts: &Facts, from: StartFrom, signature: &Signature) -> Start {
    let at = |offset| Progress::at(CommitPoint { offset: Offset(offset), state: None });
    let Some(committed) = facts.committed else {
        let offset = match from {
            StartFrom::Earliest => facts.low,
            StartFrom::Latest => facts.high,
        };
        return Start {
            progress: at(offset),
            reach: Offset(offset),
            other_mapping: None,
            is_fenced: false,
            lost: 0,
            truncated: None,
        };
    };
    let mut progress =
        facts.metadata.as_ref().map_or(at(committed), |metadata| metadata.progress(Offset(committed)));
    let (low, end) = (Offset(facts.low), Offset(facts.high));
    let truncated = (committed > facts.high).then_some(Truncated { committed: Offset(committed), end });
    let lost = u64::try_from(facts.low - progress.proven.0).unwrap_or(0);
    if truncated.is_some() || committed < facts.low {
        progress.point.offset = low;
        progress.safe = progress.point;
        // Nothing is known of messages that came after the log had lost its end.
        progress.proven = if truncated.is_some() { low } else { progress.proven.max(low) };
    }
    let is_fenced = is_fenced(facts, signature);
    let reach = reach(facts, committed, is_fenced).max(progress.point.offset);
    let is_other = |metadata: &&CommitMetadata| {
        metadata.mapping != signature.mapping && (!progress.is_safe() || reach > progress.point.offset)
    };
    let other_mapping =
        facts.metadata.as_ref().filter(is_other).map(|metadata| Arc::from(metadata.mapping.as_str()));
    Start { progress, reach, other_mapping, is_fenced, lost, truncated }
}

/// Tells whether the last owner may still have a request open.
fn is_fenced(facts: &Facts, signature: &Signature) -> bool {
    let is_free = |metadata: &CommitMetadata| metadata.clean || metadata.instance == signature.writer_id;
    !facts.metadata.as_ref().is_some_and(is_free)
}

/// Returns the offset below which earlier owners may have stored what no other mapping finds.
fn reach(facts: &Facts, committed: i64, is_fenced: bool) -> Offset {
    let told = facts.metadata.as_ref().and_then(|metadata| metadata.reach(Offset(committed)));
    match told {
        // What the log does not have any more nobody can store a second time.
        Some(Offset(told)) if told <= facts.low => Offset(facts.low),
        // An owner that is still at work may be given what is appended from now on.
        Some(told) if is_fenced => told,
        Some(Offset(told)) => Offset(told.min(facts.high)),
        // Somebody else has set the offset, or it was committed by the version before: whatever is there may be stored.
        None => Offset(facts.high),
    }
}

/// Returns where a partition of a topic that was created again begins: at the start of its log, with nothing but who
/// may still have a request open, which a commit of the life before can tell.
pub(super) fn start_of_life(facts: &Facts, signature: &Signature) -> Start {
    Start {
        progress: Progress::at(CommitPoint { offset: Offset(facts.low), state: None }),
        reach: Offset(facts.low),
        other_mapping: None,
        is_fenced: is_fenced(facts, signature),
        lost: 0,
        truncated: None,
    }
}

/// Seconds for which a group begins: its members find out one after the other where their partitions end.
const BEGINNING_SECONDS: u64 = 60;

/// Returns where a partition without a commit begins at a time in seconds since 1970, judged by what its group has committed for
/// others. `Latest` holds only while the group begins and has not read anything, and never for a partition that was added after
/// that: what was produced since is not skipped. A member that comes late, or whose clock differs, reads more than it was asked to.
pub(super) fn start_of_new<'a>(
    from: StartFrom,
    partition: &TopicPartition,
    now: u64,
    commits: impl IntoIterator<Item = (&'a TopicPartition, Option<&'a CommitMetadata>)>,
) -> StartFrom {
    let was_there = |count: usize| usize::try_from(partition.partition.0).is_ok_and(|number| number < count);
    let is_beginning = |(of, metadata): (&TopicPartition, Option<&CommitMetadata>)| {
        let Some(CommitMetadata { at: None, clean: false, group_start: Some(start), .. }) = metadata else {
            return false;
        };
        let is_young = now.abs_diff(start.at) <= BEGINNING_SECONDS;
        is_young && (of.topic != partition.topic || was_there(start.partitions))
    };
    if commits.into_iter().all(is_beginning) { from } else { StartFrom::Earliest }
}

#[cfg(test)]
mod tests;
