//! Pure. Where partitions of topics in all their lives begin.

use super::{Beginning, Change, LifeFacts, Sighting, beginning, change, latest_life, needs_registry};
use crate::record::TopicId;
use crate::registry::{LastLife, LifeNumber, Owner, TopicRecord};

fn id(first: char) -> TopicId {
    format!("{first}AAAAAAAAAAAAAAAAAAAAA").parse().unwrap()
}

fn known(first: char) -> Sighting {
    Sighting::Known(id(first))
}

fn untold() -> Sighting {
    Sighting::Untold { reason: "not allowed".to_owned() }
}

fn last(first: char, life: u32) -> LastLife {
    LastLife { life: Some(LifeNumber(life)), topic_id: id(first) }
}

fn registered(topic_id: Option<TopicId>, earlier_topic_ids: Vec<TopicId>) -> TopicRecord {
    let text = str::to_owned;
    let owner = Owner {
        namespace: text("plant"),
        name: text("cameras"),
        uid: String::new(),
        group_id: text("plant.cameras"),
        cluster_id: text("K1"),
        topic: text("cameras"),
    };
    let (life, header_names) = (LifeNumber::FIRST, crate::map::HeaderNames::default());
    TopicRecord { v: 1, owner, topic_id, earlier_topic_ids, life, entry: text("{topic}"), header_names }
}

fn expired() -> Beginning {
    Beginning::Expired { group_id: "plant.cameras".to_owned() }
}

/// A partition that the group has committed.
fn committed(now: &Sighting, own: Option<LastLife>) -> LifeFacts<'_> {
    LifeFacts { now, is_committed: true, own, is_topic_committed: true, latest: own, registered: None }
}

/// A partition that the group has not committed, of a topic of which it may have committed others.
fn uncommitted(now: &Sighting, others: Option<LastLife>) -> LifeFacts<'_> {
    let is_topic_committed = others.is_some();
    LifeFacts { now, is_committed: false, own: None, is_topic_committed, latest: others, registered: None }
}

#[test]
fn commit_of_the_same_topic_is_gone_on_from() {
    assert_eq!(beginning(&committed(&known('B'), Some(last('B', 1)))), Beginning::Commit);
    assert_eq!(beginning(&committed(&untold(), Some(last('B', 1)))), Beginning::Commit);
    assert_eq!(beginning(&committed(&known('B'), None)), Beginning::Commit, "set by a person");
    assert!(!needs_registry(&committed(&known('B'), Some(last('B', 1)))));
}

#[test]
fn commit_of_another_life_begins_the_new_one_at_the_start_of_its_log() {
    let now = known('C');
    let facts = committed(&now, Some(last('B', 1)));
    assert!(needs_registry(&facts));
    let record = registered(Some(id('B')), vec![]);
    assert_eq!(beginning(&LifeFacts { registered: Some(&record), ..facts }), Beginning::NewLife);
    assert_eq!(beginning(&LifeFacts { registered: None, ..facts }), Beginning::NewLife);
    assert_eq!(beginning(&uncommitted(&now, Some(last('B', 1)))), Beginning::NewLife);
}

#[test]
fn broker_that_lags_behind_begins_nothing() {
    let record = registered(Some(id('C')), vec![id('B')]);
    let now = known('B');
    let facts = committed(&now, Some(last('C', 2)));
    assert!(needs_registry(&facts));
    assert_eq!(beginning(&LifeFacts { registered: Some(&record), ..facts }), Beginning::Later);
    let others_lag_too = LifeFacts { latest: Some(last('B', 1)), ..facts };
    assert!(needs_registry(&others_lag_too));
    assert_eq!(beginning(&committed(&Sighting::Absent, Some(last('C', 2)))), Beginning::Later);
}

#[test]
fn partition_that_was_added_is_unread() {
    assert_eq!(beginning(&uncommitted(&known('B'), Some(last('B', 1)))), Beginning::Unread);
    assert_eq!(beginning(&uncommitted(&untold(), Some(last('B', 1)))), Beginning::Unread);
}

#[test]
fn nothing_of_a_later_life_is_skipped_by_whoever_begins_second() {
    assert_eq!(beginning(&uncommitted(&known('C'), Some(last('C', 2)))), Beginning::NewLife);
}

#[test]
fn topic_that_nobody_read_is_unread() {
    let now = known('B');
    assert!(needs_registry(&uncommitted(&now, None)));
    assert_eq!(beginning(&uncommitted(&now, None)), Beginning::Unread);
}

#[test]
fn offsets_that_a_deletion_took_begin_the_next_life() {
    let (now, record) = (known('C'), registered(Some(id('B')), vec![]));
    let facts = LifeFacts { registered: Some(&record), ..uncommitted(&now, None) };
    assert_eq!(beginning(&facts), Beginning::NewLife);
}

#[test]
fn offsets_that_have_expired_begin_nothing() {
    for (now, id_then) in [(known('B'), Some(id('B'))), (known('B'), None), (untold(), Some(id('B')))] {
        let record = registered(id_then, vec![]);
        let facts = LifeFacts { registered: Some(&record), ..uncommitted(&now, None) };
        assert_eq!(beginning(&facts), expired(), "{now:?} {id_then:?}");
    }
}

#[test]
fn latest_life_is_that_of_the_topic_as_it_is() {
    let commits = [last('D', 3), last('B', 1), LastLife { life: None, topic_id: id('C') }, last('C', 2)];
    assert_eq!(latest_life(&commits, &known('C')), Some(last('C', 2)));
    assert_eq!(latest_life(&commits, &known('E')), Some(last('D', 3)));
    assert_eq!(latest_life(&commits, &untold()), Some(last('D', 3)));
    assert_eq!(latest_life(&[], &known('B')), None);
}

#[test]
fn running_topic_changes_only_when_the_brokers_say_so() {
    assert_eq!(change(Some(id('B')), &known('B')), Change::None);
    assert_eq!(change(Some(id('B')), &untold()), Change::None);
    assert_eq!(change(None, &known('B')), Change::None);
    assert_eq!(change(Some(id('B')), &known('C')), Change::Replaced(id('C')));
    assert_eq!(change(Some(id('B')), &Sighting::Absent), Change::Gone);
}
