//! Pure. How a question of many parts gets on, and how it ends early.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use prometheus_client::registry::Registry;
use tokio::sync::Semaphore;

use super::{Gate, ask};
use crate::batch::Batch;
use crate::lease::Lease;
use crate::metrics::{Metrics, PartitionMetrics};
use crate::pipeline::curfew::Curfew;
use crate::pipeline::headway::Headway;
use crate::pipeline::stall::KnownReason;
use crate::pipeline::{Answer, Check, ReadBack, Request};
use crate::record::{Entry, Partition, TimestampUs, Topic, TopicPartition};
use crate::throttle::Throttle;
use crate::writer::{Head, Range, StoreError, StorePulse, Writer};

/// A store without records that answers one question for each permit.
struct Turnstile(Semaphore);

impl Turnstile {
    async fn pass(&self) {
        self.0.acquire().await.expect("nobody closes it").forget();
    }
}

impl Writer for Turnstile {
    async fn prepare(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn write(&self, batch: Batch) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        self.pass().await;
        Ok(vec![Ok(()); batch.records.len()])
    }

    async fn heads(&self, _range: Range) -> Result<Vec<Head>, StoreError> {
        self.pass().await;
        Ok(Vec::new())
    }

    async fn head(&self, _entry: Entry, _place: TimestampUs) -> Result<Head, StoreError> {
        self.pass().await;
        Err(StoreError::from_status(404, "no record"))
    }

    async fn newest(&self, _entry: Entry, _from: TimestampUs) -> Result<Option<TimestampUs>, StoreError> {
        self.pass().await;
        Ok(None)
    }

    async fn remove(&self, _places: Vec<(Entry, TimestampUs)>) -> Result<(), StoreError> {
        self.pass().await;
        Ok(())
    }

    async fn horizon(&self, _entry: Entry) -> Result<Option<TimestampUs>, StoreError> {
        self.pass().await;
        Ok(None)
    }

    async fn pulse(&self) -> Result<StorePulse, StoreError> {
        Err(StoreError::Unreachable("nobody asks".to_owned()))
    }
}

fn gate() -> Gate {
    let (lease, throttle): (Arc<Lease>, Arc<Throttle>) = Default::default();
    lease.renew(crate::clock::since_boot());
    let headway: Arc<Headway> = Arc::default();
    headway.begin();
    // Without its driver it is never told to stop.
    Gate { lease, throttle, headway, bell: Curfew::new().1 }
}

fn meters() -> PartitionMetrics {
    let partition = TopicPartition { topic: Topic::new("t"), partition: Partition(0) };
    Metrics::register(&mut Registry::default()).partition(&partition)
}

fn places() -> Vec<(Entry, TimestampUs)> {
    (0..3).map(|place| (Entry::new("e"), TimestampUs(place))).collect()
}

fn ranges() -> Vec<Range> {
    places().into_iter().map(|(entry, place)| Range { entry, first: place, last: place }).collect()
}

/// One question of each kind, of three parts.
fn questions() -> Vec<Request> {
    let horizons_of = vec![Entry::new("e")];
    vec![
        Request::Survey(places()),
        Request::Check(Check { ranges: ranges(), horizons_of: Vec::new() }),
        Request::Check(Check { ranges: ranges().split_off(1), horizons_of }),
        Request::Probe(places()),
        Request::ReadBack(ReadBack::Ranges(ranges())),
        Request::ReadBack(ReadBack::Points(places())),
    ]
}

#[tokio::test]
async fn each_part_that_is_answered_shows_at_once() {
    for question in questions() {
        let (store, gate, meters) = (Turnstile(Semaphore::new(0)), gate(), meters());
        let mut asking = Box::pin(ask(&store, question.clone(), &gate, &meters));
        for answered in 0..3 {
            assert!(asking.as_mut().now_or_never().is_none(), "{question:?}");
            assert_eq!(gate.headway.parts().answered, answered, "{question:?}");
            store.0.add_permits(1);
        }
        assert!(!matches!(asking.await, Answer::BrokenOff | Answer::NotSent), "{question:?}");
        assert_eq!(gate.headway.parts().answered, 3, "{question:?}");
    }
}

#[tokio::test]
async fn question_that_is_not_wanted_any_more_ends_after_the_part_under_way_and_not_within() {
    for question in questions() {
        let (store, gate, meters) = (Turnstile(Semaphore::new(1)), gate(), meters());
        let mut asking = Box::pin(ask(&store, question.clone(), &gate, &meters));
        assert!(asking.as_mut().now_or_never().is_none(), "{question:?}");
        gate.headway.break_off();
        assert!(asking.as_mut().now_or_never().is_none(), "a part was cut off: {question:?}");
        store.0.add_permits(1);
        assert!(matches!(asking.await, Answer::BrokenOff), "{question:?}");
        assert_eq!(gate.headway.parts().answered, 2, "{question:?}");
    }
}

#[tokio::test]
async fn request_that_waits_for_the_lease_says_so_until_it_has_it() {
    let (store, mut gate, meters) = (Turnstile(Semaphore::new(3)), gate(), meters());
    gate.lease = Arc::default();
    let mut asking = Box::pin(ask(&store, Request::Survey(places()), &gate, &meters));
    assert!(asking.as_mut().now_or_never().is_none());
    assert_eq!(gate.headway.held(), Some(KnownReason::LeaseWait));
    gate.lease.renew(crate::clock::since_boot());
    assert!(matches!(asking.await, Answer::Surveyed(Ok(_))));
    assert_eq!(gate.headway.held(), None);
}

#[tokio::test]
async fn proof_alone_waits_for_the_lease_although_its_partition_was_told_to_stop() {
    let now = || tokio::time::Instant::now().into_std();
    for question in questions() {
        let (store, meters, (curfew, bell)) = (Turnstile(Semaphore::new(0)), meters(), Curfew::new());
        let gate = Gate { lease: Arc::default(), bell, ..gate() };
        curfew.set(now() + Duration::from_hours(1));
        let mut asking = Box::pin(ask(&store, question.clone(), &gate, &meters));
        let answer = asking.as_mut().now_or_never();
        if matches!(question, Request::ReadBack(_)) {
            assert!(answer.is_none() && gate.headway.held() == Some(KnownReason::LeaseWait), "{question:?}");
            curfew.set(now());
            assert!(matches!(asking.await, Answer::NotSent), "{question:?}");
        } else {
            assert!(matches!(answer, Some(Answer::NotSent)), "{question:?}");
        }
    }
}
