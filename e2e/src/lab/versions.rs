//! The version of every part of the lab, in one place. Pure.

/// Apache Kafka, from Maven Central.
pub const KAFKA: &str = "4.3.1";
/// ReductStore, from the crate registry.
pub const REDUCTSTORE: &str = "1.21.5";
/// etcd, as a Go module.
pub const ETCD: &str = "3.6.16";
/// Kubernetes, as a Go module.
pub const KUBERNETES: &str = "1.36.4";
/// `CoreDNS`, as a Go module.
pub const COREDNS: &str = "1.14.7";
/// reduct-py, from `PyPI`.
pub const REDUCT_PY: &str = "1.21.0";
/// confluent-kafka, from `PyPI`.
pub const CONFLUENT_KAFKA: &str = "2.16.1";
/// Helm, as a Go module.
pub const HELM: &str = "3.21.4";

#[cfg(test)]
mod tests {
    #[test]
    fn the_files_that_fetch_a_part_name_the_same_version() {
        let check = |file: &str, line: String| assert!(file.contains(&line), "{line} is not there");
        check(include_str!("../../parts/kafka/pom.xml"), format!("<kafka.version>{}<", super::KAFKA));
        check(include_str!("../../parts/etcd/go.mod"), format!("go.etcd.io/etcd/server/v3 v{}", super::ETCD));
        check(
            include_str!("../../parts/kubernetes/go.mod"),
            format!("k8s.io/kubernetes v{}", super::KUBERNETES),
        );
        check(
            include_str!("../../parts/coredns/go.mod"),
            format!("github.com/coredns/coredns v{}", super::COREDNS),
        );
    }
}
