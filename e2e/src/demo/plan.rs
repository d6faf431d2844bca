//! Pure. What the demo is going to do to the machine, in words, before it does it.

/// The plan: what is installed, what it costs, how it is undone. `make demo PLAN=1` prints the file itself, without
/// compiling anything.
pub const TEXT: &str = include_str!("../../demo/plan.txt");

#[cfg(test)]
mod tests {
    use super::super::workload::WORKLOADS;
    use super::super::{look, stage};
    use super::TEXT;
    use crate::lab::preflight::Need;
    use crate::lab::{Paths, versions};

    #[test]
    fn the_plan_names_the_versions_that_are_built() {
        let parts = [
            ("Kubernetes", versions::KUBERNETES),
            ("CoreDNS", versions::COREDNS),
            ("Kafka", versions::KAFKA),
            ("ReductStore", versions::REDUCTSTORE),
            ("Helm", versions::HELM),
        ];
        for (part, version) in parts {
            assert!(TEXT.contains(&format!("{part} {version}")), "{part} {version}");
        }
    }

    /// On a machine where nothing is built yet.
    #[test]
    fn the_plan_names_the_disk_that_is_asked_for() {
        let root = tempfile::tempdir().unwrap();
        let paths = Paths { cache: root.path().to_path_buf(), run: root.path().join("run") };
        let needs = [stage::needs(&paths, None), look::needs(&paths)].concat();
        let disk = |need: &Need| if let Need::DiskGib(gib) = need { Some(*gib) } else { None };
        let gib: u64 = needs.iter().filter_map(disk).sum();
        assert!(TEXT.contains(&format!("{gib} GiB of free disk")), "{gib} GiB");
    }

    #[test]
    fn a_foreign_cluster_takes_all_that_is_built_for_it() {
        let root = tempfile::tempdir().unwrap();
        let paths = Paths { cache: root.path().to_path_buf(), run: root.path().join("run") };
        let needs = [stage::needs(&paths, Some(root.path())), look::needs(&paths)].concat();
        for need in [Need::Go, Need::Java, Need::Jlink, Need::Maven, Need::Curl, Need::Python, Need::Pip] {
            assert!(needs.contains(&need), "{need:?}");
        }
        assert!(!needs.iter().any(|need| matches!(need, Need::Root(_))), "{needs:?}");
    }

    #[test]
    fn the_plan_names_the_number_of_messages() {
        let messages: u64 = WORKLOADS.iter().map(|workload| workload.messages).sum();
        assert!(TEXT.contains(&format!("produces {messages} messages")));
    }
}
