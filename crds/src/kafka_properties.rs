//! Pure. Which librdkafka settings belong to the sink and can therefore not be set by its user.

/// Settings that carry a promise of the sink: delivery, identity, fencing, memory.
pub const OWNED_PROPERTIES: [&str; 18] = [
    "allow.auto.create.topics",
    "auto.commit.interval.ms",
    "auto.offset.reset",
    "bootstrap.servers",
    "client.id",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.partition.eof",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "isolation.level",
    "max.poll.interval.ms",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "plugin.library.paths",
    "session.timeout.ms",
    "statistics.interval.ms",
];

/// Beginnings of settings that are set elsewhere in the resource, or that bound the memory of a member.
pub const OWNED_PREFIXES: [&str; 5] = ["security.", "sasl.", "ssl.", "queued.", "enable.ssl."];

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
        for owned in
            ["group.id", "sasl.password", "ssl.ca.location", "security.protocol", "queued.min.messages"]
        {
            assert!(is_owned_property(owned), "{owned}");
        }
        for free in ["fetch.wait.max.ms", "client.rack", "group.idle", "socket.keepalive.enable"] {
            assert!(!is_owned_property(free), "{free}");
        }
    }
}
