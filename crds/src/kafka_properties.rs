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

/// Largest `fetch.wait.max.ms`: librdkafka refuses a consumer whose `socket.timeout.ms`, which belongs to the sink, is not at
/// least a second longer.
pub const FETCH_WAIT_MAX_MS: u32 = 19_000;

/// Returns what is wrong with a librdkafka setting of the user's, as it follows "must not"; nothing where it can be passed on.
#[must_use]
pub fn objection(name: &str, value: &str) -> Option<String> {
    let is_too_long = || value.trim().parse::<u32>().is_ok_and(|wait| wait > FETCH_WAIT_MAX_MS);
    if is_owned_property(name) {
        Some(format!("set {name}, which belongs to the sink; remove it"))
    } else if name == "fetch.wait.max.ms" && is_too_long() {
        Some(format!("set {name} above {FETCH_WAIT_MAX_MS}, which librdkafka would refuse; lower it"))
    } else {
        None
    }
}

/// Tells whether a librdkafka setting belongs to the sink.
#[must_use]
pub fn is_owned_property(name: &str) -> bool {
    OWNED_PROPERTIES.contains(&name) || OWNED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::{is_owned_property, objection};

    #[test]
    fn only_what_would_be_refused_or_overruled_meets_an_objection() {
        assert_eq!(objection("fetch.wait.max.ms", "19000"), None);
        assert_eq!(objection("fetch.wait.max.ms", "soon"), None, "librdkafka says it better");
        assert!(objection("fetch.wait.max.ms", "19001").is_some());
        assert!(objection("group.id", "mine").is_some());
    }

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
