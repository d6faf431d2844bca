//! Pure. `Findings`: what a status is made from.

use kafkasink_crds::resource::LostStatus;

use super::expiries::Expiry;
use crate::desired::Replicas;
use crate::model::{Ages, AppliedExternals, MembersView, PodView, Problem, ValidatedSink, WorkloadView};

/// Everything that a reconciliation found and did.
pub(crate) struct Findings<'a> {
    /// The sink.
    pub(crate) sink: &'a ValidatedSink,
    /// Topics and bucket.
    pub(crate) externals: &'a AppliedExternals,
    /// How many pods there shall be.
    pub(crate) replicas: Replicas,
    /// The pods, or why Kubernetes refused them.
    pub(crate) workload: Result<Option<&'a WorkloadView>, &'a Problem>,
    /// The pods as they were before.
    pub(crate) before: Option<&'a WorkloadView>,
    /// Whether pods have been awaited for longer than they take to come.
    pub(crate) awaited_long: bool,
    /// Each pod, as far as they could be looked at.
    pub(crate) pods: &'a [PodView],
    /// What the members say.
    pub(crate) members: &'a MembersView,
    /// How old the messages are that wait.
    pub(crate) ages: &'a Ages,
    /// What may end by itself.
    pub(crate) expiries: &'a [Expiry],
    /// What retention took before it was stored.
    pub(crate) lost: Option<&'a LostStatus>,
}
