//! Pure. What works today and will do harm one day.

use kafkasink_crds::resource::WarningStatus;

use super::findings::Findings;
use crate::model::{TopicOutcome, TopicView};

/// The key that says how many replicas must have a message before its producer is answered.
const IN_SYNC_MIN: &str = "min.insync.replicas";

/// Returns every warning; `None` where the cluster could not be seen.
pub(super) fn warnings(findings: &Findings<'_>) -> Option<Vec<WarningStatus>> {
    let kafka = findings.externals.kafka.as_ref().ok()?;
    let auto_create = (kafka.auto_creates_topics == Some(true)).then(|| {
        let message = "auto.create.topics.enable is true on the brokers: whoever asks for a topic that is not there creates \
                       it with their defaults, also one that was just deleted; set it to false";
        warning("AutoCreateEnabled", message)
    });
    let topics = findings.externals.topics.iter();
    let replicas = topics.filter_map(|topic| too_few_replicas(topic, topic.view.as_ref()?));
    Some(auto_create.into_iter().chain(replicas).collect())
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
