//! Pure. Who may write, and what the store holds afterwards.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::{Admission, admit, gather_header_names, publish_header_names};
use crate::map::HeaderNames;
use crate::record::{Entry, TimestampUs};
use crate::registry::{Claim, LastLife, LifeNumber, Owner, Registry, RegistryError, TopicRecord};

const NOW: TimestampUs = TimestampUs(1);

/// Attachments in memory; those of a forgetful one are gone as soon as they are written.
#[derive(Default)]
struct Shelf {
    topics: Mutex<BTreeMap<Entry, TopicRecord>>,
    names: Mutex<BTreeMap<Entry, HeaderNames>>,
    writes: Mutex<u32>,
    is_forgetful: bool,
}

impl Registry for Shelf {
    async fn topic(&self, home: &Entry) -> Result<Option<TopicRecord>, RegistryError> {
        Ok(self.topics.lock().unwrap().get(home).cloned())
    }

    async fn keep_topic(
        &self,
        home: &Entry,
        record: &TopicRecord,
        _now: TimestampUs,
    ) -> Result<(), RegistryError> {
        *self.writes.lock().unwrap() += 1;
        if !self.is_forgetful {
            self.topics.lock().unwrap().insert(home.clone(), record.clone());
        }
        Ok(())
    }

    async fn header_names(&self, home: &Entry) -> Result<HeaderNames, RegistryError> {
        Ok(self.names.lock().unwrap().get(home).cloned().unwrap_or_default())
    }

    async fn keep_header_names(
        &self,
        home: &Entry,
        names: &HeaderNames,
        _now: TimestampUs,
    ) -> Result<(), RegistryError> {
        *self.writes.lock().unwrap() += 1;
        if !self.is_forgetful {
            self.names.lock().unwrap().insert(home.clone(), names.clone());
        }
        Ok(())
    }
}

impl Shelf {
    fn writes(&self) -> u32 {
        *self.writes.lock().unwrap()
    }
}

fn home() -> Entry {
    Entry::new("cameras")
}

fn claim(name: &str, topic_id: &str) -> Claim {
    let text = str::to_owned;
    let owner = Owner {
        namespace: text("plant"),
        name: text(name),
        uid: String::new(),
        group_id: text("plant.cameras"),
        cluster_id: text("K1"),
        topic: text("cameras"),
    };
    let topic_id = Some(topic_id.parse().unwrap());
    Claim { owner, topic_id, entry: text("{topic}/{partition}"), last_life: None }
}

const FIRST_ID: &str = "BAAAAAAAAAAAAAAAAAAAAA";
const SECOND_ID: &str = "CAAAAAAAAAAAAAAAAAAAAA";

fn admitted(life: u32, topic_id: &str) -> Admission {
    Admission::Admitted { life: LifeNumber(life), topic_id: topic_id.parse().ok() }
}

fn names(label: &str, name: &str) -> HeaderNames {
    let mut names = HeaderNames::default();
    names.learn(label, name);
    names
}

#[tokio::test]
async fn others_wait_until_the_keeper_has_claimed_the_topic() {
    let (shelf, home) = (Shelf::default(), home());
    let first = claim("cameras", FIRST_ID);
    assert_eq!(admit(&shelf, &home, &first, false, NOW).await, Ok(Admission::Waiting));
    assert_eq!(shelf.writes(), 0, "only the keeper writes");
    assert_eq!(admit(&shelf, &home, &first, true, NOW).await, Ok(admitted(1, FIRST_ID)));
    assert_eq!(admit(&shelf, &home, &first, false, NOW).await, Ok(admitted(1, FIRST_ID)));
    let second = claim("cameras", SECOND_ID);
    assert_eq!(admit(&shelf, &home, &second, false, NOW).await, Ok(Admission::Waiting));
    assert_eq!(admit(&shelf, &home, &second, true, NOW).await, Ok(admitted(2, SECOND_ID)));
    assert_eq!(admit(&shelf, &home, &second, false, NOW).await, Ok(admitted(2, SECOND_ID)));
    assert_eq!(admit(&shelf, &home, &first, true, NOW).await, Ok(Admission::Waiting), "a broker lags behind");
}

