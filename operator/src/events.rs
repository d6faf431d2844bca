//! Pure. The Events a person cares about: what was created or changed, and when a sink begins or ceases to work.

use kafkasink_crds::resource::{ConditionType, KafkaSinkStatus, Reason};

use crate::model::{AppliedExternals, TopicChange, TopicOutcome};
use crate::status::find;

/// One Event to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// Whether something is wrong.
    pub(crate) warning: bool,
    /// `CamelCase`, for machines.
    pub(crate) reason: String,
    /// For people.
    pub(crate) note: String,
}

impl Notice {
    /// Returns an Event that tells of something done.
    pub(crate) fn normal(reason: &str, note: String) -> Self {
        Self { warning: false, reason: reason.to_owned(), note }
    }

    /// Returns an Event that tells of something wrong.
    pub(crate) fn warning(reason: &str, note: String) -> Self {
        Self { warning: true, reason: reason.to_owned(), note }
    }
}

/// Returns what was done outside Kubernetes.
pub(crate) fn of_externals(externals: &AppliedExternals, bucket: &str) -> Vec<Notice> {
    let created =
        externals.bucket.created.then(|| Notice::normal("BucketCreated", format!("created bucket {bucket}")));
    externals.topics.iter().flat_map(of_topic).chain(created).collect()
}

/// Returns what changed between two statuses of a resource.
pub(crate) fn of_status(previous: Option<&KafkaSinkStatus>, now: &KafkaSinkStatus) -> Vec<Notice> {
    let turned = ready(previous, now);
    // A drift that keeps the sink from being ready is told by that.
    let drifted =
        drifted(previous, now).into_iter().filter(|drift| !turned.iter().any(|turn| turn.note == drift.note));
    let drifted: Vec<_> = drifted.collect();
    let (replaced, warned) = (replaced(previous, now), warned(previous, now));
    let others = drifted.into_iter().chain(replaced).chain(warned);
    let harm = at_risk(previous, now).into_iter().chain(lost(previous, now));
    scaled(previous, now).into_iter().chain(turned).chain(others).chain(harm).collect()
}

fn of_topic(outcome: &TopicOutcome) -> impl Iterator<Item = Notice> {
    let name = &outcome.name;
    outcome.changes.iter().map(move |change| match change {
        TopicChange::Created => {
            let shape = outcome.view.as_ref().map(|view| {
                format!(", partitions: {}, replication factor: {}", view.partitions, view.replication_factor)
            });
            Notice::normal("TopicCreated", format!("created topic {name}{}", shape.unwrap_or_default()))
        }
        TopicChange::PartitionsRaised { from, to } => Notice::normal(
            "PartitionsIncreased",
            format!("raised the partitions of topic {name} from {from} to {to}"),
        ),
        TopicChange::ConfigSet(keys) => {
            Notice::normal("TopicConfigChanged", format!("set {} of topic {name}", keys.join(", ")))
        }
    })
}

fn scaled(previous: Option<&KafkaSinkStatus>, now: &KafkaSinkStatus) -> Option<Notice> {
    let replicas =
        |status: &KafkaSinkStatus| status.effective.as_ref().and_then(|effective| effective.replicas);
    let (from, to) = (previous.and_then(replicas).unwrap_or(0), replicas(now)?);
    (from != to).then(|| {
        Notice::normal(
            "Scaled",
            format!("scaled from {from} to {to} {}", if to == 1 { "pod" } else { "pods" }),
        )
    })
}

/// Becoming ready, and every new reason for not being so; waiting is no news.
fn ready(previous: Option<&KafkaSinkStatus>, now: &KafkaSinkStatus) -> Option<Notice> {
    let before = previous.and_then(|status| find(&status.conditions, ConditionType::Ready));
    let ready = find(&now.conditions, ConditionType::Ready)?;
    if before.is_some_and(|before| before.status == ready.status && before.reason == ready.reason) {
        return None;
    }
    let waiting = [Reason::Progressing, Reason::RolloutInProgress, Reason::NotChecked];
    if waiting.iter().any(|reason| reason.as_str() == ready.reason) {
        return None;
    }
    if ready.status == "True" {
        let reason = if ready.reason == Reason::Reconciled.as_str() { "Ready" } else { &ready.reason };
        return Some(Notice::normal(reason, ready.message.clone()));
    }
    Some(Notice::warning(&ready.reason, ready.message.clone()))
}

/// What differs from what is declared and is left alone on purpose keeps nothing from being ready.
fn drifted(previous: Option<&KafkaSinkStatus>, now: &KafkaSinkStatus) -> Vec<Notice> {
    let drifts = [
        (ConditionType::TopicsReady, Reason::TopicDrifted.as_str()),
        (ConditionType::TargetReady, Reason::BucketDrifted.as_str()),
    ];
    let message = |status: &KafkaSinkStatus, kind: ConditionType, reason: &str| {
        let condition = find(&status.conditions, kind)?;
        (condition.reason == reason).then(|| condition.message.clone())
    };
    let new = drifts.into_iter().filter_map(|(kind, reason)| {
        let told = previous.and_then(|previous| message(previous, kind, reason));
        let now = message(now, kind, reason).filter(|now| Some(now) != told.as_ref())?;
        Some(Notice::warning(reason, now))
    });
    new.collect()
}

