//! Pure. Which librdkafka settings belong to the sink and can therefore not be set by its user.

/// Settings that carry a promise of the sink: delivery, identity, fencing, memory.
pub const OWNED_PROPERTIES: [&str; 34] = [
    "acks",
    "allow.auto.create.topics",
    "auto.commit.enable",
    "auto.commit.interval.ms",
    "auto.offset.reset",
    "bootstrap.servers",
    "client.id",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "enable.partition.eof",
    "fetch.max.bytes",
    "fetch.message.max.bytes",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "isolation.level",
    "max.partition.fetch.bytes", // another name of fetch.message.max.bytes
    "max.poll.interval.ms",
    "message.max.bytes",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "plugin.library.paths",
    "receive.message.max.bytes",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "request.required.acks",
    "session.timeout.ms",
    "socket.connection.setup.timeout.ms",
    "socket.max.fails",
    "socket.timeout.ms",
    "statistics.interval.ms",
    "topic.blacklist",
    "transactional.id",
];

/// Beginnings of settings that are set elsewhere in the resource, that bound the memory of a member, or (`test.`) that put
/// a mock in the place of the cluster.
pub const OWNED_PREFIXES: [&str; 6] = ["security.", "sasl.", "ssl.", "queued.", "enable.ssl.", "test."];

/// Settings of every client, of the sink and of the operator: how soon it has done with a broker that does not answer.
pub const CONNECTION_PROPERTIES: [(&str, &str); 4] = [
    ("reconnect.backoff.ms", "100"),
    // Questions are given up after 3 s: one that is asked while a client waits to connect again would not even be sent.
    ("reconnect.backoff.max.ms", "2000"),
    ("socket.connection.setup.timeout.ms", "10000"),
    // Less than the session: a connection on which a broker has fallen silent is closed before the session is over, and no
    // request to join enters it. A broker that wakes would answer one that the client gave up long ago, and fence the
    // member by the id that it gave it.
    ("socket.timeout.ms", "20000"),
];

/// Tells whether a librdkafka setting belongs to the sink.
#[must_use]
pub fn is_owned_property(name: &str) -> bool {
    OWNED_PROPERTIES.contains(&name) || OWNED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::is_owned_property;

    #[test]
    fn keeps_what_carries_a_promise() {
        for owned in [
            "group.id",
            "acks",
            "sasl.password",
            "ssl.ca.location",
            "security.protocol",
            "test.mock.num.brokers",
            "fetch.max.bytes",
            "socket.timeout.ms",
        ] {
            assert!(is_owned_property(owned), "{owned}");
        }
        for free in ["fetch.wait.max.ms", "client.rack", "group.idle", "socket.keepalive.enable"] {
            assert!(!is_owned_property(free), "{free}");
        }
    }
}
