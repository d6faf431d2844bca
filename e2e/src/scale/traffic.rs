//! One message a second into each topic, and the commits of members that keep up. IO: Kafka.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use anyhow::ensure;
use futures::future::try_join_all;
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::crowd::{Crowd, PARTITIONS};
use super::group_commits::{Commit, GroupCommits};
use super::stage::Stage;

/// Time between two messages of a topic.
const TICK: Duration = Duration::from_secs(1);
/// Members commit at every second tick, as `delivery.commit.delay` has it by default.
const TICKS_PER_COMMIT: usize = 2;
/// Longest time until the broker has a message.
const DELIVERY_MAX: Duration = Duration::from_secs(30);

/// Longest time until all groups have a coordinator.
const COORDINATOR_MAX: Duration = Duration::from_mins(1);

/// Where each partition of each sink's topic ends.
type Ends = BTreeMap<u16, BTreeMap<i32, i64>>;

/// Lets messages flow until the broker refuses something.
pub(super) async fn flow(stage: &Stage, crowd: &Crowd) -> anyhow::Result<Infallible> {
    let bootstrap = &stage.kafka.bootstrap;
    let producer: FutureProducer = ClientConfig::new().set("bootstrap.servers", bootstrap).create()?;
    let mut commits = GroupCommits::connect(bootstrap).await?;
    let (mut ends, mut ticks) = (Ends::new(), interval(TICK));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut all_committed = Instant::now();
    for tick in 0_usize.. {
        ticks.tick().await;
        let partition = i32::try_from(tick % PARTITIONS)?;
        let sends = crowd.flowing().into_iter().map(|number| send(&producer, crowd, number, partition));
        for (number, end) in try_join_all(sends).await? {
            ends.entry(number).or_default().insert(partition, end);
        }
        if tick % TICKS_PER_COMMIT == 0 {
            // Groups whose coordinator is not up commit the next time.
            let waiting = commits.commit(&of_all(crowd, &ends)).await?;
            if waiting == 0 {
                all_committed = Instant::now();
            }
            ensure!(all_committed.elapsed() < COORDINATOR_MAX, "{waiting} groups have no coordinator");
        }
    }
    anyhow::bail!("time has ended")
}

/// Returns the number, and the offset behind the message.
async fn send(
    producer: &FutureProducer,
    crowd: &Crowd,
    number: u16,
    partition: i32,
) -> anyhow::Result<(u16, i64)> {
    let topic = crowd.topic(number);
    let record = FutureRecord::<(), str>::to(&topic).partition(partition).payload("a message");
    let delivery = producer.send(record, DELIVERY_MAX).await.map_err(|(error, _)| error)?;
    Ok((number, delivery.offset + 1))
}

fn of_all(crowd: &Crowd, ends: &Ends) -> Vec<Commit> {
    let commit = |(number, partitions): (&u16, &BTreeMap<i32, i64>)| Commit {
        group: crowd.group(*number),
        topic: crowd.topic(*number),
        offsets: partitions.iter().map(|(partition, end)| (*partition, *end)).collect(),
    };
    ends.iter().map(commit).collect()
}
