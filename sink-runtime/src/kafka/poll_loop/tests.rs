//! A member whose brokers do not tell it everything: they are librdkafka's own, because no real ones say so when asked to.
//! IO: sockets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use kafkasink_crds::runtime_config::{KafkaConfig, StartFrom};
use prometheus_client::metrics::counter::Counter;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::{Command, PollLoop, PollSettings};
use crate::budget::Budget;
use crate::kafka::access::Access;
use crate::kafka::address_book::AddressBook;
use crate::kafka::commit_metadata::Signature;
use crate::kafka::consumer_context::Context;
use crate::kafka::credentials::KafkaCredentials;
use crate::kafka::properties::{self, Connection, Membership};
use crate::lease::Lease;
use crate::memory::{Demand, MemoryPlan};
use crate::pulse::Pulse;
use crate::source::SourceEvent;

/// Longest wait for what must come.
const PATIENCE: Duration = Duration::from_mins(2);

/// These brokers take as long over every rebalance.
const SESSION_MS: &str = "10000";

const TOPIC: &str = "cameras";
const GROUP: &str = "plant.cameras";

/// A loop at work, and what it tells.
struct Running {
    events: mpsc::Receiver<SourceEvent>,
    commands: mpsc::Sender<Command>,
    thread: thread::JoinHandle<()>,
}

impl Running {
    fn start(servers: String, runtime: &Runtime) -> Self {
        let config = KafkaConfig {
            bootstrap_servers: vec![servers],
            group_id: GROUP.to_owned(),
            properties: BTreeMap::new(),
            start_from: StartFrom::Earliest,
            tls: None,
            authentication: None,
        };
        let [instance_id, writer_id] = ["m-0", "pod"].map(str::to_owned);
        let membership = Membership { instance_id: instance_id.clone(), writer_id: writer_id.clone() };
        let demand = Demand { brokers: 1, partitions: 4, message_bytes: 1, letter_bytes: 0 };
        let budget = Budget::new(MemoryPlan::new(256 * 1024 * 1024, demand).unwrap());
        let credentials = KafkaCredentials::read(&config).unwrap();
        let connection = Connection { config: &config, credentials: &credentials };
        let (event_sender, events) = mpsc::channel(64);
        let book = AddressBook::new(&config, Counter::default());
        let context = Context::new(event_sender.clone(), Arc::<Access>::default(), book);
        let mut client = properties::consumer(connection, &membership, &budget.plan().fetch);
        client.set("session.timeout.ms", SESSION_MS);
        let consumer: BaseConsumer<Context> = client.create_with_context(context).unwrap();
        consumer.subscribe(&[TOPIC]).unwrap();
        let [sink_uid, mapping] = ["uid", "mapping"].map(str::to_owned);
        let settings = PollSettings {
            group_id: GROUP.to_owned(),
            instance_id,
            topics: vec![TOPIC.to_owned()],
            start_from: StartFrom::Earliest,
            signature: Signature { writer_id, sink_uid, mapping },
        };
        let (commands, received) = mpsc::channel(1);
        let handle = runtime.handle().clone();
        let thread = thread::spawn(move || {
            let shared = (Arc::<Pulse>::default(), Arc::<Lease>::default());
            let poll_loop = PollLoop::new(consumer, settings, budget, event_sender, shared).unwrap();
            poll_loop.run(received, &handle);
        });
        Self { events, commands, thread }
    }

    /// Waits until the group has changed what is this member's.
    async fn rebalanced(&mut self) {
        let is_session_over =
            timeout(PATIENCE, self.next_rebalance()).await.expect("the group waits for this member");
        assert!(!is_session_over, "the group went on without this member");
    }

    async fn next_rebalance(&mut self) -> bool {
        loop {
            let event = self.events.recv().await.expect("the loop goes on");
            if let SourceEvent::Rebalanced { is_session_over } = event {
                return is_session_over;
            }
            assert!(!matches!(event, SourceEvent::Failed(_)), "{event:?}");
        }
    }

    fn end(self, runtime: &Runtime) {
        let (done, _is_done) = oneshot::channel();
        let close = Command::Close { commits: Vec::new(), leaves: false, done };
        runtime.block_on(self.commands.send(close)).unwrap();
        drop(self.events);
        self.thread.join().unwrap();
    }
}

#[test]
fn member_that_cannot_find_out_where_to_begin_holds_up_nobody_in_its_group() {
    let cluster = MockCluster::<'_, DefaultProducerContext>::new(1).unwrap();
    cluster.create_topic(TOPIC, 4, 1).unwrap();
    let refusal = RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
    cluster.request_errors(RDKafkaApiKey::OffsetFetch, &vec![refusal; 10_000]);
    let runtime = Runtime::new().unwrap();
    let mut member = Running::start(cluster.bootstrap_servers(), &runtime);
    runtime.block_on(member.rebalanced());
    let other: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", cluster.bootstrap_servers())
        .set("group.id", GROUP)
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", SESSION_MS)
        .create()
        .unwrap();
    other.subscribe(&[TOPIC]).unwrap();
    let serving = thread::spawn(move || {
        let deadline = Instant::now() + PATIENCE;
        while other.assignment().is_ok_and(|list| list.count() == 0) && Instant::now() < deadline {
            let _served = other.poll(Duration::from_millis(100)).is_some();
        }
        other.assignment().unwrap().count()
    });
    // It gives some of its partitions up, although none of them has begun.
    runtime.block_on(member.rebalanced());
    assert!(serving.join().unwrap() > 0);
    member.end(&runtime);
}
