//! Pure. Where a partition begins: at its commit, at an end of the log, and whether the last owner is waited for.

use kafkasink_crds::runtime_config::StartFrom;

use super::commit_metadata::CommitMetadata;
use crate::ledger::CommitPoint;
use crate::record::Offset;

/// What is known about a partition when it is assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// The committed offset.
    pub(super) committed: Option<i64>,
    /// Its metadata, where a sink wrote it.
    pub(super) metadata: Option<CommitMetadata>,
    /// First offset of the log.
    pub(super) low: i64,
    /// The offset after the last one.
    pub(super) high: i64,
}

/// Where a partition begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) point: CommitPoint,
    /// The last owner may still have a request open.
    pub(super) is_fenced: bool,
    /// Offsets that retention took before they were read.
    pub(super) lost: u64,
}

/// Returns where a partition begins; `from` holds for partitions without a commit.
pub(super) fn start(facts: &Facts, from: StartFrom, writer_id: &str) -> Start {
    let Some(committed) = facts.committed else {
        let offset = match from {
            StartFrom::Earliest => facts.low,
            StartFrom::Latest => facts.high,
        };
        let point = CommitPoint { offset: Offset(offset), state: None };
        return Start { point, is_fenced: false, lost: 0 };
    };
    let is_within = (facts.low..=facts.high).contains(&committed);
    let offset = if is_within { committed } else { facts.low };
    let point = match &facts.metadata {
        Some(metadata) => metadata.point(Offset(offset)),
        None => CommitPoint { offset: Offset(offset), state: None },
    };
    let is_free = |metadata: &CommitMetadata| metadata.clean || metadata.instance == writer_id;
    let is_fenced = !facts.metadata.as_ref().is_some_and(is_free);
    Start { point, is_fenced, lost: u64::try_from(facts.low - committed).unwrap_or(0) }
}

/// Returns where partitions without a commit begin: `Latest` holds only while the group has not read anything yet.
pub(super) fn start_of_new(from: StartFrom, commits: &[Option<CommitMetadata>]) -> StartFrom {
    let has_only_begun = |metadata: &Option<CommitMetadata>| {
        metadata.as_ref().is_some_and(|metadata| metadata.at.is_none() && !metadata.clean)
    };
    if commits.iter().all(has_only_begun) { from } else { StartFrom::Earliest }
}

#[cfg(test)]
mod tests {
    use kafkasink_crds::runtime_config::StartFrom;

    use super::{Facts, Start, start, start_of_new};
    use crate::kafka::CommitMetadata;
    use crate::ledger::CommitPoint;
    use crate::record::{Offset, PlaceState, TimestampUs};

    const STATE: Option<PlaceState> = Some(PlaceState { last: TimestampUs(9), last_source: TimestampUs(8) });

    fn facts(committed: Option<i64>, metadata: Option<CommitMetadata>) -> Facts {
        Facts { committed, metadata, low: 10, high: 20 }
    }

    fn check(facts: &Facts, from: StartFrom, offset: i64, is_fenced: bool, lost: u64) {
        let state = facts.metadata.as_ref().and_then(|metadata| metadata.point(Offset(0)).state);
        let point = CommitPoint { offset: Offset(offset), state };
        assert_eq!(start(facts, from, "me"), Start { point, is_fenced, lost }, "{facts:?}");
    }

    #[test]
    fn partition_without_a_commit_begins_where_the_sink_says() {
        check(&facts(None, None), StartFrom::Earliest, 10, false, 0);
        check(&facts(None, None), StartFrom::Latest, 20, false, 0);
    }

    #[test]
    fn only_a_clean_or_own_commit_needs_no_wait() {
        let by = |instance, clean| Some(CommitMetadata::new(instance, clean, STATE));
        check(&facts(Some(15), by("other", true)), StartFrom::Latest, 15, false, 0);
        check(&facts(Some(15), by("me", false)), StartFrom::Latest, 15, false, 0);
        check(&facts(Some(15), by("other", false)), StartFrom::Latest, 15, true, 0);
        check(&facts(Some(15), None), StartFrom::Latest, 15, true, 0);
    }

    #[test]
    fn what_retention_took_is_counted() {
        check(&facts(Some(4), None), StartFrom::Earliest, 10, true, 6);
        check(&facts(Some(10), None), StartFrom::Earliest, 10, true, 0);
        check(&facts(Some(25), None), StartFrom::Earliest, 10, true, 0);
    }

    #[test]
    fn latest_holds_only_for_a_group_that_has_only_begun() {
        let begun = || Some(CommitMetadata::new("other", false, None));
        let read = || Some(CommitMetadata::new("other", false, STATE));
        assert_eq!(start_of_new(StartFrom::Latest, &[]), StartFrom::Latest);
        assert_eq!(start_of_new(StartFrom::Latest, &[begun(), begun()]), StartFrom::Latest);
        assert_eq!(start_of_new(StartFrom::Latest, &[begun(), read()]), StartFrom::Earliest);
        assert_eq!(start_of_new(StartFrom::Latest, &[None]), StartFrom::Earliest);
    }
}
