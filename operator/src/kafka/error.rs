//! Pure. `KafkaError`: which call failed, why, and what that means to the user.

use std::sync::Arc;

use kafkasink_crds::resource::Reason;
use kafkasink_crds::topic_name::TopicName;
use kafkasink_kafka_ffi::NativeError;
use rdkafka::error::RDKafkaErrorCode as Code;

use super::blocked::{self, Blocked};
use super::party::Party;
use crate::model::Problem;

/// The call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// The client itself.
    CreateClient,
    /// The cluster's id and brokers.
    DescribeCluster,
    /// Which topics exist.
    DescribeTopics,
    /// The configuration of topics.
    DescribeConfigs,
    /// How far a group has come.
    ReadOffsets(String),
    /// When the next messages of a group were made.
    ReadMessages(String),
    /// The creation of a topic.
    CreateTopic(TopicName),
    /// More partitions for a topic.
    RaisePartitions(TopicName),
    /// Configuration keys of a topic.
    AlterConfig(TopicName),
    /// The deletion of a topic.
    DeleteTopic(TopicName),
}

impl std::fmt::Display for Attempt {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::CreateClient => formatter.write_str("prepare a client"),
            Self::DescribeCluster => formatter.write_str("describe the cluster"),
            Self::DescribeTopics => formatter.write_str("describe the topics"),
            Self::DescribeConfigs => formatter.write_str("describe the configuration of the topics"),
            Self::ReadOffsets(group) => write!(formatter, "read the offsets of group {group}"),
            Self::ReadMessages(group) => write!(formatter, "read the next messages of group {group}"),
            Self::CreateTopic(topic) => write!(formatter, "create topic {topic}"),
            Self::RaisePartitions(topic) => write!(formatter, "raise the partitions of topic {topic}"),
            Self::AlterConfig(topic) => write!(formatter, "alter the configuration of topic {topic}"),
            Self::DeleteTopic(topic) => write!(formatter, "delete topic {topic}"),
        }
    }
}

impl Attempt {
    /// What the brokers must allow for it.
    fn permission(&self) -> String {
        match self {
            Self::CreateClient | Self::DescribeCluster => "Describe on the cluster".to_owned(),
            Self::DescribeTopics => "Describe on its topics".to_owned(),
            Self::DescribeConfigs => "DescribeConfigs on its topics".to_owned(),
            Self::ReadOffsets(group) => format!("Read on group {group} and its topics"),
            Self::ReadMessages(_) => "Read on its topics".to_owned(),
            Self::CreateTopic(topic) => format!("Create on topic {topic}, or on the cluster"),
            Self::RaisePartitions(topic) => format!("Alter on topic {topic}"),
            Self::AlterConfig(topic) => format!("AlterConfigs on topic {topic}"),
            Self::DeleteTopic(topic) => format!("Delete on topic {topic}"),
        }
    }
}

/// Of what a client complains in its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    /// The line of the log.
    pub(super) line: Box<str>,
    /// Whether it was said before a look began, while the calls succeeded: a broker that was restarted since, mostly.
    pub(super) is_old: bool,
}

/// A call to a Kafka cluster that failed.
#[derive(Debug, thiserror::Error)]
#[error("failed to {attempt} at {}", party.servers)]
pub(crate) struct KafkaError {
    attempt: Attempt,
    party: Arc<Party>,
    source: NativeError,
    /// The client's newest complaint about its connections.
    log: Option<Complaint>,
    /// The brokers that are not reached, as far as that was looked at.
    blocked: Vec<Blocked>,
}

/// Nobody answers, or not in time.
const UNREACHABLE: [Code; 7] = [
    Code::OperationTimedOut,
    Code::TimedOutQueue,
    Code::BrokerTransportFailure,
    Code::AllBrokersDown,
    Code::Resolve,
    Code::BrokerNotAvailable,
    Code::RequestTimedOut,
];

/// What librdkafka says where the listener does not know the mechanism.
const MECHANISM_REFUSED: &str = "mechanism handshake failed";

/// What librdkafka says where the listener knows no users at all.
const NO_SASL_HERE: &str = "Request not valid in current SASL state";

/// What librdkafka says where user or password are wrong.
const AUTHENTICATION_ERROR: &str = "authentication error";

/// What brokers say of a topic whose deletion is under way.
const MARKED_FOR_DELETION: &str = "marked for deletion";

