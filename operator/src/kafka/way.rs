//! IO: network. `Way`: what stands between us and the brokers, looked at once the client has failed to reach them, and the
//! certificate that they show.

use futures::future::join_all;
use jiff::Timestamp;
use tokio::time::Instant;

use super::blocked::{Barrier, Blocked};
use crate::model::{KafkaConnection, KafkaTls};
use crate::probe::{Destination, Lately, ShownCertificate, TlsClient, Trust, Visit, visit};

/// Which versions of requests a broker knows, version 0: what every listener answers to anyone. Length, key 18, version 0,
/// number 0, no name.
const API_VERSIONS: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/// That a user is to be let in by mechanism `NONE`, version 1: only a listener with users knows what that is, and refuses it.
/// Length, key 17, version 1, number 0, no name, the mechanism.
const SASL_HANDSHAKE: [u8; 20] =
    [0, 0, 0, 16, 0, 17, 0, 1, 0, 0, 0, 0, 0xff, 0xff, 0, 4, b'N', b'O', b'N', b'E'];

/// What a listener with users says of a mechanism that it does not know, behind length and number.
const UNSUPPORTED_MECHANISM: [u8; 2] = [0, 33];

/// The way to the brokers of one connection.
pub(super) struct Way {
    has_user: bool,
    servers: Vec<String>,
    tls: Option<TlsClient>,
    seen: Lately<Vec<Blocked>>,
    certificate: ShownCertificate,
}

impl Way {
    pub(super) fn new(connection: &KafkaConnection) -> Self {
        let tls = connection.credentials.tls.clone().map(|KafkaTls { authorities, certificate }| {
            TlsClient::new(Trust { authorities, in_system: false }, certificate)
        });
        Self {
            has_user: connection.credentials.sasl.is_some(),
            servers: connection.bootstrap_servers.clone(),
            tls,
            seen: Lately::default(),
            certificate: ShownCertificate::default(),
        }
    }

    /// Returns the brokers that are not reached, if none of those is that the resource names; else the one that the client
    /// complains of, where the brokers have sent it there in vain.
    pub(super) async fn blocked(&self, complaint: Option<&str>) -> Vec<Blocked> {
        self.seen.or(Instant::now(), self.look(complaint)).await
    }

    async fn look(&self, complaint: Option<&str>) -> Vec<Blocked> {
        let found = join_all(self.servers.iter().map(|server| self.blocked_at(server, false))).await;
        let blocked: Vec<_> = found.into_iter().flatten().collect();
        if blocked.len() == self.servers.len() {
            return blocked;
        }
        match complaint.and_then(advertised) {
            Some(address) if !self.servers.iter().any(|server| server == address) => {
                self.blocked_at(address, true).await.into_iter().collect()
            }
            Some(_) | None => Vec::new(),
        }
    }

    async fn blocked_at(&self, address: &str, is_advertised: bool) -> Option<Blocked> {
        let Visit { obstacle, answer, .. } = self.visit(address).await?;
        let is_refused = answer.get(8..10).is_some_and(|code| code == UNSUPPORTED_MECHANISM);
        let wants_user = (!self.has_user && is_refused).then_some(Barrier::WantsUser);
        let barrier = obstacle.map(Barrier::Obstacle).or(wants_user)?;
        Some(Blocked { address: address.to_owned(), is_advertised, barrier })
    }

    /// Returns until when the certificates are valid that the brokers show, where they show any.
    pub(super) async fn certificate_end(&self) -> Option<Timestamp> {
        self.tls.as_ref()?;
        let look = async {
            let visits = join_all(self.servers.iter().map(|server| self.visit(server))).await;
            visits.into_iter().flatten().filter_map(|visit| visit.certificate_end()).collect()
        };
        self.certificate.end(Instant::now(), look).await
    }

    /// Nothing where the address is none: that is refused elsewhere.
    async fn visit(&self, address: &str) -> Option<Visit> {
        let (host, port) = address.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let tls = self.tls.as_ref();
        let opening: &[u8] = if self.has_user { &API_VERSIONS } else { &SASL_HANDSHAKE };
        let port = port.parse().ok()?;
        Some(visit(Destination { host, port, tls, opening, is_answer: is_of_kafka }).await)
    }
}

/// Tells whether an answer begins as one of Kafka's does: its length, at most that of any answer to our openings, and the
/// number of the request.
fn is_of_kafka(answer: &[u8]) -> bool {
    matches!(answer, [0, 0, _, _, 0, 0, 0, 0, ..])
}

/// Reads from a line of the client's log which broker it speaks of, unless that was named by the resource:
/// `[thrd:sasl_ssl://b-0:9092/0]: sasl_ssl://b-0:9092/0: Failed to resolve …`.
fn advertised(line: &str) -> Option<&str> {
    let (broker, _) = line.strip_prefix("[thrd:")?.split_once("]: ")?;
    let broker = broker.split_once("://").map_or(broker, |(_, rest)| rest);
    let (address, id) = broker.rsplit_once('/')?;
    (id.parse::<u32>().is_ok() && address.contains(':')).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::advertised;

    #[test]
    fn reads_which_broker_the_client_complains_of() {
        for (line, expected) in [
            (
                "[thrd:sasl_ssl://b-0.kafka:9092/0]: sasl_ssl://b-0.kafka:9092/0: Failed",
                Some("b-0.kafka:9092"),
            ),
            ("[thrd:b:9092/12]: b:9092/12: Connect to ipv4#10.0.0.1:9092 failed", Some("b:9092")),
            ("[thrd:b:9092/bootstrap]: b:9092/bootstrap: Connect", None),
            ("[thrd:GroupCoordinator]: GroupCoordinator: b:9092: Connect", None),
            ("[thrd:app]: rdkafka#producer-1: 1/1 brokers are down", None),
            ("something else", None),
        ] {
            assert_eq!(advertised(line), expected, "{line}");
        }
    }
}
