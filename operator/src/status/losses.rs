//! Pure. What retention took before it was stored, counted from what the members report. Each process counts from zero; what
//! was counted of each is kept in the status, so that an operator that restarts counts nothing twice.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kafkasink_crds::resource::{KafkaSink, LostByMember, LostStatus};

use crate::model::{MemberReport, MembersView, PodView};

/// Returns what is lost up to now; `None` where nothing is.
pub(crate) fn lost(
    resource: &KafkaSink,
    members: &MembersView,
    pods: &[PodView],
    now: Timestamp,
) -> Option<LostStatus> {
    let previous = resource.status.as_ref().and_then(|status| status.lost_to_retention.as_ref());
    let counted = |run: &str| {
        let mut known = previous.iter().flat_map(|previous| &previous.members);
        known.find(|member| member.run == run).map_or(0, |member| member.messages)
    };
    let news: i64 =
        members.reports.iter().map(|report| (messages(report) - counted(&report.run)).max(0)).sum();
    let total = previous.map_or(0, |previous| previous.messages).saturating_add(news);
    if total == 0 {
        return None;
    }
    let before = previous.and_then(|previous| previous.last.clone());
    Some(LostStatus {
        messages: total,
        last: if news > 0 { Some(Time(whole_seconds(now))) } else { before },
        members: remembered(previous, members, pods),
    })
}

fn messages(report: &MemberReport) -> i64 {
    i64::try_from(report.lost).unwrap_or(i64::MAX)
}

/// Those that report, and those that are silent now; a process that has ended never reports again.
fn remembered(previous: Option<&LostStatus>, members: &MembersView, pods: &[PodView]) -> Vec<LostByMember> {
    let reports = members.reports.iter().filter(|report| report.lost > 0);
    let reporting =
        reports.map(|report| LostByMember { run: report.run.clone(), messages: messages(report) });
    let reports_itself = |run: &str| members.reports.iter().any(|report| report.run == run);
    // Pods that could not be listed may all be there.
    let exists = |run: &str| pods.is_empty() || pods.iter().any(|pod| pod.run == run);
    let silent = previous.iter().flat_map(|previous| &previous.members);
    let silent = silent.filter(|member| !reports_itself(&member.run) && exists(&member.run)).cloned();
    let mut all: Vec<_> = reporting.chain(silent).collect();
    all.sort_by(|one, other| one.run.cmp(&other.run));
    all
}

/// Kubernetes keeps whole seconds.
fn whole_seconds(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::{KafkaSink, MemberReport, MembersView, PodView, Time, Timestamp, lost};

    /// One look: the reports as (run, lost), the pods, and the total that the status then says.
    fn look(sink: &mut KafkaSink, second: i64, reports: &[(&str, u64)], pods: &[&str], total: Option<i64>) {
        let reports = reports.iter().map(|(run, lost)| MemberReport {
            run: (*run).to_owned(),
            lost: *lost,
            ..MemberReport::default()
        });
        let members = MembersView { reports: reports.collect(), ..MembersView::default() };
        let pods = pods.iter().map(|run| PodView { run: (*run).to_owned(), ..PodView::default() });
        let now = Timestamp::from_second(second).unwrap();
        let found = lost(sink, &members, &pods.collect::<Vec<_>>(), now);
        assert_eq!(found.as_ref().map(|lost| lost.messages), total, "{found:?}");
        sink.status.get_or_insert_default().lost_to_retention = found;
    }

    #[test]
    fn counts_each_message_once_through_restarts_of_members_and_operator() {
        let text = include_str!("../../../crds/tests/valid/smallest.yaml");
        let mut sink: KafkaSink = serde_saphyr::from_str(text).unwrap();
        look(&mut sink, 1, &[("a/0", 0)], &["a/0"], None);
        look(&mut sink, 2, &[("a/0", 5)], &["a/0"], Some(5));
        look(&mut sink, 3, &[("a/0", 5)], &["a/0"], Some(5));
        look(&mut sink, 4, &[("a/0", 7), ("b/0", 1)], &["a/0", "b/0"], Some(8));
        // One restarts, one is silent; then it is heard again.
        look(&mut sink, 5, &[("a/1", 0)], &["a/1", "b/0"], Some(8));
        look(&mut sink, 6, &[("a/1", 2), ("b/0", 1)], &["a/1", "b/0"], Some(10));
        look(&mut sink, 7, &[], &[], Some(10));
        look(&mut sink, 8, &[("b/0", 1)], &["b/0"], Some(10));
        let lost = sink.status.unwrap().lost_to_retention.unwrap();
        assert_eq!(lost.last, Some(Time(Timestamp::from_second(6).unwrap())));
        assert_eq!(lost.members.iter().map(|member| member.run.as_str()).collect::<Vec<_>>(), ["b/0"]);
    }
}