/// Topics that were deleted and created again, whoever did it.
fn replaced(previous: Option<&KafkaSinkStatus>, now: &KafkaSinkStatus) -> Vec<Notice> {
    let before = |name: &str| previous?.topics.iter().find(|topic| topic.name == name)?.life;
    let begun = now.topics.iter().filter_map(|topic| {
        let (name, life) = (&topic.name, topic.life?);
        before(name).filter(|before| *before < life)?;
        let note = format!(
            "topic {name} was deleted and created again; it is read from its beginning, as life {life}"
        );
        Some(Notice::warning("TopicReplaced", note))
    });
    begun.collect()
}

fn warned(previous: Option<&KafkaSinkStatus>, now: &KafkaSinkStatus) -> Vec<Notice> {
    let known = previous.map_or(&[][..], |status| &status.warnings);
    let new = now.warnings.iter().filter(|warning| !known.contains(warning));
    new.map(|warning| Notice::warning(&warning.reason, warning.message.clone())).collect()
}

/// Every step towards a loss, and that it is averted.
fn at_risk(previous: Option<&KafkaSinkStatus>, now: &KafkaSinkStatus) -> Option<Notice> {
    let of = |status: &KafkaSinkStatus| find(&status.conditions, ConditionType::RetentionAtRisk).cloned();
    let (before, now) = (previous.and_then(of), of(now)?);
    let was_true = before.as_ref().is_some_and(|before| before.status == "True");
    match now.status.as_str() {
        // Losses have Events of their own.
        "True" if now.reason == Reason::LostToRetention.as_str() => None,
        "True" if before.is_some_and(|before| before.reason == now.reason) => None,
        "True" => Some(Notice::warning(&now.reason, now.message)),
        "False" if was_true => Some(Notice::normal("RetentionSafe", now.message)),
        _ => None,
    }
}

fn lost(previous: Option<&KafkaSinkStatus>, now: &KafkaSinkStatus) -> Option<Notice> {
    let count = |status: &KafkaSinkStatus| status.lost_to_retention.as_ref().map_or(0, |lost| lost.messages);
    let (before, now) = (previous.map_or(0, count), count(now));
    (now > before).then(|| {
        let note = format!("{} messages left Kafka before they were stored, {now} in all", now - before);
        Notice::warning(Reason::LostToRetention.as_str(), note)
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
    use kafkasink_crds::resource::{EffectiveSettings, TopicStatus, WarningStatus};

    use super::{KafkaSinkStatus, of_status};

    fn status(ready: &str, reason: &str, replicas: i32) -> KafkaSinkStatus {
        let ready = Condition {
            type_: "Ready".to_owned(),
            status: ready.to_owned(),
            reason: reason.to_owned(),
            message: "why".to_owned(),
            observed_generation: None,
            last_transition_time: Time(jiff::Timestamp::UNIX_EPOCH),
        };
        KafkaSinkStatus {
            conditions: vec![ready],
            effective: Some(EffectiveSettings { replicas: Some(replicas), ..EffectiveSettings::default() }),
            ..KafkaSinkStatus::default()
        }
    }

    fn check(before: Option<&KafkaSinkStatus>, now: &KafkaSinkStatus, expected: &[&str]) {
        let notices = of_status(before, now);
        let reasons: Vec<_> = notices.iter().map(|notice| notice.reason.as_str()).collect();
        assert_eq!(reasons, expected);
    }

    #[test]
    fn tells_of_turns_and_not_of_waiting() {
        let waiting = status("False", "RolloutInProgress", 2);
        let working = status("True", "Reconciled", 2);
        let cut_off = status("False", "KafkaUnreachable", 2);
        check(None, &waiting, &["Scaled"]);
        check(Some(&waiting), &working, &["Ready"]);
        check(Some(&working), &working, &[]);
        check(Some(&working), &waiting, &[]);
        check(Some(&working), &cut_off, &["KafkaUnreachable"]);
        check(Some(&cut_off), &cut_off, &[]);
        check(Some(&working), &status("True", "Paused", 0), &["Scaled", "Paused"]);
    }

    #[test]
    fn tells_once_of_drift_lives_and_warnings() {
        let working = status("True", "Reconciled", 2);
        let mut drifted = working.clone();
        let condition = Condition {
            type_: "TopicsReady".to_owned(),
            reason: "TopicDrifted".to_owned(),
            ..drifted.conditions[0].clone()
        };
        drifted.conditions.push(condition);
        check(Some(&working), &drifted, &["TopicDrifted"]);
        check(Some(&drifted), &drifted, &[]);

        let life = |life| TopicStatus { life: Some(life), ..TopicStatus::named("t") };
        let [first, second] =
            [1, 2].map(|number| KafkaSinkStatus { topics: vec![life(number)], ..working.clone() });
        check(Some(&working), &first, &[]);
        check(Some(&first), &second, &["TopicReplaced"]);

        let warning =
            WarningStatus { reason: "TooFewReplicas".to_owned(), about: None, message: "why".to_owned() };
        let warned = KafkaSinkStatus { warnings: vec![warning], ..working.clone() };
        check(Some(&working), &warned, &["TooFewReplicas"]);
        check(Some(&warned), &warned, &[]);
    }
}
