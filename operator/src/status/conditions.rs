//! Pure. Conditions: a verdict becomes one; its time moves only when its status does.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kafkasink_crds::resource::{ConditionType, Reason};

/// Longest message that the API server takes is 32 KiB; nobody reads more than this.
const MESSAGE_CHARACTERS_MAX: usize = 1024;

/// What is said of one condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Which condition.
    pub(super) condition: ConditionType,
    /// Whether it holds.
    pub(super) truth: Truth,
    /// Why.
    pub(super) reason: Reason,
    /// Why, for people.
    pub(super) message: String,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    /// It does.
    True,
    /// It does not.
    False,
    /// Nobody knows.
    Unknown,
}

impl Truth {
    fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// Returns the condition of a type.
pub(crate) fn find(conditions: &[Condition], kind: ConditionType) -> Option<&Condition> {
    conditions.iter().find(|condition| condition.type_ == kind.as_str())
}

/// Returns the conditions that follow from the verdicts, in their order.
pub(super) fn merge(
    previous: &[Condition],
    verdicts: &[Verdict],
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    verdicts.iter().map(|verdict| condition(previous, verdict, generation, now)).collect()
}

fn condition(
    previous: &[Condition],
    verdict: &Verdict,
    generation: Option<i64>,
    now: Timestamp,
) -> Condition {
    let status = verdict.truth.as_str();
    let unchanged = find(previous, verdict.condition).filter(|condition| condition.status == status);
    Condition {
        type_: verdict.condition.as_str().to_owned(),
        status: status.to_owned(),
        reason: verdict.reason.as_str().to_owned(),
        message: verdict.message.chars().take(MESSAGE_CHARACTERS_MAX).collect(),
        observed_generation: generation,
        last_transition_time: unchanged
            .map_or_else(|| Time(whole_seconds(now)), |condition| condition.last_transition_time.clone()),
    }
}

/// Kubernetes keeps whole seconds; a finer time would never equal the one that is read back.
fn whole_seconds(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}
