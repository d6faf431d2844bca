//! Pure. What an obstacle on the way to the brokers means to the user: one cause and one remedy.

use std::fmt;

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
    /// What keeps us out.
    pub(super) barrier: Barrier,
}

/// What keeps us out of a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Barrier {
    /// The way there.
    Obstacle(Obstacle),
    /// It lets in only users.
    WantsUser,
}

impl fmt::Display for Barrier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Obstacle(obstacle) => obstacle.fmt(formatter),
            Self::WantsUser => formatter.write_str("only users are let in there"),
        }
    }
}

impl Barrier {
    fn reason(&self) -> Reason {
        match self {
            Self::WantsUser => Reason::AuthenticationFailed,
            Self::Obstacle(obstacle) if obstacle.is_about_tls() => Reason::TlsFailed,
            Self::Obstacle(_) => Reason::KafkaUnreachable,
        }
    }

    /// Tells whether this is only how our own look judges what the broker shows; the client has rules of its own for that.
    fn is_judgement(&self) -> bool {
        matches!(self, Self::Obstacle(Obstacle::Distrusted(_) | Obstacle::Tls(_)))
    }
}

/// Returns what the user should know and do; `None` where nothing keeps us out. What our own look alone does not accept
/// counts only where the client complains of TLS too.
pub(super) fn problem(blocked: &[Blocked], party: &Party, complains_of_tls: bool) -> Option<Problem> {
    let counts = |one: &&Blocked| complains_of_tls || !one.barrier.is_judgement();
    let blocked: Vec<_> = blocked.iter().filter(counts).collect();
    let Blocked { address, is_advertised, barrier } = blocked.first()?;
    if *is_advertised {
        let message = format!(
            "the brokers at {} send their clients to {address}, and there {barrier}; {}",
            party.servers,
            remedy_elsewhere(barrier)
        );
        return Some(Problem::new(barrier.reason(), message));
    }
    let (alike, others): (Vec<&Blocked>, Vec<&Blocked>) =
        blocked.iter().partition(|other| other.barrier == *barrier);
    let addresses: Vec<_> = alike.iter().map(|one| one.address.as_str()).collect();
    let others = others.iter().map(|other| format!(", {}: {}", other.address, other.barrier));
    let message = format!(
        "no broker lets us in: {}: {barrier}{}; {}",
        addresses.join(", "),
        others.collect::<String>(),
        remedy(barrier, party)
    );
    Some(Problem::new(barrier.reason(), message))
}

/// What is to be done about a broker to which others send their clients: it may only be down, or starting.
fn remedy_elsewhere(barrier: &Barrier) -> &'static str {
    match barrier {
        Barrier::Obstacle(Obstacle::Connection(_) | Obstacle::Silence | Obstacle::HungUp) => {
            "check that this broker runs, then advertised.listeners of the brokers, and let the operator and the pods through"
        }
        Barrier::Obstacle(_) | Barrier::WantsUser => {
            "correct advertised.listeners of the brokers, or let the operator and the pods through"
        }
    }
}

fn remedy(barrier: &Barrier, party: &Party) -> &'static str {
    let Barrier::Obstacle(obstacle) = barrier else {
        return "set kafka.authentication, or choose the port of a listener without users";
    };
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
    use super::{Barrier, Blocked, Distrust, Obstacle, Party, Reason, problem};

    fn blocked(address: &str, obstacle: Obstacle) -> Blocked {
        Blocked { address: address.to_owned(), is_advertised: false, barrier: Barrier::Obstacle(obstacle) }
    }

    fn party() -> Party {
        Party {
            servers: "a:1,b:2".to_owned(),
            who: String::new(),
            user: None,
            has_tls: true,
            has_certificate: false,
        }
    }

    fn check(blocked: &[Blocked], expected: Option<(Reason, &str)>) {
        let found = problem(blocked, &party(), true);
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
        let inside = |obstacle| Blocked { is_advertised: true, ..blocked("c:3", obstacle) };
        let check = |obstacle, part: &str| {
            let found = problem(&[inside(obstacle)], &party(), true).unwrap();
            let start = "the brokers at a:1,b:2 send their clients to c:3, and there";
            assert!(
                found.reason == Reason::KafkaUnreachable && found.message.starts_with(start),
                "{found:?}"
            );
            assert!(found.message.contains(part), "{found:?}");
        };
        check(Obstacle::Silence, "; check that this broker runs, then advertised.listeners");
        check(Obstacle::Connection("refused".to_owned()), "; check that this broker runs");
        check(Obstacle::Name("unknown".to_owned()), "; correct advertised.listeners");
    }

    #[test]
    fn what_only_our_own_look_does_not_accept_keeps_nobody_out() {
        let expired = blocked("a:1", Obstacle::Distrusted(Distrust::Expired(None)));
        let refused = blocked("b:2", Obstacle::Connection("refused".to_owned()));
        let check = |blocked: &[Blocked], complains_of_tls, expected: Option<Reason>| {
            let found = problem(blocked, &party(), complains_of_tls);
            assert_eq!(found.map(|problem| problem.reason), expected, "{blocked:?} {complains_of_tls}");
        };
        check(std::slice::from_ref(&expired), true, Some(Reason::TlsFailed));
        check(std::slice::from_ref(&expired), false, None);
        check(&[expired, refused], false, Some(Reason::KafkaUnreachable));
        check(&[blocked("a:1", Obstacle::NoTls)], false, Some(Reason::TlsFailed));
    }
}
