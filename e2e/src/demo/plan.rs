//! Pure. What the demo is going to do to the machine, in words, before it does it.

/// The plan: what is installed, what it costs, how it is undone. `make demo PLAN=1` prints the file itself, without
/// compiling anything.
pub const TEXT: &str = include_str!("../../demo/plan.txt");

#[cfg(test)]
mod tests {
    use super::super::workload::WORKLOADS;
    use super::TEXT;
    use crate::lab::versions;

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

    #[test]
    fn the_plan_names_the_number_of_messages() {
        let messages: u64 = WORKLOADS.iter().map(|workload| workload.messages).sum();
        assert!(TEXT.contains(&format!("produces {messages} messages")));
    }
}
