//! Pure. Who is let in, and in which life.

use super::{Claim, Decision, decide};
use crate::record::TopicId;
use crate::registry::{LastLife, LifeNumber, Owner, TopicRecord};

const UID: &str = "6a1c2f0e-52ab-4d9f-8f4e-0c5e1b8a7d10";
const OTHER_UID: &str = "0b7d9e44-1111-4c1c-9a55-2f2f2f2f2f2f";
const NO_UID: &str = "00000000-0000-0000-0000-000000000000";

fn id(first: char) -> TopicId {
    format!("{first}AAAAAAAAAAAAAAAAAAAAA").parse().unwrap()
}

fn owner() -> Owner {
    Owner {
        namespace: "plant".to_owned(),
        name: "cameras".to_owned(),
        uid: UID.to_owned(),
        group_id: "plant.cameras".to_owned(),
        cluster_id: "K1".to_owned(),
        topic: "cameras".to_owned(),
    }
}

fn claim() -> Claim {
    Claim {
        owner: owner(),
        topic_id: Some(id('B')),
        entry: "{topic}/{partition}".to_owned(),
        last_life: None,
    }
}

fn known() -> TopicRecord {
    claim().record(LifeNumber(3), None)
}

fn owned(change: impl Fn(&mut Owner)) -> Claim {
    let mut claim = claim();
    change(&mut claim.owner);
    claim
}

fn ours(is_current: bool) -> Decision {
    Decision::Ours { life: LifeNumber(3), is_current }
}

fn foreign() -> Decision {
    Decision::Foreign { owner: Box::new(owner()) }
}

#[test]
fn entries_that_nobody_claimed_are_new() {
    assert_eq!(decide(None, &claim()), Decision::New { life: LifeNumber::FIRST });
}

#[test]
fn cluster_id_that_is_not_told_now_is_not_forgotten() {
    let untold = owned(|owner| owner.cluster_id.clear());
    assert_eq!(untold.record(LifeNumber(3), Some(&known())).owner.cluster_id, "K1");
    assert_eq!(decide(Some(&known()), &untold), ours(true));
    let first = untold.record(LifeNumber(3), None);
    assert_eq!(first.owner.cluster_id, "");
    assert_eq!(claim().record(LifeNumber(3), Some(&first)).owner.cluster_id, "K1", "it is learnt later");
}

#[test]
fn own_entries_stay_ours() {
    assert_eq!(decide(Some(&known()), &claim()), ours(true));
    let moved = Claim { entry: "{topic}/{partition}/{date}".to_owned(), ..claim() };
    assert_eq!(decide(Some(&known()), &moved), ours(false));
    let regrouped = owned(|owner| owner.group_id = "other".to_owned());
    assert_eq!(decide(Some(&known()), &regrouped), ours(false), "the operator moved the group's offsets");
}

#[test]
fn sink_that_was_created_again_takes_its_entries_over() {
    assert_eq!(decide(Some(&known()), &owned(|owner| owner.uid = OTHER_UID.to_owned())), ours(false));
    let without_kubernetes = owned(|owner| owner.uid = NO_UID.to_owned());
    assert_eq!(decide(Some(&known()), &without_kubernetes), ours(false));
}

#[test]
fn another_sink_is_refused() {
    let changes: [fn(&mut Owner); 4] = [
        |owner| owner.name = "doors".to_owned(),
        |owner| owner.namespace = "office".to_owned(),
        |owner| owner.group_id = "other".to_owned(),
        |owner| owner.cluster_id = "K2".to_owned(),
    ];
    for change in changes {
        let stranger = owned(|owner| {
            owner.uid = OTHER_UID.to_owned();
            change(owner);
        });
        assert_eq!(decide(Some(&known()), &stranger), foreign(), "{stranger:?}");
    }
}

#[test]
fn uid_that_is_none_proves_nothing() {
    let known = TopicRecord { owner: Owner { uid: NO_UID.to_owned(), ..owner() }, ..known() };
    let namesake = owned(|owner| {
        owner.uid = NO_UID.to_owned();
        owner.cluster_id = "K2".to_owned();
    });
    assert_eq!(decide(Some(&known), &namesake), Decision::Foreign { owner: Box::new(known.owner.clone()) });
}

#[test]
fn another_topic_in_the_same_entries_is_refused() {
    let other_topic = owned(|owner| owner.topic = "doors".to_owned());
    assert_eq!(decide(Some(&known()), &other_topic), foreign());
}

#[test]
fn topic_that_was_created_again_begins_its_next_life() {
    let again = Claim { topic_id: Some(id('C')), ..claim() };
    assert_eq!(decide(Some(&known()), &again), Decision::NewLife { life: LifeNumber(4) });
    let elsewhere = Claim { owner: owned(|owner| owner.cluster_id = "K2".to_owned()).owner, ..again };
    assert_eq!(decide(Some(&known()), &elsewhere), Decision::NewLife { life: LifeNumber(4) });
}

#[test]
fn id_of_an_earlier_life_is_an_old_answer_and_no_new_life() {
    let mut record = known();
    for (life, letter) in [(4, 'C'), (5, 'D')] {
        record = Claim { topic_id: Some(id(letter)), ..claim() }.record(LifeNumber(life), Some(&record));
    }
    assert_eq!(record.earlier_topic_ids, [id('B'), id('C')]);
    for letter in ['B', 'C'] {
        let stale = Claim { topic_id: Some(id(letter)), ..claim() };
        assert_eq!(decide(Some(&record), &stale), Decision::Stale);
    }
}

#[test]
fn brokers_that_do_not_tell_ids_change_nothing() {
    let untold = Claim { topic_id: None, ..claim() };
    assert_eq!(decide(Some(&known()), &untold), ours(true), "what was known stays");
    let never_told = TopicRecord { topic_id: None, ..known() };
    assert_eq!(decide(Some(&never_told), &untold), ours(true));
    assert_eq!(decide(Some(&never_told), &claim()), ours(false), "the id is noted now");
    let elsewhere = Claim { owner: owned(|owner| owner.cluster_id = "K2".to_owned()).owner, ..untold };
    assert_eq!(decide(Some(&known()), &elsewhere), foreign(), "nothing tells the messages apart");
}

#[test]
fn group_remembers_the_life_that_the_store_has_lost() {
    let last = |topic_id, life| Claim { last_life: Some(LastLife { life, topic_id }), ..claim() };
    let remembers = |topic_id| last(topic_id, Some(LifeNumber(5)));
    assert_eq!(decide(None, &remembers(id('B'))), Decision::New { life: LifeNumber(5) });
    assert_eq!(decide(None, &remembers(id('C'))), Decision::New { life: LifeNumber(6) });
    let restored = Decision::Ours { life: LifeNumber(5), is_current: false };
    assert_eq!(decide(Some(&known()), &remembers(id('B'))), restored);
    assert_eq!(decide(None, &last(id('B'), None)), Decision::New { life: LifeNumber::FIRST });
    assert_eq!(decide(None, &last(id('C'), None)), Decision::New { life: LifeNumber(2) });
    let no_number = decide(Some(&known()), &Claim { topic_id: Some(id('C')), ..last(id('B'), None) });
    assert_eq!(no_number, Decision::NewLife { life: LifeNumber(4) }, "lives never go back");
}
