//! Pure. What works today and will do harm one day.

use jiff::Timestamp;
use kafkasink_crds::resource::WarningStatus;

use super::expiries::{self, expiries};
use super::findings::Findings;
use crate::access;
use crate::model::{BucketView, TopicOutcome, TopicView, ValidatedTopic};

/// The key that says how many replicas must have a message before its producer is answered.
const IN_SYNC_MIN: &str = "min.insync.replicas";

/// The warning about brokers that create topics by themselves.
const AUTO_CREATE: &str = "AutoCreateEnabled";

/// From this share of a HARD quota on a person should know.
const QUOTA_NEARLY_FULL: f64 = 0.9;

/// Words of the warnings that are found without Kafka.
const WITHOUT_KAFKA: [&str; 4] = ["ExpiresSoon", "Expired", "AdminTokenPowerless", "BucketNearlyFull"];

/// Returns every warning; what only the cluster tells stays as it was while it cannot be seen.
pub(super) fn warnings(
    findings: &Findings<'_>,
    previous: Vec<WarningStatus>,
    now: Timestamp,
) -> Vec<WarningStatus> {
    let is_of_kafka = |warning: &WarningStatus| !WITHOUT_KAFKA.contains(&warning.reason.as_str());
    let previous: Vec<WarningStatus> = previous.into_iter().filter(is_of_kafka).collect();
    let of_kafka = of_kafka(findings, &previous).unwrap_or(previous);
    let ending = expiries(findings);
    of_kafka.into_iter().chain(of_store(findings)).chain(expiries::warnings(&ending, now)).collect()
}

/// `None` where the cluster could not be seen; `previous` is what was said before.
fn of_kafka(findings: &Findings<'_>, previous: &[WarningStatus]) -> Option<Vec<WarningStatus>> {
    let kafka = findings.externals.kafka.as_ref().ok()?;
    let said_before = || previous.iter().any(|warning| warning.reason == AUTO_CREATE);
    let auto_create = kafka.auto_creates_topics.unwrap_or_else(said_before).then(|| {
        let message = "auto.create.topics.enable is true on the brokers: whoever asks for a topic that is not there creates \
                       it with their defaults, also one that was just deleted; set it to false";
        warning(AUTO_CREATE, message)
    });
    let topics = findings.externals.topics.iter();
    let replicas = topics.filter_map(|topic| too_few_replicas(topic, topic.view.as_ref()?));
    let decides = |topic: &ValidatedTopic| {
        let outcome = findings.externals.topics.iter().find(|outcome| outcome.name == topic.name);
        outcome.is_some_and(|outcome| outcome.owner.is_none())
    };
    let foreseen = access::foreseen(findings.sink, kafka, decides);
    let permissions = foreseen.map(|message| warning("MissingPermission", &message));
    Some(auto_create.into_iter().chain(permissions).chain(replicas).collect())
}

fn of_store(findings: &Findings<'_>) -> impl Iterator<Item = WarningStatus> {
    let store = findings.externals.store.as_ref().ok();
    let powerless = store.filter(|store| store.is_admin_powerless).map(|_| {
        let message = "the token of reductStore.adminTokenFrom has no full access, so that the operator can neither create nor \
                       alter the bucket; give it full access";
        warning("AdminTokenPowerless", message)
    });
    let bucket = store.and_then(|store| store.bucket.as_ref());
    let is_nearly_full =
        bucket.and_then(BucketView::quota_used).is_some_and(|used| used >= QUOTA_NEARLY_FULL);
    let nearly_full = is_nearly_full.then(|| {
        let message = format!(
            "bucket {} has used up nine tenths of its HARD quota, at the end of which it takes no more; raise \
             reductStore.bucket.quota.size, delete records, or let the quota be FIFO",
            findings.sink.bucket.name
        );
        warning("BucketNearlyFull", &message)
    });
    powerless.into_iter().chain(nearly_full)
}

fn too_few_replicas(topic: &TopicOutcome, view: &TopicView) -> Option<WarningStatus> {
    let needed: u16 = view.config.as_ref()?.get(IN_SYNC_MIN)?.parse().ok()?;
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
