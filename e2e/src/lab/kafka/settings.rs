//! What the broker is configured with. Pure but for the cluster's random id.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::listener::Extras;

/// Logs to standard output, and only what somebody who looks for a fault wants to see.
pub(super) const LOGGING_PROPERTIES: &str = "\
appender.console.type = Console
appender.console.name = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = CONSOLE
logger.kafka.name = kafka.server
logger.kafka.level = info
";

/// Where the broker listens and keeps its data.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) port: u16,
    pub(super) controller_port: u16,
    pub(super) data: PathBuf,
    pub(super) extras: Extras,
}

impl Settings {
    /// Returns the text of `server.properties`.
    pub(super) fn broker_properties(&self) -> String {
        let Self { port, controller_port, data, extras } = self;
        let addresses = extras.addresses();
        format!(
            "\
node.id=1
process.roles=broker,controller
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}{addresses}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}{addresses}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{protocols}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:{controller_port}
log.dirs={data}

# A client that misspells a topic must fail, and topics are what the operator creates.
auto.create.topics.enable=false

# There is one broker.
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1

# The first member of a group joins at once; 50 partitions of offsets would take seconds to create.
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=4
{listeners}",
            data = data.display(),
            protocols = extras.protocols(),
            listeners = extras.properties(),
        )
    }
}

/// Returns a new cluster id: 16 random bytes as Kafka writes them.
pub(super) fn cluster_id() -> String {
    let mut ids = std::iter::repeat_with(|| URL_SAFE_NO_PAD.encode(Uuid::new_v4()));
    // Kafka itself never makes one that its command line would take for an option.
    ids.find(|id| !id.starts_with('-')).expect("63 of 64 ids do not start with a dash")
}

#[cfg(test)]
mod tests {
    use super::{Extras, Settings, cluster_id};
    use crate::lab::kafka::Listener;

    #[test]
    fn addresses_and_folder_are_written() {
        let tls = Listener {
            name: "TLS",
            protocol: "SSL",
            port: 3,
            properties: vec![("ssl.client.auth".to_owned(), "required".to_owned())],
        };
        let properties = vec![("super.users".to_owned(), "User:a".to_owned())];
        let extras = Extras { listeners: vec![tls], scram_users: Vec::new(), properties };
        let text = Settings { port: 1, controller_port: 2, data: "/data".into(), extras }.broker_properties();
        for line in [
            "listeners=PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2,TLS://127.0.0.1:3",
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL",
            "listener.name.tls.ssl.client.auth=required",
            "super.users=User:a",
            "controller.quorum.bootstrap.servers=127.0.0.1:2",
            "log.dirs=/data",
            "auto.create.topics.enable=false",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
        }
    }

    #[test]
    fn cluster_id_has_the_length_kafka_wants() {
        assert_eq!(cluster_id().len(), 22);
    }
}
