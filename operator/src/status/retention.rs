//! Pure. `RetentionAtRisk`: joins the age of the oldest message that waits with how long its topic keeps messages.
//!
//! Kafka deletes whole segments, so messages live a little longer than what is said here. Retention by size is not foreseen:
//! what it takes is counted when it is gone.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kafkasink_crds::resource::{ConditionType, LostStatus, Reason};

use super::conditions::{Truth, Verdict};
use super::findings::Findings;
use crate::model::{Partition, PartitionView, TopicView};

/// From this share on a person should know.
const HALF: f64 = 0.5;

/// From this share on a person should act.
const NEAR: f64 = 0.8;

/// For how long a loss is shown; the count stays, and so does the Event for as long as the cluster keeps it.
const LOSS_SHOWN: SignedDuration = SignedDuration::from_hours(1);

/// The message that is closest to its end.
struct Oldest<'a> {
    partition: &'a Partition,
    age: Duration,
    kept: Duration,
}

impl Oldest<'_> {
    fn share(&self) -> f64 {
        self.age.as_secs_f64() / self.kept.as_secs_f64()
    }
}

/// Returns the share of its retention that the oldest message which waits has passed; zero where none waits, `None` where
/// that is not known.
pub(crate) fn used(findings: &Findings<'_>) -> Option<f64> {
    match oldest(findings) {
        Some(oldest) => Some(oldest.share()),
        None => is_known(findings).then_some(0.0),
    }
}

/// Returns the verdict.
pub(super) fn at_risk(findings: &Findings<'_>, now: Timestamp) -> Verdict {
    let say = |truth, reason, message: String| Verdict {
        condition: ConditionType::RetentionAtRisk,
        truth,
        reason,
        message,
    };
    let oldest = oldest(findings).filter(|oldest| oldest.share() >= HALF);
    if let Some(loss) = loss(findings, now) {
        let next = oldest.map(|oldest| format!(", and {}", described(&oldest))).unwrap_or_default();
        return say(Truth::True, Reason::LostToRetention, format!("{loss}{next}; {REMEDY}"));
    }
    match oldest {
        Some(oldest) if oldest.share() >= NEAR => {
            say(Truth::True, Reason::LagNearRetention, format!("{}; {REMEDY}", described(&oldest)))
        }
        Some(oldest) => {
            say(Truth::True, Reason::LagHalfOfRetention, format!("{}; {REMEDY}", described(&oldest)))
        }
        None if !is_known(findings) => say(
            Truth::Unknown,
            Reason::NotChecked,
            "it is not known how old the oldest message is that waits".to_owned(),
        ),
        None => {
            say(Truth::False, Reason::Reconciled, "no message comes near the end of its retention".to_owned())
        }
    }
}

const REMEDY: &str = "raise retention.time of the topic for now, and see what keeps the sink: its other conditions, its pods, \
                      or too few of them";

fn loss(findings: &Findings<'_>, now: Timestamp) -> Option<String> {
    let group = findings.externals.kafka.as_ref().ok().and_then(|kafka| kafka.group.as_ref());
    let passed: u64 = group.iter().flat_map(|group| &group.partitions).map(PartitionView::lost).sum();
    if passed > 0 {
        return Some(format!(
            "{passed} messages left Kafka before they were stored, and nobody has taken note of them yet"
        ));
    }
    let LostStatus { messages, last, .. } = findings.lost?;
    let lately = last.as_ref().is_some_and(|last| now.duration_since(last.0) < LOSS_SHOWN);
    lately.then(|| format!("{messages} messages in all left Kafka before they were stored"))
}

/// Tells whether no message can wait in a topic that loses messages by time without being seen here.
fn is_known(findings: &Findings<'_>) -> bool {
    let Ok(kafka) = &findings.externals.kafka else { return false };
    let keeps_all = |topic| kafka.topics.get(topic).is_some_and(|topic| kept(topic).is_none());
    kafka.group.is_some() && findings.ages.unknown.iter().all(|(topic, _)| keeps_all(topic))
}

fn oldest<'a>(findings: &'a Findings<'_>) -> Option<Oldest<'a>> {
    let topics = &findings.externals.kafka.as_ref().ok()?.topics;
    let waiting = findings.ages.known.iter().filter_map(|(partition, age)| {
        let kept = kept(topics.get(&partition.0)?)?;
        Some(Oldest { partition, age: *age, kept })
    });
    waiting.max_by(|one, other| one.share().total_cmp(&other.share()))
}

/// How long a topic keeps messages; `None` where time deletes none.
fn kept(topic: &TopicView) -> Option<Duration> {
    let policy = topic.config.get("cleanup.policy").map_or("delete", String::as_str);
    let kept_ms: i64 = topic.config.get("retention.ms")?.parse().ok()?;
    let deletes = policy.split(',').any(|word| word.trim() == "delete");
    u64::try_from(kept_ms).ok().filter(|kept_ms| deletes && *kept_ms > 0).map(Duration::from_millis)
}

fn described(oldest: &Oldest<'_>) -> String {
    let (topic, partition) = oldest.partition;
    let (age, kept) = (roughly(oldest.age), roughly(oldest.kept));
    let left = oldest.kept.saturating_sub(oldest.age);
    let end =
        if left.is_zero() { "may go at any moment".to_owned() } else { format!("goes in {}", roughly(left)) };
    format!(
        "the oldest message of topic {topic}, partition {partition}, that waits is {age} old, is kept for {kept} and {end}"
    )
}

/// In one unit, so that the text does not change with every look.
fn roughly(time: Duration) -> String {
    let seconds = time.as_secs();
    let (count, unit) = match seconds {
        172_800.. => (seconds / 86_400, "days"),
        7_200.. => (seconds / 3_600, "hours"),
        120.. => (seconds / 60, "minutes"),
        _ => return "less than 2 minutes".to_owned(),
    };
    format!("{count} {unit}")
}

#[cfg(test)]
mod tests {
    use super::{Duration, TopicView, kept, roughly};

    fn topic(config: &[(&str, &str)]) -> TopicView {
        let config = config.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        TopicView { id: "id".to_owned(), partitions: 1, replication_factor: 1, config: config.collect() }
    }

    #[test]
    fn knows_which_topics_lose_messages_by_time() {
        let check = |config: &[(&str, &str)], expected: Option<u64>| {
            assert_eq!(kept(&topic(config)), expected.map(Duration::from_millis), "{config:?}");
        };
        check(&[("retention.ms", "1000")], Some(1000));
        check(&[("retention.ms", "1000"), ("cleanup.policy", "compact,delete")], Some(1000));
        check(&[("retention.ms", "1000"), ("cleanup.policy", "compact")], None);
        check(&[("retention.ms", "-1")], None);
        check(&[], None);
    }

    #[test]
    fn speaks_in_one_unit() {
        for (seconds, text) in [
            (5, "less than 2 minutes"),
            (120, "2 minutes"),
            (7_199, "119 minutes"),
            (7_200, "2 hours"),
            (200_000, "2 days"),
        ] {
            assert_eq!(roughly(Duration::from_secs(seconds)), text);
        }
    }
}