/// Tells whether a broker, or none of them, has answered in time.
pub(super) fn is_silence(error: &NativeError) -> bool {
    UNREACHABLE.contains(&error.code)
}

/// Returns what rdkafka's own error says.
pub(super) fn wrapped(error: &rdkafka::error::KafkaError) -> NativeError {
    let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
    NativeError { code, message: error.to_string() }
}

impl KafkaError {
    pub(super) fn new(
        attempt: Attempt,
        party: &Arc<Party>,
        source: NativeError,
        log: Option<Complaint>,
    ) -> Self {
        Self { attempt, party: Arc::clone(party), source, log, blocked: Vec::new() }
    }

    /// Tells whether the brokers were not reached, or TLS with them failed; then, of what the client complains.
    pub(super) fn is_on_the_way(&self) -> bool {
        let code = self.source.code;
        self.attempt != Attempt::CreateClient && (UNREACHABLE.contains(&code) || code == Code::SSL)
    }

    /// Returns the client's newest complaint, unless it is of a time when all went well.
    pub(super) fn complaint(&self) -> Option<&str> {
        self.log.as_ref().filter(|complaint| !complaint.is_old).map(|complaint| &*complaint.line)
    }

    /// Adds which brokers are not reached.
    pub(super) fn because(self, blocked: Vec<Blocked>) -> Self {
        Self { blocked, ..self }
    }

    /// Tells whether the brokers do not know the topic.
    pub(crate) fn is_unknown_topic(&self) -> bool {
        self.source.is_unknown_topic()
    }

    /// Tells whether a group's coordinator is just starting or moving: it passes by itself.
    pub(super) fn is_coordinator_not_ready(&self) -> bool {
        self.source.is_coordinator_not_ready()
    }

    /// Tells whether the brokers do not let us do this.
    pub(crate) fn is_authorization(&self) -> bool {
        self.source.is_authorization()
    }

    /// Tells whether the topic is being deleted, which takes brokers a while; only their words tell it.
    pub(crate) fn is_topic_going(&self) -> bool {
        self.source.message.contains(MARKED_FOR_DELETION)
    }

    /// Tells whether somebody else created the topic first.
    pub(crate) fn is_topic_already_there(&self) -> bool {
        self.source.code == Code::TopicAlreadyExists
    }

    /// Returns what the user should know and do.
    pub(crate) fn problem(&self) -> Problem {
        let Self { attempt, party, source, .. } = self;
        if *attempt == Attempt::CreateClient {
            return self.unusable();
        }
        let is_tls = source.code == Code::SSL || self.silent_log().is_some_and(|line| line.contains("SSL"));
        let blocked = || blocked::problem(&self.blocked, party, is_tls);
        if let Some(problem) = self.refused_credentials().or_else(blocked) {
            return problem;
        }
        if is_tls {
            let message = format!(
                "TLS with the brokers at {} fails: {}; check kafka.tls and the listener's certificate",
                party.servers,
                self.detail()
            );
            return Problem::new(Reason::TlsFailed, message);
        }
        if UNREACHABLE.contains(&source.code) {
            let message = format!(
                "no broker answers at {}: {}; check kafka.bootstrapServers, that the brokers run, and that network \
                 policies let the operator through",
                party.servers,
                self.detail()
            );
            return Problem::new(Reason::KafkaUnreachable, message);
        }
        if self.is_authorization() {
            let message = format!(
                "{} may not {attempt} at {}: {source}; allow {}",
                party.who,
                party.servers,
                attempt.permission()
            );
            return Problem::new(Reason::AuthorizationFailed, message);
        }
        let message = format!("{}; wait, and see the brokers' logs if this lasts", self.cause());
        Problem::new(Reason::KafkaRequestFailed, message)
    }

    /// Returns what failed and why, without a remedy.
    pub(crate) fn cause(&self) -> String {
        format!("failed to {}: {}", self.attempt, self.source.message.trim_end_matches('.'))
    }

    fn unusable(&self) -> Problem {
        let source = &self.source;
        if source.code == Code::SSL || source.message.contains("ssl.") {
            let message = format!(
                "kafka.tls cannot be used: {source}; correct the certificate, the key or the authority"
            );
            return Problem::new(Reason::TlsFailed, message);
        }
        let message =
            format!("kafka.properties is refused by librdkafka: {source}; correct or remove the property");
        Problem::new(Reason::InvalidSpec, message)
    }

