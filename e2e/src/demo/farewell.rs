//! Pure. The last words: how to look around while everything runs, and how to undo it.

use std::path::Path;

use super::stage::{CHARTS, OPERATOR_NAMESPACE};
use crate::lab::in_cluster::NAMESPACE;

/// Returns how to look around; `programs` are folders to be put on the `PATH`.
#[must_use]
pub fn look_around(kubeconfig: &Path, programs: &[&Path]) -> String {
    let folders = programs.iter().map(|folder| folder.display().to_string());
    let path: Vec<String> = std::iter::once("$PATH".to_owned()).chain(folders).collect();
    format!(
        "
Look around while it runs:
  export KUBECONFIG={kubeconfig} PATH={path}
  kubectl get ksink,statefulset,pods -n {NAMESPACE}
  kubectl explain ksink.spec --recursive
  kubectl port-forward -n {NAMESPACE} svc/reductstore 8383 &   # token: kubectl get secret -n {NAMESPACE} reductstore -o yaml",
        kubeconfig = kubeconfig.display(),
        path = path.join(":"),
    )
}

/// Returns how the lab's own cluster is stopped.
#[must_use]
pub fn undo_own() -> String {
    "Stop it and leave the machine as it was: make lab-down".to_owned()
}

/// Returns how a cluster that the demo did not start becomes as it was: sinks first, their deletion needs the operator.
#[must_use]
pub fn undo_foreign() -> String {
    format!(
        "Undo it; the cluster is yours, `make lab-down` does not touch it:
  kubectl delete ksink --all -n {NAMESPACE}
  helm uninstall {releases} -n {OPERATOR_NAMESPACE}
  kubectl delete namespace {NAMESPACE}
  kubectl delete namespace {OPERATOR_NAMESPACE}             # unless something of yours is in it
  kubectl delete crd kafkasinks.kafkasink.dev   # the chart keeps it; deletes every KafkaSink of the cluster",
        releases = CHARTS.join(" "),
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{look_around, undo_foreign};

    #[test]
    fn programs_are_put_on_the_path() {
        let text = look_around(Path::new("/k"), &[Path::new("/a"), Path::new("/b")]);
        assert!(text.contains("export KUBECONFIG=/k PATH=$PATH:/a:/b\n"), "{text}");
    }

    #[test]
    fn what_the_demo_makes_in_a_foreign_cluster_is_undone() {
        let text = undo_foreign();
        for made in [
            "kafkasink-operator",
            "kafkasink-crds",
            "namespace plant",
            "namespace kafkasink",
            "crd kafkasinks.",
        ] {
            assert!(text.contains(made), "{made}");
        }
    }
}
