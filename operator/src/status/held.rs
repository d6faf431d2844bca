//! Pure. Partitions that stand still until a person acts, as the members tell of them.

use kafkasink_crds::resource::Reason;

use crate::desired::ADMIN_PORT;
use crate::model::{MemberReport, MembersView, Problem};

/// Returns what holds partitions, if anything does. Offsets that are not there come first: partitions are
/// held for as long as they are missing.
pub(super) fn problem(members: &MembersView) -> Option<Problem> {
    without_start(members).or_else(|| expired(members)).or_else(|| held(members))
}

/// Returns why it is not known whether partitions are held: members held some, and do not answer any more.
pub(super) fn silence(members: &MembersView) -> Option<String> {
    let first = members.silent.first()?;
    let pods = pods(first, members.silent.len());
    Some(format!(
        "{pods} held partitions when it last answered, and has not answered for minutes; see the pod's log, and let the operator \
         reach port {ADMIN_PORT} of the pods"
    ))
}

fn without_start(members: &MembersView) -> Option<Problem> {
    let held = those(members, |report| report.without_start)?;
    Some(Problem::new(
        Reason::NeedsStart,
        format!(
            "{held}, because kafka.groupId was changed and the new group has no offsets; set paused to true and put the old group \
             back, or copy its offsets (its name is in the pod's log) with kafka-consumer-groups --reset-offsets, then go on"
        ),
    ))
}

fn expired(members: &MembersView) -> Option<Problem> {
    let held = those(members, |report| report.expired)?;
    Some(Problem::new(
        Reason::OffsetsExpired,
        format!(
            "{held}, because the group's offsets have expired and nobody knows where to go on; set replicas to 0, set the \
             offsets with kafka-consumer-groups --reset-offsets (what is stored already is recognised), set replicas back"
        ),
    ))
}

fn held(members: &MembersView) -> Option<Problem> {
    let held = those(members, |report| report.held)?;
    let message = format!("{held} until a person acts; do what the last ERROR line in its log says");
    Some(Problem::new(Reason::PartitionsHeld, message))
}

/// As in `2 partitions of pod cameras-sink-0 and 1 more are held`.
fn those(members: &MembersView, count: impl Fn(&MemberReport) -> u32) -> Option<String> {
    let concerned: Vec<_> = members.reports.iter().filter(|report| count(report) > 0).collect();
    let first = concerned.first()?;
    let pods = pods(&first.pod, concerned.len());
    Some(match concerned.iter().map(|report| count(report)).sum::<u32>() {
        1 => format!("1 partition of {pods} is held"),
        more => format!("{more} partitions of {pods} are held"),
    })
}

/// As in `pod cameras-sink-0 and 1 more`.
fn pods(first: &str, count: usize) -> String {
    match count {
        0 | 1 => format!("pod {first}"),
        more => format!("pod {first} and {} more", more - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::{MemberReport, MembersView, Reason, problem};

    fn member(pod: &str, held: u32, expired: u32) -> MemberReport {
        MemberReport { pod: pod.to_owned(), held, expired, ..MemberReport::default() }
    }

    fn regrouped(pod: &str) -> MemberReport {
        MemberReport { without_start: 3, ..member(pod, 3, 0) }
    }

    fn check(reports: &[MemberReport], expected: Option<(Reason, &str)>) {
        let found = problem(&MembersView { reports: reports.to_vec(), ..MembersView::default() });
        let said = found.as_ref().map(|problem| (problem.reason, problem.message.as_str()));
        match (said, expected) {
            (Some((reason, message)), Some((wanted, start))) => {
                assert!(reason == wanted && message.starts_with(start), "{found:?}");
            }
            (said, expected) => assert_eq!(said, expected),
        }
    }

    #[test]
    fn tells_which_pods_hold_partitions_and_of_expired_offsets_first() {
        check(&[member("a", 0, 0)], None);
        check(&[member("a", 1, 0)], Some((Reason::PartitionsHeld, "1 partition of pod a is held until")));
        check(
            &[member("a", 0, 0), member("b", 2, 0), member("c", 1, 0)],
            Some((Reason::PartitionsHeld, "3 partitions of pod b and 1 more are held until")),
        );
        check(
            &[member("a", 1, 0), member("b", 0, 2)],
            Some((Reason::OffsetsExpired, "2 partitions of pod b are held, because the group's offsets")),
        );
        check(
            &[member("a", 0, 1), regrouped("b")],
            Some((Reason::NeedsStart, "3 partitions of pod b are held, because kafka.groupId was changed")),
        );
    }
}