    /// The newest complaint, where the client had nothing else to say.
    fn silent_log(&self) -> Option<&str> {
        let is_silence = UNREACHABLE.contains(&self.source.code) || self.source.is_authentication();
        self.log.as_ref().filter(|_| is_silence).map(|complaint| &*complaint.line)
    }

    fn detail(&self) -> String {
        self.silent_log().map_or_else(|| self.source.to_string(), readable)
    }

    /// The brokers do not accept user and password. Mostly only the client's log tells: for it, they do not answer.
    fn refused_credentials(&self) -> Option<Problem> {
        let (servers, detail) = (&self.party.servers, self.detail());
        let refused = |message: String| Some(Problem::new(Reason::AuthenticationFailed, message));
        let (user, mechanism) = self.party.user.as_ref()?;
        if detail.contains(NO_SASL_HERE) {
            return refused(format!(
                "the brokers at {servers} ask for no user there; choose the port of the listener with SASL, or remove \
                 kafka.authentication"
            ));
        }
        if detail.contains(MECHANISM_REFUSED) {
            return refused(format!(
                "the brokers at {servers} do not let users in by {mechanism}: {detail}; set \
                 kafka.authentication.mechanism to one that the listener has"
            ));
        }
        let is_refused = (self.source.is_authentication() && self.source.code != Code::SSL)
            || detail.contains(AUTHENTICATION_ERROR);
        is_refused
            .then(|| {
                format!(
                    "the brokers at {servers} refuse the credentials of user {user} by {mechanism}: {detail}; check \
                     kafka.authentication and its Secret"
                )
            })
            .and_then(refused)
    }
}

/// Strips what only librdkafka's developers need from a log line:
/// `[thrd:b:9092/bootstrap]: b:9092/bootstrap: Connect to … failed: Connection refused (after 0ms in state CONNECT)`.
fn readable(line: &str) -> String {
    let line = line.split_once("]: ").map_or(line, |(_, rest)| rest);
    let line = line.rsplit_once(" (after ").map_or(line, |(text, _)| text);
    line.split_once("/bootstrap: ").map_or(line, |(_, text)| text).to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Attempt, Code, Complaint, KafkaError, NativeError, Party, Reason, readable};

    /// A question that was not answered in time, of which the client has logged this.
    fn unanswered(user: Option<(&str, &'static str)>, complaint: &str) -> KafkaError {
        let party = Party {
            servers: "b:9092".to_owned(),
            who: String::new(),
            user: user.map(|(user, mechanism)| (user.to_owned(), mechanism)),
            has_tls: false,
            has_certificate: false,
        };
        let source = NativeError { code: Code::OperationTimedOut, message: "timed out".to_owned() };
        let line = format!("[thrd:b:9092/bootstrap]: b:9092/bootstrap: {complaint} (after 1ms in state X)");
        KafkaError::new(
            Attempt::DescribeCluster,
            &Arc::new(party),
            source,
            Some(Complaint { line: line.into(), is_old: false }),
        )
    }

    #[test]
    fn tells_what_is_wrong_with_user_password_and_mechanism() {
        let check = |user, complaint: &str, reason: Reason, part: &str| {
            let problem = unanswered(user, complaint).problem();
            assert!(problem.reason == reason && problem.message.contains(part), "{problem:?}");
        };
        let user = Some(("cameras", "PLAIN"));
        let refused = "SASL authentication error: Authentication failed";
        check(user, refused, Reason::AuthenticationFailed, "the credentials of user cameras by PLAIN: SASL");
        let mechanism = "SASL PLAIN mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's supported \
                         mechanisms: SCRAM-SHA-512";
        check(
            user,
            mechanism,
            Reason::AuthenticationFailed,
            "supported mechanisms: SCRAM-SHA-512; set kafka.",
        );
        let not_here = "SASL PLAIN mechanism handshake failed: Broker: Request not valid in current SASL state: broker's";
        check(user, not_here, Reason::AuthenticationFailed, "ask for no user there");
        check(
            None,
            "Connect to ipv4#1.2.3.4:9092 failed",
            Reason::KafkaUnreachable,
            "no broker answers at b:9092",
        );
    }

    #[test]
    fn strips_threads_and_states_from_log_lines() {
        let line = "[thrd:127.0.0.1:1/bootstrap]: 127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: \
                    Connection refused (after 0ms in state CONNECT)";
        assert_eq!(readable(line), "Connect to ipv4#127.0.0.1:1 failed: Connection refused");
        assert_eq!(readable("something else"), "something else");
    }
}
