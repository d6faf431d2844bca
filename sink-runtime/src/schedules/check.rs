//! Pure. What must hold after every step of a schedule, and at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::entry::SimulatedEntry;
use super::forms::is_entry_of;
use super::log::{Kind, Logged};
use super::world::Shared;
use crate::batch::{Batch, BatchLimits};
use crate::invariants;
use crate::kafka::CommitMetadata;
use crate::record::Offset;
use crate::source::Commit;

/// What has become of messages other than that the store has them.
#[derive(Debug, Default)]
pub(super) struct Truth {
    pub(super) letters: BTreeSet<i64>,
    /// The sink says that a policy of the bucket deleted them.
    pub(super) expired: BTreeSet<i64>,
    /// By which mapping the messages were made into what was committed.
    made_by: BTreeMap<i64, String>,
    /// By which mapping messages were handed to the store, whatever became of them, and how often.
    handed_by: BTreeMap<i64, (String, u32)>,
    /// When each process began the last commit that the group took.
    commits_begun: BTreeMap<usize, Duration>,
}

/// How long a process may change the store after it began a commit that the group took: 30 s of session, less 15 s that a request
/// may take, less 5 s in reserve.
const LEASE: Duration = Duration::from_secs(10);

/// So many answers of the store are as good as having seen the record.
const ANSWERS_ENOUGH: u32 = 3;

/// I4 and I5: a batch is within its limits, and no two of its records share a place.
pub(super) fn batch(batch: &Batch, limits: BatchLimits) {
    let (records, bytes) = (batch.records.len(), batch.bytes());
    assert!(
        invariants::batch_within_limits(records, limits.records, bytes, limits.bytes),
        "I4: {records} {bytes}"
    );
    assert!(invariants::places_unique(batch.records.iter().map(|record| &**record)), "I5: {batch:?}");
}

/// Nothing goes to the store that another mapping has handed to it or has committed, and nothing beyond what the broker has
/// taken a promise for: whatever becomes of this member, the next one knows.
pub(super) fn handed(shared: &mut Shared, batch: &Batch, mapping: &str) {
    let committed = shared.broker.committed.as_ref();
    let (offset, metadata) = committed
        .and_then(|(offset, text)| Some((*offset, CommitMetadata::parse(text)?)))
        .expect("whoever writes has committed its start");
    assert_eq!(metadata.mapping, mapping, "written before a commit in the name of the mapping: {batch:?}");
    let reach = metadata.reach(Offset(offset)).expect("this version always tells");
    for record in &batch.records {
        let offset = record.identity.offset;
        assert!(offset < reach, "beyond the reach {reach}: {record:?}");
        let truth = &mut shared.truth;
        let made_by = truth.made_by.get(&offset.0);
        assert!(made_by.is_none_or(|by| by == mapping), "replayed by another mapping: {record:?}");
        let (handed_by, times) = truth.handed_by.entry(offset.0).or_insert_with(|| (mapping.to_owned(), 0));
        assert_eq!(handed_by, mapping, "handed to the store by two mappings: {record:?}");
        *times += 1;
    }
}

/// I1 and I3, and the promise of the safe point: what is below it outlives whatever happens to the store.
pub(super) fn commit(shared: &Shared, seat: usize, commit: &Commit) {
    assert_eq!(shared.broker.owner, Some(seat), "I3: {commit:?}");
    let (point, safe) = (commit.progress.point.offset.0, commit.progress.safe.offset.0);
    let (mut there, mut saved) = (BTreeSet::new(), BTreeSet::new());
    for (_, slot) in shared.store.entries.values().flat_map(SimulatedEntry::slots) {
        there.extend(slot.message());
        saved.extend(slot.message().filter(|_| slot.is_saved));
    }
    let messages = shared.log.logged.iter().filter(|logged| logged.kind != Kind::Marker);
    for logged in messages.take_while(|logged| logged.offset < point) {
        let offset = logged.offset;
        let will_be_replayed = offset >= safe && shared.store.lost.contains(&offset);
        let has_ended = there.contains(&offset) || has_ended_elsewhere(shared, offset) || will_be_replayed;
        assert!(has_ended, "I1: {logged:?} is nowhere, {commit:?}");
        let is_safe = offset >= safe || saved.contains(&offset) || has_ended_elsewhere(shared, offset);
        assert!(is_safe, "{logged:?} is called safe and a kill of the store would take it, {commit:?}");
    }
}