#[tokio::test]
async fn id_that_the_brokers_stop_telling_stays_known() {
    let (shelf, home) = (Shelf::default(), home());
    admit(&shelf, &home, &claim("cameras", FIRST_ID), true, NOW).await.unwrap();
    admit(&shelf, &home, &claim("cameras", SECOND_ID), true, NOW).await.unwrap();
    let untold = Claim { topic_id: None, ..claim("cameras", FIRST_ID) };
    let Admission::Admitted { life, topic_id } = admit(&shelf, &home, &untold, true, NOW).await.unwrap()
    else {
        panic!("refused");
    };
    assert_eq!(life.mark(topic_id), Some(0x0800_0000), "the second life keeps its mark");
    assert_eq!(LifeNumber::FIRST.mark(topic_id), None);
}

#[tokio::test]
async fn claiming_again_writes_nothing() {
    let (shelf, home) = (Shelf::default(), home());
    for _ in 0..3 {
        assert_eq!(
            admit(&shelf, &home, &claim("cameras", FIRST_ID), true, NOW).await,
            Ok(admitted(1, FIRST_ID))
        );
    }
    assert_eq!(shelf.writes(), 1);
}

#[tokio::test]
async fn foreign_sink_is_refused_and_changes_nothing() {
    let (shelf, home) = (Shelf::default(), home());
    let ours = claim("cameras", FIRST_ID);
    admit(&shelf, &home, &ours, true, NOW).await.unwrap();
    let refused = Ok(Admission::Refused { owner: Box::new(ours.owner) });
    assert_eq!(admit(&shelf, &home, &claim("doors", FIRST_ID), true, NOW).await, refused);
    assert_eq!(admit(&shelf, &home, &claim("doors", SECOND_ID), true, NOW).await, refused);
    assert_eq!(shelf.writes(), 1);
}

#[tokio::test]
async fn claim_that_the_store_lost_is_restored_with_its_life() {
    let (shelf, home) = (Shelf::default(), home());
    let last_life = Some(LastLife { topic_id: SECOND_ID.parse().unwrap(), life: Some(LifeNumber(2)) });
    let claim = Claim { last_life, ..claim("cameras", SECOND_ID) };
    assert_eq!(admit(&shelf, &home, &claim, true, NOW).await, Ok(admitted(2, SECOND_ID)));
    assert_eq!(shelf.topic(&home).await.unwrap().map(|record| record.life), Some(LifeNumber(2)));
}

#[tokio::test]
async fn claim_that_is_not_kept_admits_nobody() {
    let (shelf, home) = (Shelf { is_forgetful: true, ..Shelf::default() }, home());
    let not_kept = RegistryError::NotKept { home: home.clone() };
    assert_eq!(admit(&shelf, &home, &claim("cameras", FIRST_ID), true, NOW).await, Err(not_kept.clone()));
    assert_eq!(publish_header_names(&shelf, &home, &names("a", "A"), NOW).await, Err(not_kept));
}

#[tokio::test]
async fn names_of_all_partitions_gather_at_the_topic_and_outlive_claims() {
    let (shelf, home) = (Shelf::default(), home());
    let partitions = [Entry::new("cameras/0"), Entry::new("cameras/1"), Entry::new("cameras/2")];
    let claim = claim("cameras", FIRST_ID);
    gather_header_names(&shelf, &home, &partitions, NOW).await.unwrap();
    assert_eq!(shelf.writes(), 0, "nothing is claimed yet");
    admit(&shelf, &home, &claim, true, NOW).await.unwrap();
    publish_header_names(&shelf, &partitions[1], &names("a", "A"), NOW).await.unwrap();
    publish_header_names(&shelf, &partitions[1], &names("b", "B"), NOW).await.unwrap();
    publish_header_names(&shelf, &partitions[2], &names("c", "C"), NOW).await.unwrap();
    for _ in 0..2 {
        gather_header_names(&shelf, &home, &partitions, NOW).await.unwrap();
        publish_header_names(&shelf, &partitions[2], &names("c", "C"), NOW).await.unwrap();
        assert_eq!(shelf.writes(), 5, "what is known is not written again");
        assert_eq!(admit(&shelf, &home, &claim, true, NOW).await, Ok(admitted(1, FIRST_ID)));
    }
    let known = shelf.topic(&home).await.unwrap().unwrap().header_names;
    for (label, name) in [("a", "A"), ("b", "B"), ("c", "C")] {
        assert_eq!(known.of_label(label).collect::<Vec<_>>(), [name]);
    }
}
