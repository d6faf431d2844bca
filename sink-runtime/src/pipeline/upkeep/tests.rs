//! Pure. When the registry is asked for what.

use std::time::{Duration, Instant};

use super::{
    ASK_AGAIN, ASK_FOREIGN, ASK_SOON, Done, Errand, GATHER_EVERY, GATHER_FIRST, LOOK_AGAIN, News,
    PUBLISH_EVERY, PUBLISH_FIRST, Upkeep,
};
use crate::map::HeaderNames;
use crate::record::{Entry, Life, TopicId};
use crate::registry::{Admission, LastLife, LifeNumber, Owner, RegistryError};

fn id() -> TopicId {
    "-_-_______8BI0VniavN7w".parse().unwrap()
}

fn names(name: &str) -> HeaderNames {
    let mut names = HeaderNames::default();
    names.learn("trace_id", name);
    names
}

fn owner() -> Box<Owner> {
    let text = str::to_owned;
    Box::new(Owner {
        namespace: text("plant"),
        name: text("doors"),
        uid: String::new(),
        group_id: text("plant.doors"),
        cluster_id: text("K1"),
        topic: text("doors"),
    })
}

fn admitted(life: u32) -> Done {
    Done::Admission(Admission::Admitted { life: LifeNumber(life), topic_id: Some(id()) })
}

/// A partition that was admitted now.
fn begun(is_keeper: bool) -> (Upkeep, Instant) {
    let (mut upkeep, now) = (Upkeep::new(None, is_keeper, false), tokio::time::Instant::now().into_std());
    assert_eq!(upkeep.next(now, &names("T")), Some(Errand::Admit(None)));
    let life = Life(Some(id().life_mark()));
    assert_eq!(upkeep.done(now, admitted(2)), News::Admitted { number: LifeNumber(2), life });
    (upkeep, now)
}

#[test]
fn first_life_has_no_mark() {
    let (mut upkeep, now) = (Upkeep::new(None, false, false), tokio::time::Instant::now().into_std());
    let news = News::Admitted { number: LifeNumber::FIRST, life: Life::FIRST };
    assert_eq!(upkeep.done(now, admitted(1)), news);
}

#[test]
fn partition_that_was_admitted_by_its_owner_asks_nothing() {
    let mut upkeep = Upkeep::new(None, true, true);
    assert!(upkeep.is_admitted() && upkeep.due().is_none());
    assert_eq!(upkeep.next(tokio::time::Instant::now().into_std(), &names("T")), None);
}

#[test]
fn nothing_is_written_before_the_keeper_has_claimed_the_topic() {
    let (mut upkeep, now) = (Upkeep::new(None, false, false), tokio::time::Instant::now().into_std());
    assert_eq!(upkeep.done(now, Done::Admission(Admission::Waiting)), News::None);
    assert!(!upkeep.is_admitted());
    assert_eq!(upkeep.next(now, &names("T")), None, "not at once");
    assert_eq!(upkeep.due(), Some(now + ASK_SOON));
    assert_eq!(upkeep.next(now + ASK_SOON, &names("T")), Some(Errand::Admit(None)));
    for _ in 0..10 {
        upkeep.done(now, Done::Admission(Admission::Waiting));
    }
    assert_eq!(upkeep.due(), Some(now + ASK_AGAIN), "the keeper may be long");
}

#[test]
fn foreign_owner_is_told_once_and_asked_about_until_it_has_gone() {
    let (mut upkeep, now) = (Upkeep::new(None, false, false), tokio::time::Instant::now().into_std());
    let refused = || Done::Admission(Admission::Refused { owner: owner() });
    assert_eq!(upkeep.done(now, refused()), News::Foreign(owner()));
    assert!(upkeep.is_foreign() && !upkeep.is_admitted());
    assert_eq!(upkeep.due(), Some(now + ASK_FOREIGN));
    assert_eq!(upkeep.done(now, refused()), News::None);
    assert!(matches!(upkeep.done(now, admitted(1)), News::Admitted { .. }));
    assert!(!upkeep.is_foreign() && upkeep.is_admitted());
}

#[test]
fn attachment_that_nobody_can_read_holds_a_partition_that_waits_for_it_and_no_other() {
    let unreadable = RegistryError::Unreadable { home: Entry::new("a"), reason: "no JSON".to_owned() };
    let (mut upkeep, now) = (Upkeep::new(None, false, false), tokio::time::Instant::now().into_std());
    upkeep.failed(now, &unreadable);
    assert!(upkeep.is_held(), "a person must look at it");
    upkeep.failed(now, &RegistryError::NotKept { home: Entry::new("a") });
    assert!(!upkeep.is_held());
    upkeep.failed(now, &unreadable);
    upkeep.done(now, admitted(1));
    assert!(!upkeep.is_held(), "somebody did");
    upkeep.failed(now, &unreadable);
    assert!(!upkeep.is_held(), "nothing waits for it any more");
}

#[test]
fn keeper_looks_after_its_claim_and_names_the_life_that_was_admitted() {
    let (mut upkeep, now) = begun(true);
    let life = Some(LastLife { life: Some(LifeNumber(2)), topic_id: id() });
    assert_eq!(upkeep.life(), life);
    assert_eq!(upkeep.next(now + LOOK_AGAIN, &names("T")), Some(Errand::Admit(life)));
    upkeep.failed(now + LOOK_AGAIN, &RegistryError::NotKept { home: Entry::new("a") });
    assert!(upkeep.is_admitted(), "a store that does not answer takes no leave back");
    assert_eq!(upkeep.next(now + 2 * LOOK_AGAIN, &names("T")), Some(Errand::Admit(life)));
    let (mut other, begun_at) = begun(false);
    let later = begun_at + LOOK_AGAIN;
    assert_eq!(other.next(later, &HeaderNames::default()), None, "others have nothing to look after");
}

#[test]
fn header_names_are_published_where_there_are_new_ones() {
    let (mut upkeep, now) = begun(false);
    assert_eq!(upkeep.next(now, &names("T")), None);
    let mut at = now + PUBLISH_FIRST;
    assert_eq!(upkeep.next(at, &names("T")), Some(Errand::Publish(names("T"))));
    at += PUBLISH_EVERY;
    assert_eq!(upkeep.next(at, &names("T")), Some(Errand::Publish(names("T"))), "until they are kept");
    upkeep.done(at, Done::Published(names("T")));
    at += PUBLISH_EVERY;
    assert_eq!(upkeep.next(at, &names("T")), None);
    at += PUBLISH_EVERY;
    assert_eq!(upkeep.next(at, &names("U")), Some(Errand::Publish(names("U"))));
}

#[test]
fn keeper_gathers_what_all_have_published() {
    let (mut upkeep, now) = begun(true);
    let (mut at, mut rounds) = (now, Vec::new());
    while rounds.len() < 2 {
        at += Duration::from_secs(10);
        while let Some(errand) = upkeep.next(at, &HeaderNames::default()) {
            match errand {
                Errand::Gather => rounds.push(at),
                Errand::Admit(_) => drop(upkeep.done(at, admitted(2))),
                Errand::Publish(_) => panic!("there are no names"),
            }
        }
    }
    assert_eq!(rounds[0], now + GATHER_FIRST);
    assert_eq!(rounds[1] - rounds[0], GATHER_EVERY);
}
