//! Pure. What the demo is going to do to the machine, in words, before it does it.

use std::path::Path;

use super::workload::WORKLOADS;
use crate::lab::versions;

/// Returns the plan: what is installed, what it costs, how it is undone.
#[must_use]
pub fn text(cache: &Path, foreign_cluster: Option<&Path>) -> String {
    let messages: u64 = WORKLOADS.iter().map(|workload| workload.messages).sum();
    let cluster = match foreign_cluster {
        Some(kubeconfig) => format!("uses the cluster of {}", kubeconfig.display()),
        None => format!(
            "installs Debian packages for a node (containerd, runc, CNI plugins, iptables, …), builds Kubernetes {}\n    \
             and CoreDNS {} from their Go modules and starts a cluster of one node on this machine",
            versions::KUBERNETES,
            versions::COREDNS,
        ),
    };
    format!(
        "\
make demo runs the whole path on real parts:
  1. {cluster}
  2. fetches Apache Kafka {kafka} (Maven Central), builds ReductStore {store} (crate registry) and Helm {helm} (Go module)
  3. builds the operator and the runtime (release) and their images, installs both charts with Helm
  4. starts Kafka and ReductStore as pods, applies three KafkaSinks with kubectl
  5. produces {messages} messages, scales one sink while it works, reads every record back and compares it

  costs   about 20 minutes the first time on 2 cores, under 2 minutes later; about 8 GB of disk, 4 GB of memory
  keeps   what was built: {cache}
  undo    make lab-down                 stops the cluster and removes its mounts, interfaces, cgroups and rules
          rm -r {cache}   frees the disk; Debian packages stay installed
",
        kafka = versions::KAFKA,
        store = versions::REDUCTSTORE,
        helm = versions::HELM,
        cache = cache.display(),
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::text;

    #[test]
    fn the_plan_says_what_is_kept_and_how_to_undo_it() {
        let plan = text(Path::new("/home/me/.cache/lab"), None);
        assert!(plan.contains("builds Kubernetes") && plan.contains("make lab-down"));
        assert!(plan.contains("rm -r /home/me/.cache/lab"));
    }

    #[test]
    fn a_cluster_that_is_there_is_used_and_not_built() {
        let plan = text(Path::new("/c"), Some(Path::new("/home/me/.kube/config")));
        assert!(
            plan.contains("uses the cluster of /home/me/.kube/config") && !plan.contains("builds Kubernetes")
        );
    }
}
