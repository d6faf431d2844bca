//! The pods of the demo: which there are, and which of them are others than before. IO: processes.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Pod as Object;
use kube::ResourceExt as _;
use serde::Deserialize;

use super::kubectl::Kubectl;
use super::stage::OPERATOR_NAMESPACE;
use crate::lab::in_cluster::NAMESPACE;
use crate::lab::manifests::is_ready;

/// Finds the pods of all sinks.
pub const OF_SINKS: &str = "app.kubernetes.io/name=kafkasink-runtime";

/// What of a pod tells whether it was disturbed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its name, which one in its place may have too.
    pub name: String,
    /// What no other pod has.
    pub uid: String,
    /// How often a container of it was started again.
    pub restarts: i32,
    /// How the container that was started again had ended.
    pub exit_code: Option<i32>,
    /// Whether it works.
    pub is_ready: bool,
}

/// What is disturbed on purpose.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The pod that is deleted, so that another comes in its place.
    pub deleted: &'a str,
    /// The pod whose container is killed, so that it is started again.
    pub killed: &'a str,
}

/// The exit code of a container that SIGKILL ended.
pub const KILLED: i32 = 128 + 9;

#[derive(Deserialize)]
struct List {
    items: Vec<Object>,
}

/// Returns all pods of the demo, the operator's among them.
///
/// # Errors
/// kubectl fails.
pub async fn all(kubectl: &Kubectl) -> Result<Vec<Pod>> {
    let mut pods = selected(kubectl, OPERATOR_NAMESPACE, "").await?;
    pods.extend(selected(kubectl, NAMESPACE, "").await?);
    Ok(pods)
}

/// Returns the pods of a namespace that `selector` finds, but for those that are about to end.
///
/// # Errors
/// kubectl fails.
pub async fn selected(kubectl: &Kubectl, namespace: &str, selector: &str) -> Result<Vec<Pod>> {
    let args = ["get", "pods", "--namespace", namespace, "--selector", selector, "--output=json"];
    let list: List = serde_json::from_str(&kubectl.run(&args).await?).context("read the list of pods")?;
    let staying = list.items.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
    Ok(staying.map(Pod::of).collect())
}

/// Returns the pod of this name, which is not about to end.
///
/// # Errors
/// There is none, or kubectl fails.
pub async fn named(kubectl: &Kubectl, name: &str) -> Result<Pod> {
    let pods = selected(kubectl, NAMESPACE, "").await?;
    pods.into_iter().find(|pod| pod.name == name).with_context(|| format!("find pod {name}"))
}

/// Says which pods were disturbed without being asked for, and which were not although they should have been.
#[must_use]
pub fn surprises(before: &[Pod], after: &[Pod], asked: Asked<'_>) -> Vec<String> {
    let early = before.iter().filter(|pod| pod.restarts > 0);
    let early = early.map(|pod| format!("{} has restarts before the second act: {}", pod.name, pod.restarts));
    let came = after.iter().filter(|pod| !before.iter().any(|old| old.name == pod.name));
    let came = came.map(|pod| format!("{} was not there before the second act", pod.name));
    let changed = before.iter().filter_map(|old| {
        let Some(pod) = after.iter().find(|pod| pod.name == old.name) else {
            return Some(format!("{} is gone", old.name));
        };
        disturbance(old, pod, asked)
    });
    early.chain(came).chain(changed).collect()
}

fn disturbance(old: &Pod, pod: &Pod, asked: Asked<'_>) -> Option<String> {
    let (name, again) = (&pod.name, pod.restarts - if pod.uid == old.uid { old.restarts } else { 0 });
    match (pod.uid != old.uid, name == asked.deleted) {
        (true, false) => return Some(format!("{name} is another pod than before")),
        (false, true) => return Some(format!("{name} is still the pod that was deleted")),
        (true, true) | (false, false) => {}
    }
    let wanted = i32::from(name == asked.killed);
    let last = pod.exit_code.map_or_else(String::new, |code| format!(", the last after exit code {code}"));
    if again != wanted {
        return Some(format!("{name} has restarts: {again} instead of {wanted}{last}"));
    }
    let was_killed = wanted == 0 || pod.exit_code == Some(KILLED);
    (!was_killed).then(|| format!("{name} has a restart{last}, not after SIGKILL"))
}

impl Pod {
    fn of(object: &Object) -> Self {
        let containers = object.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
        let containers: Vec<_> = containers.collect();
        let last_ends =
            containers.iter().filter_map(|container| container.last_state.as_ref()?.terminated.as_ref());
        Self {
            name: object.name_any(),
            uid: object.uid().unwrap_or_default(),
            restarts: containers.iter().map(|container| container.restart_count).sum(),
            exit_code: last_ends.map(|end| end.exit_code).next_back(),
            is_ready: is_ready(object),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, KILLED, Pod, surprises};

    const ASKED: Asked<'_> = Asked { deleted: "sink-0", killed: "store-0" };

    fn pod(name: &str, uid: &str, restarts: i32, exit_code: Option<i32>) -> Pod {
        Pod { name: name.to_owned(), uid: uid.to_owned(), restarts, exit_code, is_ready: true }
    }

    fn before() -> Vec<Pod> {
        [("sink-0", "a"), ("sink-1", "b"), ("store-0", "c")].map(|(name, uid)| pod(name, uid, 0, None)).into()
    }

    fn check(change: impl Fn(&mut Vec<Pod>), expected: &[&str]) {
        let mut after = before();
        after[0] = pod("sink-0", "d", 0, None);
        after[2] = pod("store-0", "c", 1, Some(KILLED));
        change(&mut after);
        assert_eq!(surprises(&before(), &after, ASKED), expected);
    }

    #[test]
    fn what_was_asked_for_is_no_surprise() {
        check(|_| {}, &[]);
    }

    #[test]
    fn a_pod_that_crashes_is_a_surprise_also_where_it_took_the_place_of_a_deleted_one() {
        check(
            |after| after[1] = pod("sink-1", "b", 1, Some(101)),
            &["sink-1 has restarts: 1 instead of 0, the last after exit code 101"],
        );
        check(
            |after| after[0] = pod("sink-0", "d", 2, Some(1)),
            &["sink-0 has restarts: 2 instead of 0, the last after exit code 1"],
        );
    }

    #[test]
    fn a_pod_that_was_replaced_or_is_gone_or_came_is_a_surprise() {
        check(|after| after[1] = pod("sink-1", "e", 0, None), &["sink-1 is another pod than before"]);
        check(|after| drop(after.remove(1)), &["sink-1 is gone"]);
        check(
            |after| after.push(pod("sink-2", "f", 0, None)),
            &["sink-2 was not there before the second act"],
        );
    }

    #[test]
    fn a_disturbance_that_did_not_happen_or_happened_twice_is_a_surprise() {
        check(|after| after[0] = pod("sink-0", "a", 0, None), &["sink-0 is still the pod that was deleted"]);
        check(|after| after[2] = pod("store-0", "c", 0, None), &["store-0 has restarts: 0 instead of 1"]);
        check(
            |after| after[2] = pod("store-0", "c", 2, Some(KILLED)),
            &["store-0 has restarts: 2 instead of 1, the last after exit code 137"],
        );
        check(
            |after| after[2] = pod("store-0", "c", 1, Some(0)),
            &["store-0 has a restart, the last after exit code 0, not after SIGKILL"],
        );
    }
}
