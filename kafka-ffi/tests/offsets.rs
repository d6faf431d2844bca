//! Where topics begin and end, asked of librdkafka's own broker in this process: what matters is the client.
//! IO: Kafka.

use std::error::Error;
use std::thread;
use std::time::Duration;

use kafkasink_kafka_ffi::{OffsetSpec, PartitionOffset, list_offsets};
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

type Outcome = Result<(), Box<dyn Error>>;

const TIMEOUT: Duration = Duration::from_secs(10);

/// As many askers and topics that 32 runs of 32 with librdkafka's `rd_kafka_ListOffsets` ended by SIGABRT or SIGSEGV.
const ASKERS: usize = 32;
const GONE_TOPICS: usize = 64;
const QUESTIONS: usize = 2_000;

fn producer(bootstrap: &str) -> Result<BaseProducer, Box<dyn Error>> {
    Ok(ClientConfig::new().set("bootstrap.servers", bootstrap).create()?)
}

#[test]
fn tells_where_partitions_begin_and_end() -> Outcome {
    let cluster = MockCluster::new(1)?;
    cluster.create_topic("t", 2, 1)?;
    let client = producer(&cluster.bootstrap_servers())?;
    for payload in ["a", "b", "c"] {
        let record = BaseRecord::<(), _>::to("t").partition(1).payload(payload);
        client.send(record).map_err(|(error, _)| error)?;
    }
    client.flush(TIMEOUT)?;

    // A partition that is not there is no reason to say nothing of the others.
    let asked = [("t", 0), ("t", 1), ("t", 9)];
    let at = |partition, offset| PartitionOffset { topic: "t".to_owned(), partition, offset };
    assert_eq!(list_offsets(client.client(), &asked, OffsetSpec::Earliest, TIMEOUT)?, [at(0, 0), at(1, 0)]);
    assert_eq!(list_offsets(client.client(), &asked, OffsetSpec::Latest, TIMEOUT)?, [at(0, 0), at(1, 3)]);
    Ok(())
}

/// A real broker cannot be brought to that alone.
fn check_leaderless(leaderless: &[i32], expected: Option<&[i32]>) -> Outcome {
    let cluster = MockCluster::new(1)?;
    cluster.create_topic("t", 3, 1)?;
    for partition in leaderless {
        cluster.partition_leader("t", *partition, None)?;
    }
    let client = producer(&cluster.bootstrap_servers())?;
    let asked = [("t", 0), ("t", 1), ("t", 2)];
    // One that held up the others would do so for the whole time.
    let told = list_offsets(client.client(), &asked, OffsetSpec::Earliest, Duration::MAX);
    let told = told.ok().map(|told| told.into_iter().map(|end| end.partition).collect::<Vec<_>>());
    assert_eq!(told.as_deref(), expected);
    Ok(())
}

#[test]
fn partition_without_a_leader_is_left_out_and_holds_up_no_other() -> Outcome {
    check_leaderless(&[], Some(&[0, 1, 2]))?;
    check_leaderless(&[1], Some(&[0, 2]))?;
    check_leaderless(&[0, 1, 2], None)
}

/// Several sinks share one client and are deleted at once, with their topics and brokers.
#[test]
fn survives_many_questions_about_topics_that_are_gone() -> Outcome {
    let cluster = MockCluster::new(1)?;
    let client = producer(&cluster.bootstrap_servers())?;
    let ask = |asker: usize| {
        for question in 0..QUESTIONS {
            let topic = format!("gone-{}", (asker + question) % GONE_TOPICS);
            let partitions = [(topic.as_str(), 0), (topic.as_str(), 1), (topic.as_str(), 2)];
            list_offsets(client.client(), &partitions, OffsetSpec::Earliest, TIMEOUT).unwrap_err();
        }
    };
    thread::scope(|scope| {
        for asker in 0..ASKERS {
            scope.spawn(move || ask(asker));
        }
    });
    Ok(())
}
