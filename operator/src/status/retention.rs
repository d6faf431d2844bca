//! Pure. `RetentionAtRisk`: joins the age of the oldest message that waits with how long its topic keeps messages.
//!
//! Kafka deletes whole segments, so messages live a little longer than what is said here. Retention by size is not foreseen:
//! what it takes is counted when it is gone.
//!
//! The text speaks in tenths of the retention: it is written into the status, and a status at rest changes rarely. The metric
//! has the share itself.

use std::cmp::Reverse;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kafkasink_crds::resource::{ConditionType, LostStatus, Reason};

use super::conditions::{Truth, Verdict};
use super::findings::Findings;
use super::group::two_digits;
use crate::model::{Ages, Partition, PartitionView, TopicView};

/// From so many tenths on a person should know.
const HALF: u32 = 5;

/// From so many tenths on a person should act.
const NEAR: u32 = 8;

/// For how long a loss is shown; the count stays, and so does the Event for as long as the cluster keeps it.
const LOSS_SHOWN: SignedDuration = SignedDuration::from_hours(1);

/// How long a topic keeps messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// The brokers do not tell us.
    NotTold,
    /// Time deletes none.
    AtAnyAge,
    /// For this long.
    For(Duration),
}

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

    /// How many whole tenths of its time have passed, ten where it is over.
    fn tenths(&self) -> u32 {
        let passed = |tenths: &u32| self.age >= self.kept * *tenths / 10;
        (1..=10).take_while(passed).last().unwrap_or(0)
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
    let oldest = spoken_of(findings).filter(|oldest| oldest.tenths() >= HALF);
    if let Some(loss) = loss(findings, now) {
        let next = oldest.map(|oldest| format!(", and {}", described(&oldest))).unwrap_or_default();
        return say(Truth::True, Reason::LostToRetention, format!("{loss}{next}; {REMEDY}"));
    }
    match oldest {
        Some(oldest) if oldest.tenths() >= NEAR => {
            say(Truth::True, Reason::LagNearRetention, format!("{}; {REMEDY}", described(&oldest)))
        }
        Some(oldest) => {
            say(Truth::True, Reason::LagHalfOfRetention, format!("{}; {REMEDY}", described(&oldest)))
        }
        None if !is_known(findings) => say(
            Truth::Unknown,
            Reason::NotChecked,
            "it is not known how old the oldest message is that waits, or how long its topic keeps it"
                .to_owned(),
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
        let passed = two_digits(passed);
        return Some(format!(
            "{passed} messages or more left Kafka before they were stored, and nobody has taken note of them yet"
        ));
    }
    let LostStatus { messages, last, .. } = findings.lost?;
    let lately = last.as_ref().is_some_and(|last| now.duration_since(last.0) < LOSS_SHOWN);
    lately.then(|| format!("{messages} messages in all left Kafka before they were stored"))
}

/// Tells whether no message can wait in a topic that loses messages by time, or may do so, without being seen here.
fn is_known(findings: &Findings<'_>) -> bool {
    let Ok(kafka) = &findings.externals.kafka else { return false };
    let kept = |(topic, _): &Partition| kafka.topics.get(topic).map_or(Kept::NotTold, kept);
    let Ages { known, unknown } = findings.ages;
    kafka.group.is_some()
        && unknown.iter().all(|partition| kept(partition) == Kept::AtAnyAge)
        && known.keys().all(|partition| kept(partition) != Kept::NotTold)
}

fn oldest<'a>(findings: &'a Findings<'_>) -> Option<Oldest<'a>> {
    waiting(findings).max_by(|one, other| one.share().total_cmp(&other.share()))
}

/// The oldest by tenths, the first in order of those: another one that is a little older does not change the text.
fn spoken_of<'a>(findings: &'a Findings<'_>) -> Option<Oldest<'a>> {
    waiting(findings).min_by_key(|oldest| Reverse(oldest.tenths()))
}

fn waiting<'a>(findings: &'a Findings<'_>) -> impl Iterator<Item = Oldest<'a>> {
    let topics = findings.externals.kafka.as_ref().ok().map(|kafka| &kafka.topics);
    findings.ages.known.iter().filter_map(move |(partition, age)| {
        let Kept::For(kept) = kept(topics?.get(&partition.0)?) else { return None };
        Some(Oldest { partition, age: *age, kept })
    })
}

fn kept(topic: &TopicView) -> Kept {
    let Some(config) = &topic.config else { return Kept::NotTold };
    let policy = config.get("cleanup.policy").map_or("delete", String::as_str);
    let deletes = policy.split(',').any(|word| word.trim() == "delete");
    let kept_ms = config.get("retention.ms").and_then(|text| text.parse().ok());
    match kept_ms.filter(|kept_ms| deletes && *kept_ms > 0) {
        Some(kept_ms) => Kept::For(Duration::from_millis(kept_ms)),
        None => Kept::AtAnyAge,
    }
}

fn described(oldest: &Oldest<'_>) -> String {
    let ((topic, partition), tenths) = (oldest.partition, oldest.tenths());
    let left = |passed: u32| roughly(oldest.kept * 10_u32.saturating_sub(passed) / 10);
    let end = match tenths {
        10.. => "may go at any moment".to_owned(),
        9 => format!("goes in at most {}", left(9)),
        _ => format!("goes in {} to {}", left(tenths + 1), left(tenths)),
    };
    format!(
        "the oldest message of topic {topic}, partition {partition}, that waits has passed {} % of the {} that it is kept for and \
         {end}",
        tenths * 10,
        roughly(oldest.kept)
    )
}

/// In one unit.
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
    use super::{Duration, Kept, TopicView, kept, roughly};

    fn topic(config: Option<&[(&str, &str)]>) -> TopicView {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let config = config.map(|config| config.iter().map(owned).collect());
        TopicView { id: "id".to_owned(), partitions: 1, replication_factor: 1, config }
    }

    #[test]
    fn knows_which_topics_lose_messages_by_time() {
        let check = |config: Option<&[(&str, &str)]>, expected: Kept| {
            assert_eq!(kept(&topic(config)), expected, "{config:?}");
        };
        let second = Kept::For(Duration::from_secs(1));
        check(Some(&[("retention.ms", "1000")]), second);
        check(Some(&[("retention.ms", "1000"), ("cleanup.policy", "compact,delete")]), second);
        check(Some(&[("retention.ms", "1000"), ("cleanup.policy", "compact")]), Kept::AtAnyAge);
        check(Some(&[("retention.ms", "-1")]), Kept::AtAnyAge);
        check(Some(&[]), Kept::AtAnyAge);
        check(None, Kept::NotTold);
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
