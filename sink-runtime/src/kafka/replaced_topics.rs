//! Pure. `ReplacedTopics`: which topics were deleted and created again, as librdkafka's own log says.
//!
//! The library goes on reading a topic that was created again under its name from the offset where it stood in the one
//! before, as soon as there is a message with that offset, and tells nobody: no error, no rebalance (2.12, see the
//! remark in its `rd_kafka_topic_metadata_update`). Asking the brokers now and then would notice too late. But before the
//! library fetches by the new id it logs it. So whoever takes messages from a partition's queue, then drains the log
//! (`LogQueue`), and only then looks here, never hands on a message of the new topic as one of the old.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use crate::record::{Topic, TopicId};

/// Part of the log that tells ids. It writes a few lines for each refresh of the metadata.
const CONTEXT: &str = "metadata";

/// What the library calls the lines in question.
const FACILITY: &str = "METADATA";

/// An id that is none: the topic was not known before.
const NO_ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// Topics that were replaced and not taken yet.
#[derive(Debug, Default)]
pub struct ReplacedTopics(Mutex<BTreeMap<Topic, Option<TopicId>>>);

impl ReplacedTopics {
    /// Makes the library tell what is needed here, beside what `config` wants to see of its log.
    pub fn watch(config: &mut ClientConfig) {
        let contexts = config.get("debug").filter(|wanted| !wanted.is_empty());
        let contexts = contexts.map_or(CONTEXT.to_owned(), |wanted| format!("{wanted},{CONTEXT}"));
        config.set("debug", contexts).set_log_level(RDKafkaLogLevel::Debug);
    }

    /// Takes note of a line of the library's log.
    pub fn note(&self, facility: &str, line: &str) {
        if let Some((name, id)) = replaced_topic(facility, line) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(Topic::new(name), id);
        }
    }

    /// Returns the topics that were replaced since this was asked last, with their ids now, where these can be read.
    #[must_use]
    pub fn take(&self) -> BTreeMap<Topic, Option<TopicId>> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// `[thrd:main]: Topic cameras changed id from kCHLOqDBQOyN9aVV00tcOw to EIm23KbxRfOIMF89efCAyg`
fn replaced_topic<'a>(facility: &str, line: &'a str) -> Option<(&'a str, Option<TopicId>)> {
    if facility != FACILITY {
        return None;
    }
    let (_, change) = line.split_once("Topic ")?;
    let (name, ids) = change.split_once(" changed id from ")?;
    let (before, now) = ids.split_once(" to ")?;
    // The library prints ids in another alphabet than Kafka's tools.
    let now = now.trim_end_matches('=').replace('+', "-").replace('/', "_").parse().ok();
    (before != NO_ID).then_some((name, now))
}

#[cfg(test)]
mod tests {
    use rdkafka::ClientConfig;

    use super::{ReplacedTopics, replaced_topic};
    use crate::record::Topic;

    fn check(facility: &str, line: &str, expected: Option<&str>) {
        let replaced = replaced_topic(facility, line);
        assert_eq!(replaced.map(|(name, _)| name), expected, "{line}");
        let id = replaced.and_then(|(_, id)| id);
        assert_eq!(id, expected.and_then(|_| "EIm23KbxRfOIMF89efCA-g".parse().ok()), "{line}");
    }

    #[test]
    fn tells_a_replaced_topic_from_one_that_is_seen_first() {
        let begun = "[thrd:main]: Topic a.b_c-1 changed id from ";
        check(
            "METADATA",
            &format!("{begun}kCHLOqDBQOyN9aVV00tcOw to EIm23KbxRfOIMF89efCA+g"),
            Some("a.b_c-1"),
        );
        check("METADATA", &format!("{begun}AAAAAAAAAAAAAAAAAAAAAA to EIm23KbxRfOIMF89efCAyg"), None);
        check("STATE", &format!("{begun}kCHLOqDBQOyN9aVV00tcOw to EIm23KbxRfOIMF89efCAyg"), None);
        check("METADATA", "[thrd:main]: Error in metadata reply for topic a.b_c-1 (PartCnt 0)", None);
    }

    #[test]
    fn each_replacement_is_told_once() {
        let replaced = ReplacedTopics::default();
        replaced.note("METADATA", "[thrd:main]: Topic a changed id from B to C");
        replaced.note("METADATA", "[thrd:main]: Topic a changed id from C to D");
        assert_eq!(replaced.take().into_keys().collect::<Vec<_>>(), [Topic::new("a")]);
        assert!(replaced.take().is_empty());
    }

    #[test]
    fn what_the_user_wants_to_see_stays() {
        let mut config = ClientConfig::new();
        ReplacedTopics::watch(&mut config);
        assert_eq!(config.get("debug"), Some("metadata"));
        config.set("debug", "fetch,cgrp");
        ReplacedTopics::watch(&mut config);
        assert_eq!(config.get("debug"), Some("fetch,cgrp,metadata"));
    }
}