/// Takes note that a batch never reached the store.
pub(super) fn not_handed(shared: &mut Shared, batch: &Batch) {
    for record in &batch.records {
        let offset = record.identity.offset.0;
        let (_, times) = shared.truth.handed_by.get_mut(&offset).expect("it was handed out before");
        *times -= 1;
        if *times == 0 {
            shared.truth.handed_by.remove(&offset);
        }
    }
}

/// Nothing is written or deleted but for a short while after a commit that the group took.
pub(super) fn lease(shared: &Shared, process: usize) {
    let begun = shared.truth.commits_begun.get(&process).expect("whoever writes has committed its start");
    let age = shared.agenda.now.checked_sub(*begun).unwrap();
    assert!(age < LEASE, "process {process} believes a commit that was begun {age:?} ago");
}

/// Only what the store has had, or has said three times to have, can have been deleted by its policy; a letter that is read
/// again looks like that. The sink says of these messages that they were.
pub(super) fn expired(shared: &mut Shared, offsets: impl Iterator<Item = i64>) {
    for offset in offsets {
        let Shared { store, truth, .. } = &mut *shared;
        let answers = store.answers.get(&offset).copied().unwrap_or_default();
        let was_there = store.had.contains(&offset) || answers >= ANSWERS_ENOUGH;
        let is_letter = truth.letters.contains(&offset);
        assert!(
            store.has_policy() && (was_there || is_letter),
            "{offset} was never stored, {answers} answers"
        );
        truth.expired.insert(offset);
    }
}

/// Takes note of a commit that the group has taken.
pub(super) fn note_lease(shared: &mut Shared, process: usize, begun: Duration) {
    shared.truth.commits_begun.insert(process, begun);
}

/// Takes note of what the broker has taken from a member with this mapping. What a member goes back over it makes anew.
pub(super) fn note_committed(shared: &mut Shared, commit: &Commit, mapping: &str) {
    let point = commit.progress.point.offset.0;
    let Truth { made_by, handed_by, .. } = &mut shared.truth;
    let named = commit.other_mapping.as_deref().unwrap_or(mapping);
    let beyond = handed_by.range(point.max(shared.log.low)..);
    for (offset, (by, _)) in beyond {
        let is_covered = by == named && *offset < commit.promise.reach.0;
        assert!(is_covered, "{offset} was handed to the store by {by}, not covered by {commit:?}");
    }
    drop(made_by.split_off(&point));
    for logged in shared.log.logged.iter().take_while(|logged| logged.offset < point) {
        shared.truth.made_by.entry(logged.offset).or_insert_with(|| mapping.to_owned());
    }
}

/// Every message is in the store once, or a letter, or deleted by retention of the log or by a policy of the bucket.
pub(super) fn end(shared: &Shared) {
    let low = shared.log.low;
    for logged in &shared.log.logged {
        let (times, offset) = (times_stored(shared, logged), logged.offset);
        let is_letter = shared.truth.letters.contains(&offset);
        match logged.kind {
            Kind::Record(_) => {
                let is_gone = is_expired(shared, offset) || offset < low;
                assert!(times == 1 || (times == 0 && is_gone), "{logged:?} is stored {times} times");
                assert!(!is_letter, "{logged:?} is a letter too");
            }
            Kind::Unmappable | Kind::Poison => {
                assert!(times == 0 && (is_letter || offset < low), "{logged:?} must be a letter");
            }
            Kind::Marker => assert!(times == 0 && !is_letter, "{logged:?} is no message"),
        }
    }
}

fn has_ended_elsewhere(shared: &Shared, offset: i64) -> bool {
    shared.truth.letters.contains(&offset) || is_expired(shared, offset) || offset < shared.log.low
}

fn is_expired(shared: &Shared, offset: i64) -> bool {
    shared.store.has_policy()
        && (shared.store.evicted.contains(&offset) || shared.truth.expired.contains(&offset))
}

fn times_stored(shared: &Shared, logged: &Logged) -> usize {
    let is_it = |message: Option<i64>| message == Some(logged.offset);
    let count = |entry: &SimulatedEntry| entry.slots().filter(|(_, slot)| is_it(slot.message())).count();
    let mut times = 0;
    for (name, entry) in &shared.store.entries {
        let found = count(entry);
        let is_its_own = matches!(logged.kind, Kind::Record(key) if is_entry_of(name.as_str(), key));
        assert!(found == 0 || is_its_own, "{logged:?} is in {name}");
        times += found;
    }
    times
}
