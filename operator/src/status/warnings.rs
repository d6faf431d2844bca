//! Pure. What works today and will do harm one day.

use kafkasink_crds::resource::WarningStatus;

use super::findings::Findings;
use crate::model::{TopicOutcome, TopicView};

/// The key that says how many replicas must have a message before its producer is answered.
const IN_SYNC_MIN: &str = "min.insync.replicas";

/// The warning about brokers that create topics by themselves.
const AUTO_CREATE: &str = "AutoCreateEnabled";

/// Returns every warning. What could not be seen now is as it was.
pub(super) fn warnings(findings: &Findings<'_>, previous: Vec<WarningStatus>) -> Vec<WarningStatus> {
    let Ok(kafka) = &findings.externals.kafka else { return previous };
    let said_before = || previous.iter().any(|warning| warning.reason == AUTO_CREATE);
    let auto_create = kafka.auto_creates_topics.unwrap_or_else(said_before).then(|| {
        let message = "auto.create.topics.enable is true on the brokers: whoever asks for a topic that is not there creates \
                       it with their defaults, also one that was just deleted; set it to false";
        warning(AUTO_CREATE, message)
    });
    let topics = findings.externals.topics.iter();
    let replicas = topics.filter_map(|topic| too_few_replicas(topic, topic.view.as_ref()?));
    auto_create.into_iter().chain(replicas).collect()
}

fn too_few_replicas(topic: &TopicOutcome, view: &TopicView) -> Option<WarningStatus> {
    let needed: u16 = view.config.get(IN_SYNC_MIN)?.parse().ok()?;
    let (name, replicas) = (&topic.name, view.replication_factor);
    (replicas < needed).then(|| {
        let message = format!(
            "topic {name} has fewer replicas ({replicas}) than {IN_SYNC_MIN} ({needed}): producers with acks=all are refused; \
             add replicas with Kafka's own tools, or lower {IN_SYNC_MIN}"
        );
        warning("TooFewReplicas", &message)
    })
}

fn warning(reason: &str, message: &str) -> WarningStatus {
    WarningStatus { reason: reason.to_owned(), message: message.to_owned() }
}
