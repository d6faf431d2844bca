//! Pure but for its own memory. What members said last: one that does not answer once is not one that has nothing to say.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::{MemberReport, MembersView, PodView};

/// For how long the last word of a silent member holds: a few looks.
const KEPT: Duration = Duration::from_mins(5);

/// The last report of each process, per sink, in the order of the pods' names.
#[derive(Debug, Default)]
pub(crate) struct MemberMemory {
    sinks: Mutex<HashMap<String, BTreeMap<Process, Heard>>>,
}

/// A pod's name and its process.
type Process = (String, String);

#[derive(Debug)]
struct Heard {
    report: MemberReport,
    at: Instant,
}

impl MemberMemory {
    /// Returns what the members of the sink with this uid say now or said lately. Processes of pods that are gone are forgotten;
    /// where pods could not be listed none is.
    pub(crate) fn recall(
        &self,
        uid: &str,
        pods: Option<&[PodView]>,
        reports: Vec<MemberReport>,
        now: Instant,
    ) -> MembersView {
        let mut sinks = self.sinks.lock().unwrap_or_else(PoisonError::into_inner);
        let known = sinks.entry(uid.to_owned()).or_default();
        if let Some(pods) = pods {
            known.retain(|(_, run), _| pods.iter().any(|pod| pod.run == *run));
        }
        for report in reports {
            known.insert((report.pod.clone(), report.run.clone()), Heard { report, at: now });
        }
        let mut view = MembersView::default();
        for Heard { report, at } in known.values() {
            match now.duration_since(*at) {
                Duration::ZERO => view.reports.push(report.clone()),
                // Messages have grown older since, or are stored.
                silence if silence < KEPT => {
                    view.reports.push(MemberReport { ages: BTreeMap::new(), ..report.clone() });
                }
                _ if report.stands_still() => view.silent.push(report.pod.clone()),
                _ => {}
            }
        }
        view
    }

    /// Forgets a sink that is gone.
    pub(crate) fn forget(&self, uid: &str) {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use kafkasink_crds::topic_name::TopicName;

    use super::{Duration, Instant, KEPT, MemberMemory, MemberReport, PodView};

    fn report(pod: &str, run: u32, held: u32) -> MemberReport {
        let age = ((TopicName::parse("t").unwrap(), 0), Duration::from_secs(9));
        MemberReport {
            pod: pod.to_owned(),
            run: format!("{pod}/{run}"),
            held,
            ages: [age].into(),
            ..MemberReport::default()
        }
    }

    /// One look: `pods` as far as they could be listed, and what is then known: `pod held ages`, and who is silent.
    fn look(
        memory: &MemberMemory,
        now: Instant,
        pods: Option<&[&str]>,
        reports: &[MemberReport],
        expected: (&[(&str, u32, usize)], &[&str]),
    ) {
        let view = |run: &&str| PodView { run: (*run).to_owned(), ..PodView::default() };
        let pods: Option<Vec<_>> = pods.map(|pods| pods.iter().map(view).collect());
        let found = memory.recall("u", pods.as_deref(), reports.to_vec(), now);
        let said = |report: &MemberReport| (report.pod.clone(), report.held, report.ages.len());
        let expected_reports: Vec<_> =
            expected.0.iter().map(|(pod, held, ages)| ((*pod).to_owned(), *held, *ages)).collect();
        assert_eq!(found.reports.iter().map(said).collect::<Vec<_>>(), expected_reports);
        assert_eq!(found.silent, expected.1);
    }

    #[tokio::test]
    async fn a_member_that_does_not_answer_once_holds_what_it_held() {
        let (memory, start, both) = (MemberMemory::default(), Instant::now(), &["a/0", "b/0"][..]);
        let reports = [report("b", 0, 2), report("a", 0, 0)];
        look(&memory, start, Some(both), &reports, (&[("a", 0, 1), ("b", 2, 1)], &[]));
        let later = start + KEPT / 2;
        look(&memory, later, Some(both), &[report("a", 0, 0)], (&[("a", 0, 1), ("b", 2, 0)], &[]));
        look(&memory, later, None, &[], (&[("a", 0, 1), ("b", 2, 0)], &[]));
        look(&memory, start + KEPT, Some(both), &[], (&[("a", 0, 0)], &["b"]));
        look(&memory, start + KEPT * 9, Some(both), &[], (&[], &["b"]));
        look(&memory, start + KEPT * 9, Some(both), &[report("b", 0, 0)], (&[("b", 0, 1)], &[]));
    }

    #[tokio::test]
    async fn a_process_that_has_ended_holds_nothing() {
        let (memory, start) = (MemberMemory::default(), Instant::now());
        look(&memory, start, Some(&["a/0"]), &[report("a", 0, 1)], (&[("a", 1, 1)], &[]));
        look(&memory, start + KEPT / 2, Some(&["a/1"]), &[], (&[], &[]));
        look(&memory, start + KEPT * 2, Some(&[]), &[], (&[], &[]));
    }
}
