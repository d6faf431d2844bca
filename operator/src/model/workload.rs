//! Pure. The objects of a sink in Kubernetes: as they are, and as they shall be.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;

/// What is to be done in Kubernetes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Workload {
    /// No pod may start yet.
    Absent,
    /// The pods that run stay as they are; what they should become cannot be told or checked.
    Keep {
        /// Only fewer pods than now: the number, where it differs.
        scale_down_to: Option<u32>,
    },
    /// Everything as declared.
    Run(Box<WorkloadObjects>),
}

/// Every object of a sink.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WorkloadObjects {
    /// The pods' identity, without any right.
    pub(crate) service_account: ServiceAccount,
    /// Names for the pods, for whoever scrapes them.
    pub(crate) service: Service,
    /// The runtime's configuration, named by its content.
    pub(crate) config_map: ConfigMap,
    /// The number of members.
    pub(crate) members: ConfigMap,
    /// One pod at a time.
    pub(crate) pod_disruption_budget: PodDisruptionBudget,
    /// The pods.
    pub(crate) stateful_set: StatefulSet,
}

/// One pod as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PodView {
    /// Its name.
    pub(crate) name: String,
    /// Its process: another after each restart.
    pub(crate) run: String,
    /// Where it is reached, once it is.
    pub(crate) address: Option<String>,
    /// What keeps it from running.
    pub(crate) trouble: Option<String>,
    /// Whether it should have been ready long ago.
    pub(crate) overdue: bool,
}

/// The pods as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WorkloadView {
    /// How many are asked for.
    pub(crate) desired: u32,
    /// How many there are.
    pub(crate) existing: u32,
    /// How many are ready.
    pub(crate) ready: u32,
    /// Whether all pods are of the newest template, and as many as asked for.
    pub(crate) settled: bool,
    /// The version of their `StatefulSet`, as [`crate::memory::version`] has it.
    pub(crate) version: String,
}

impl WorkloadView {
    /// Tells whether every pod that is asked for is new and ready, and no other is left.
    pub(crate) fn is_complete(&self) -> bool {
        self.settled && self.ready == self.desired && self.existing == self.desired
    }
}
