//! Pure. `KafkaError`: which call failed, why, and what that means to the user.

use kafkasink_crds::resource::Reason;
use kafkasink_crds::topic_name::TopicName;
use kafkasink_kafka_ffi::NativeError;
use rdkafka::error::RDKafkaErrorCode as Code;

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

/// A call to a Kafka cluster that failed.
#[derive(Debug, thiserror::Error)]
#[error("failed to {attempt} at {servers}")]
pub(crate) struct KafkaError {
    attempt: Attempt,
    servers: String,
    source: NativeError,
    /// The client's newest complaint about its connections.
    log: Option<String>,
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

/// What brokers say of a topic whose deletion is under way.
const MARKED_FOR_DELETION: &str = "marked for deletion";

/// Returns what rdkafka's own error says.
pub(super) fn wrapped(error: &rdkafka::error::KafkaError) -> NativeError {
    let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
    NativeError { code, message: error.to_string() }
}

impl KafkaError {
    pub(super) fn new(attempt: Attempt, servers: &str, source: NativeError, log: Option<String>) -> Self {
        Self { attempt, servers: servers.to_owned(), source, log }
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
        let (servers, source) = (&self.servers, &self.source);
        if self.attempt == Attempt::CreateClient
            && (source.code == Code::SSL || source.message.contains("ssl."))
        {
            return Problem::new(
                Reason::TlsFailed,
                format!(
                    "kafka.tls cannot be used: {source}; correct the certificate, the key or the authority"
                ),
            );
        }
        if self.attempt == Attempt::CreateClient {
            return Problem::new(
                Reason::InvalidSpec,
                format!(
                    "kafka.properties is refused by librdkafka: {source}; correct or remove the property"
                ),
            );
        }
        if let Some(problem) = self.not_let_in() {
            return problem;
        }
        if UNREACHABLE.contains(&source.code) {
            return self.unreachable();
        }
        if self.is_authorization() {
            return Problem::new(
                Reason::AuthorizationFailed,
                format!(
                    "the brokers at {servers} do not let us {}: {source}; grant the permission",
                    self.attempt
                ),
            );
        }
        Problem::new(
            Reason::KafkaRequestFailed,
            format!("{}; wait, and see the brokers' logs if this lasts", self.cause()),
        )
    }

    /// Returns what failed and why, without a remedy.
    pub(crate) fn cause(&self) -> String {
        format!("failed to {}: {}", self.attempt, self.source.message.trim_end_matches('.'))
    }

    /// The brokers and we do not accept each other. Mostly only the client's log tells: for it, they do not answer.
    fn not_let_in(&self) -> Option<Problem> {
        let (servers, code) = (&self.servers, self.source.code);
        let is_silence = UNREACHABLE.contains(&code);
        let line = self.log.as_deref().filter(|_| is_silence || self.source.is_authentication());
        let detail = line.map_or_else(|| self.source.to_string(), readable);
        if code == Code::SSL || line.is_some_and(|line| line.contains("SSL")) {
            let message = format!(
                "TLS with the brokers at {servers} fails: {detail}; check kafka.tls and the listener's certificate"
            );
            return Some(Problem::new(Reason::TlsFailed, message));
        }
        let is_refused =
            self.source.is_authentication() || line.is_some_and(|line| line.contains("authentication error"));
        is_refused.then(|| {
            let message = format!(
                "the brokers at {servers} refuse the credentials: {detail}; check kafka.authentication and its Secret"
            );
            Problem::new(Reason::AuthenticationFailed, message)
        })
    }

    fn unreachable(&self) -> Problem {
        let detail = self.log.as_deref().map_or_else(|| self.source.to_string(), readable);
        Problem::new(
            Reason::KafkaUnreachable,
            format!(
                "no broker answers at {}: {detail}; check kafka.bootstrapServers, that the brokers run, and that \
                 network policies let the operator through",
                self.servers
            ),
        )
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
    use super::readable;

    #[test]
    fn strips_threads_and_states_from_log_lines() {
        let line = "[thrd:127.0.0.1:1/bootstrap]: 127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: \
                    Connection refused (after 0ms in state CONNECT)";
        assert_eq!(readable(line), "Connect to ipv4#127.0.0.1:1 failed: Connection refused");
        assert_eq!(readable("something else"), "something else");
    }
}
