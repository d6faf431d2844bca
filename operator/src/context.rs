//! IO: none. `Context`: what every reconciliation shares.

use std::sync::Arc;

use kube::Client;
use kube::runtime::events::Recorder;

use crate::age_memory::AgeMemory;
use crate::kafka::Connections;
use crate::lag_pace::LagPace;
use crate::leadership::Term;
use crate::member_memory::MemberMemory;
use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::neighbours::Neighbours;
use crate::reduct::Stores;
use crate::requeue::Requeue;

/// What every reconciliation shares.
pub(crate) struct Context {
    /// The Kubernetes API; it lets writes pass only during the term.
    pub(crate) client: Client,
    /// Until when this process may write.
    pub(crate) term: Term,
    /// The Kafka clusters.
    pub(crate) connections: Connections,
    /// The stores.
    pub(crate) stores: Stores,
    /// For the metrics of the pods.
    pub(crate) http: reqwest::Client,
    /// For Events; shared, so that repeats are counted together.
    pub(crate) recorder: Recorder,
    /// The operator's own numbers.
    pub(crate) metrics: Arc<Metrics>,
    /// All resources, so that one knows of the others.
    pub(crate) neighbours: Arc<Neighbours>,
    /// What was written, so that nothing is written twice.
    pub(crate) memory: Memory,
    /// What was seen of messages that wait.
    pub(crate) age_memory: AgeMemory,
    /// What members said last.
    pub(crate) member_memory: MemberMemory,
    /// When a resource is looked at again.
    pub(crate) requeue: Requeue,
    /// How often lag is written.
    pub(crate) lag_pace: LagPace,
    /// Image of the runtime where a resource names none.
    pub(crate) runtime_image: String,
}

impl Context {
    /// Forgets a resource that is gone.
    pub(crate) fn forget(&self, uid: &str) {
        self.requeue.forget(uid);
        self.lag_pace.forget(uid);
        self.memory.forget(uid);
        self.age_memory.forget(uid);
        self.member_memory.forget(uid);
        self.metrics.forget(uid);
    }
}
