//! Pure. What an obstacle on the way to the brokers means to the user: one cause and one remedy.

use kafkasink_crds::resource::Reason;

use super::party::Party;
use crate::model::{Distrust, Obstacle, Problem};

/// A broker that is not reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blocked {
    /// `host:port`.
    pub(super) address: String,
    /// Whether the brokers themselves name it, and not the resource.
    pub(super) is_advertised: bool,
    /// What stands in the way.
    pub(super) obstacle: Obstacle,
}

/// Returns what the user should know and do; `None` where nothing stands in the way.
pub(super) fn problem(blocked: &[Blocked], party: &Party) -> Option<Problem> {
    let Blocked { address, is_advertised, obstacle } = blocked.first()?;
    let reason = if *obstacle == Obstacle::WantsUser {
        Reason::AuthenticationFailed
    } else if obstacle.is_about_tls() {
        Reason::TlsFailed
    } else {
        Reason::KafkaUnreachable
    };
    if *is_advertised {
        let message = format!(
            "the brokers at {} send their clients to {address}, and there {obstacle}; correct advertised.listeners of the \
             brokers, or let the operator and the pods through",
            party.servers
        );
        return Some(Problem::new(reason, message));
    }
    let (alike, others): (Vec<_>, Vec<_>) = blocked.iter().partition(|other| other.obstacle == *obstacle);
    let addresses: Vec<_> = alike.iter().map(|one| one.address.as_str()).collect();
    let others = others.iter().map(|other| format!(", {}: {}", other.address, other.obstacle));
    let message = format!(
        "no broker lets us in: {}: {obstacle}{}; {}",
        addresses.join(", "),
        others.collect::<String>(),
        remedy(obstacle, party)
    );
    Some(Problem::new(reason, message))
}

fn remedy(obstacle: &Obstacle, party: &Party) -> &'static str {
    match obstacle {
        Obstacle::Name(_) => "correct kafka.bootstrapServers, or create what has that name",
        Obstacle::Connection(_) | Obstacle::Silence => {
            "check host and port in kafka.bootstrapServers, that the brokers run, and that network policies let the \
             operator through"
        }
        Obstacle::HungUp if party.has_tls => {
            "check that the brokers run and that this is the port of a Kafka listener; if the listener asks for a \
             certificate, set kafka.tls.clientCertificate"
        }
        Obstacle::HungUp => {
            "check that the brokers run and that this is the port of a Kafka listener; if the listener asks for TLS, set \
             kafka.tls"
        }
        Obstacle::WantsUser => "set kafka.authentication, or choose the port of a listener without users",
        Obstacle::NoTls => "choose the port of the listener with TLS, or remove kafka.tls",
        Obstacle::WantsTls => "set kafka.tls, or choose the port of the listener without TLS",
        Obstacle::Distrusted(distrust) => distrusted(distrust),
        Obstacle::Refusal(_) if party.has_certificate => {
            "check kafka.tls.clientCertificate: whether it is still valid, and whether the brokers trust who signed it"
        }
        Obstacle::Refusal(_) => "set kafka.tls.clientCertificate: the listener asks for a certificate",
        Obstacle::Tls(_) => "check kafka.tls and the listener's certificate",
    }
}

fn distrusted(distrust: &Distrust) -> &'static str {
    match distrust {
        Distrust::Issuer(_) => "let kafka.tls.caFrom hold the authority that signed it",
        Distrust::Name { .. } => {
            "call the brokers by a name of the certificate in kafka.bootstrapServers, or have the certificate made for this \
             name too"
        }
        Distrust::Expired(_) => "renew the listener's certificate",
        Distrust::NotYetValid(_) => "check the clocks of the brokers and of this cluster",
        Distrust::Other(_) => "check kafka.tls.caFrom and the listener's certificate",
    }
}

#[cfg(test)]
mod tests {
    use super::{Blocked, Distrust, Obstacle, Party, Reason, problem};

    fn blocked(address: &str, obstacle: Obstacle) -> Blocked {
        Blocked { address: address.to_owned(), is_advertised: false, obstacle }
    }

    fn check(blocked: &[Blocked], expected: Option<(Reason, &str)>) {
        let party = Party {
            servers: "a:1,b:2".to_owned(),
            who: String::new(),
            user: None,
            has_tls: true,
            has_certificate: false,
        };
        let found = problem(blocked, &party);
        let found = found.as_ref().map(|problem| (problem.reason, problem.message.as_str()));
        match (found, expected) {
            (Some((reason, message)), Some((wanted, start))) => {
                assert!(reason == wanted && message.starts_with(start), "{found:?}");
            }
            (found, expected) => assert_eq!(found, expected),
        }
    }

    #[test]
    fn tells_the_name_the_connection_and_tls_apart() {
        let unknown = || Obstacle::Name("name or service not known".to_owned());
        let refused = || Obstacle::Connection("connection refused".to_owned());
        check(&[], None);
        check(
            &[blocked("a:1", unknown()), blocked("b:2", unknown())],
            Some((
                Reason::KafkaUnreachable,
                "no broker lets us in: a:1, b:2: the name does not resolve (name or service not known); correct",
            )),
        );
        check(
            &[blocked("a:1", refused()), blocked("b:2", unknown())],
            Some((
                Reason::KafkaUnreachable,
                "no broker lets us in: a:1: connection refused, b:2: the name does not resolve",
            )),
        );
        let name = Distrust::Name { asked: "a".to_owned(), names: vec!["c".to_owned()] };
        check(
            &[blocked("a:1", Obstacle::Distrusted(name))],
            Some((
                Reason::TlsFailed,
                "no broker lets us in: a:1: the certificate is made for c, and not for a; call the brokers",
            )),
        );
    }

    #[test]
    fn tells_where_the_brokers_send_their_clients() {
        let inside = Blocked { is_advertised: true, ..blocked("c:3", Obstacle::Silence) };
        check(
            &[inside],
            Some((Reason::KafkaUnreachable, "the brokers at a:1,b:2 send their clients to c:3, and there")),
        );
    }
}
