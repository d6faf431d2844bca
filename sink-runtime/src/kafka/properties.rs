//! Pure. The librdkafka settings of the consumer and the producer.

use kafkasink_crds::kafka_properties::{CONNECTION_PROPERTIES, is_owned_property};
use kafkasink_crds::runtime_config::KafkaConfig;
use rdkafka::ClientConfig;

use super::credentials::KafkaCredentials;
use crate::memory::FetchLimits;

/// Settings of the consumer and why they are what they are.
const CONSUMER: [(&str, &str); 15] = [
    ("auto.offset.reset", "error"), // where to start is decided here and committed before the first read
    ("check.crcs", "true"), // what a disk or a wire has damaged must not be stored as if it were the message
    ("enable.auto.commit", "false"), // every commit is explicit, with metadata
    ("enable.auto.offset.store", "false"),
    ("enable.partition.eof", "false"),
    ("isolation.level", "read_committed"),
    ("partition.assignment.strategy", "cooperative-sticky"),
    ("session.timeout.ms", "30000"),
    ("heartbeat.interval.ms", "1000"), // members learn of a rebalance by it
    ("max.poll.interval.ms", "300000"),
    ("statistics.interval.ms", "2000"), // tells where partitions end, for the lag
    ("topic.metadata.refresh.interval.ms", "10000"), // partitions and topics added while running
    ("queued.min.messages", "1000"),
    ("fetch.queue.backoff.ms", "10"), // the default of 1 s starves small queues
    ("fetch.wait.max.ms", "100"),
];

/// Settings of the producer of dead letters.
const PRODUCER: [(&str, &str); 9] = [
    ("acks", "all"),
    ("allow.auto.create.topics", "false"), // a topic that nobody declared would keep letters for nobody knows how long
    ("batch.num.messages", "1"), // the topic's limit holds for a batch: together even small letters would be too large
    ("enable.idempotence", "true"),
    ("linger.ms", "0"),
    ("message.max.bytes", "1000000000"), // the topic decides, not the client
    ("message.timeout.ms", "30000"),
    ("statistics.interval.ms", "2000"), // tells whether it knows any broker
    ("topic.metadata.propagation.max.ms", "5000"), // how long a topic may be unknown before it counts as absent
];

/// This member's place in its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// `group.instance.id`: with it a restart within the session keeps the partitions.
    pub instance_id: String,
    /// What tells this process' writes from those of a predecessor of the same name: the pod's uid where there is one.
    pub writer_id: String,
}

/// How the brokers are reached.
#[derive(Clone, Copy, Debug)]
pub struct Connection<'a> {
    /// Their addresses and the settings of the clients.
    pub config: &'a KafkaConfig,
    /// By what they and this member know each other.
    pub credentials: &'a KafkaCredentials,
}

/// Returns the settings of the consumer. What may be fetched is the memory plan's to say, also where the user says more.
pub(super) fn consumer(
    connection: Connection<'_>,
    membership: &Membership,
    fetch: &FetchLimits,
) -> ClientConfig {
    let config = connection.config;
    let mut client = base(config);
    for (name, value) in CONSUMER {
        if is_owned_property(name) || !config.properties.contains_key(name) {
            client.set(name, value);
        }
    }
    // It counts in thousands, and for each partition, since their queues are split.
    client.set("queued.max.messages.kbytes", (fetch.queue_bytes / 1_000).to_string());
    client.set("fetch.message.max.bytes", fetch.portion_bytes.to_string());
    client.set("fetch.max.bytes", fetch.response_bytes.to_string());
    // It limits producers, but the client refuses a response that is smaller.
    client.set("message.max.bytes", fetch.response_bytes.to_string());
    client.set("receive.message.max.bytes", fetch.receive_bytes.to_string());
    client.set("group.id", &config.group_id);
    client.set("group.instance.id", &membership.instance_id);
    connection.credentials.apply(&mut client);
    client
}

/// Returns the settings of a client that only asks.
pub(super) fn client(Connection { config, credentials }: Connection<'_>) -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", config.bootstrap_servers.join(","));
    client.set("client.id", "kafkasink");
    // Connection settings hold for all clients, those of fetching do not.
    let is_for_all = |name: &str| ["socket.", "broker."].iter().any(|prefix| name.starts_with(prefix));
    for (name, value) in config.properties.iter().filter(|(name, _)| is_for_all(name)) {
        client.set(name, value);
    }
    connect(&mut client);
    credentials.apply(&mut client);
    client
}

pub(super) fn producer(connection: Connection<'_>) -> ClientConfig {
    let mut client = client(connection);
    for (name, value) in PRODUCER {
        client.set(name, value);
    }
    client
}

fn base(config: &KafkaConfig) -> ClientConfig {
    let mut client = ClientConfig::new();
    for (name, value) in &config.properties {
        client.set(name, value);
    }
    client.set("bootstrap.servers", config.bootstrap_servers.join(","));
    client.set("client.id", "kafkasink");
    connect(&mut client);
    client
}

fn connect(client: &mut ClientConfig) {
    for (name, value) in CONNECTION_PROPERTIES {
        client.set(name, value);
    }
}
