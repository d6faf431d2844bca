//! Pure. What works today and will do harm one day.
//!
//! Each warning says what it is about; what could not be seen now keeps the warning that was given of it, so that an outage
//! neither takes warnings back nor gives them twice.

use jiff::Timestamp;
use kafkasink_crds::resource::WarningStatus;
use kafkasink_crds::topic_name::TopicName;

use super::findings::Findings;
use crate::model::{BucketView, End, KafkaView, TopicView, ValidatedTopic};
use crate::permissions;

/// The key that says how many replicas must have a message before its producer is answered.
const IN_SYNC_MIN: &str = "min.insync.replicas";

/// From this share of a HARD quota on a person should know.
const QUOTA_NEARLY_FULL: f64 = 0.9;

/// Below this share one who was told need not know any more: deletions and writes take turns.
const QUOTA_FREE_AGAIN: f64 = 0.85;

/// The warning about such a quota.
const NEARLY_FULL: &str = "BucketNearlyFull";

/// What is to be said of one thing.
enum Said {
    /// It could not be seen: what was said before.
    AsBefore,
    /// All is well.
    Nothing,
    /// Reason and message.
    Warning(&'static str, String),
}

impl Said {
    fn of(warning: Option<(&'static str, String)>) -> Self {
        warning.map_or(Self::Nothing, |(reason, message)| Self::Warning(reason, message))
    }
}

/// Returns every warning; `previous` is what was said before.
pub(super) fn warnings(
    findings: &Findings<'_>,
    previous: &[WarningStatus],
    now: Timestamp,
) -> Vec<WarningStatus> {
    let ending = findings.expiries.iter().map(|expiry| {
        let said = match expiry.end {
            End::Unseen => Said::AsBefore,
            End::Never => Said::Nothing,
            End::At(end) => Said::of(expiry.warning(end, now)),
        };
        (expiry.credential.to_owned(), said)
    });
    let all = of_kafka(findings).into_iter().chain(of_store(findings, previous)).chain(ending);
    let told = all.filter_map(|(about, said)| match said {
        Said::AsBefore => previous.iter().find(|warning| warning.about.as_ref() == Some(&about)).cloned(),
        Said::Nothing => None,
        Said::Warning(reason, message) => {
            Some(WarningStatus { reason: reason.to_owned(), about: Some(about), message })
        }
    });
    told.collect()
}

fn of_kafka(findings: &Findings<'_>) -> Vec<(String, Said)> {
    let kafka = findings.externals.kafka.as_ref().ok();
    let brokers = kafka.map_or(Said::AsBefore, of_brokers);
    let decides = |topic: &ValidatedTopic| {
        let outcome = findings.externals.topics.iter().find(|outcome| outcome.name == topic.name);
        outcome.is_some_and(|outcome| outcome.owner.is_none())
    };
    let permissions = kafka.map_or(Said::AsBefore, |kafka| {
        let foreseen = permissions::foreseen(findings.sink, kafka, decides);
        Said::of(foreseen.map(|message| ("MissingPermission", message)))
    });
    let topics = findings.sink.all_topics().map(|ValidatedTopic { name, .. }| {
        (format!("topic/{name}"), kafka.map_or(Said::AsBefore, |kafka| of_topic(name, kafka)))
    });
    let cluster = [("brokers".to_owned(), brokers), ("permissions".to_owned(), permissions)];
    cluster.into_iter().chain(topics).collect()
}

fn of_brokers(kafka: &KafkaView) -> Said {
    match kafka.auto_creates_topics {
        None => Said::AsBefore,
        Some(false) => Said::Nothing,
        Some(true) => {
            let message = "auto.create.topics.enable is true on the brokers: whoever asks for a topic that is not there \
                           creates it with their defaults, also one that was just deleted; set it to false";
            Said::Warning("AutoCreateEnabled", message.to_owned())
        }
    }
}

fn of_topic(name: &TopicName, kafka: &KafkaView) -> Said {
    match kafka.topics.get(name) {
        None if kafka.rights.hides(name) => Said::AsBefore,
        None => Said::Nothing,
        Some(TopicView { config: None, .. }) => Said::AsBefore,
        Some(TopicView { config: Some(config), replication_factor: replicas, .. }) => {
            let unmet =
                config.get(IN_SYNC_MIN).and_then(|text| text.parse().ok()).filter(|needed| replicas < needed);
            Said::of(unmet.map(|needed| ("TooFewReplicas", too_few_replicas(name, *replicas, needed))))
        }
    }
}

fn too_few_replicas(name: &TopicName, replicas: u16, needed: u16) -> String {
    format!(
        "topic {name} has fewer replicas ({replicas}) than {IN_SYNC_MIN} ({needed}): producers with acks=all are refused; \
         add replicas with Kafka's own tools, or lower {IN_SYNC_MIN}"
    )
}

fn of_store(findings: &Findings<'_>, previous: &[WarningStatus]) -> [(String, Said); 2] {
    let store = findings.externals.store.as_ref().ok();
    let powerless = store.map_or(Said::AsBefore, |store| {
        let message = "the token of reductStore.adminTokenFrom has no full access, so that the operator can neither create nor \
                       alter the bucket; give it full access";
        Said::of(store.is_admin_powerless.then(|| ("AdminTokenPowerless", message.to_owned())))
    });
    let bucket = store.map_or(Said::AsBefore, |store| match &store.bucket {
        None => Said::Nothing,
        Some(bucket) => {
            let was_told = previous.iter().any(|warning| warning.reason == NEARLY_FULL);
            of_bucket(findings, bucket, if was_told { QUOTA_FREE_AGAIN } else { QUOTA_NEARLY_FULL })
        }
    });
    [("store".to_owned(), powerless), ("bucket".to_owned(), bucket)]
}

fn of_bucket(findings: &Findings<'_>, bucket: &BucketView, share: f64) -> Said {
    let is_nearly_full = bucket.quota_used().is_some_and(|used| used >= share);
    Said::of(is_nearly_full.then(|| {
        let message = format!(
            "bucket {} has used up about nine tenths of its HARD quota, at the end of which it takes no more; raise \
             reductStore.bucket.quota.size, delete records, or let the quota be FIFO",
            findings.sink.bucket.name
        );
        (NEARLY_FULL, message)
    }))
}
